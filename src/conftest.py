"""Which examples in docstrings can't be tried: those of a room whose extra is not installed."""

from importlib.util import find_spec

_NEEDS_TORCH = ("batching", "examples", "loader", "map_dataset", "ranks", "sending", "stream_dataset")
_NEEDS_OPSML = ("dataset", "links", "loading", "registering")

collect_ignore = [] if find_spec("torch") else [f"imagecards/torch/{name}.py" for name in _NEEDS_TORCH]
if not find_spec("opsml"):
    collect_ignore += [f"imagecards/opsml/{name}.py" for name in _NEEDS_OPSML]
