"""Origins: where the images of a version were read from."""

from typing import Annotated

from pydantic import Field, Strict

from imagecards.cards.model import CardModel, Count, DigestText


class Origin(CardModel):
    """A place from which images were read: a folder of objects, or a zip.

    Attributes:
        place: Its URL, with the commit of a repository; or the name of a file that was on somebody's disk.
        size: The bytes of a file.
        digest: The sha256 of a file, as ``sha256:<hex>``.
    """

    place: Annotated[str, Strict(), Field(min_length=1, max_length=4096)]
    size: Count | None = None
    digest: DigestText | None = None
