"""Where cards meet storage: registering, looking up, fetching, verifying."""

from imagecards.registry.registry import CardRegistry

__all__ = ["CardRegistry"]
