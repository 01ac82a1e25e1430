"""The marker of a registry: what makes a folder or a bucket one."""

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Strict

from imagecards.cards.model import Sealed

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _check_uuid(text: str) -> str:
    if _UUID.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a UUID in its usual form: give str(uuid.uuid4())")
    return text


class RegistryMarker(Sealed):
    """What ``imagecards.json`` at the root of a registry says.

    Attributes:
        registry: The registry's own UUID, which a copy of it shares.
    """

    what: ClassVar[str] = "registry marker"

    registry: Annotated[str, Strict(), AfterValidator(_check_uuid)]
