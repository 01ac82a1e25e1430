"""Every error that imagecards raises, by what a handler would do about it.

    ImageCardsError
    ├── InvalidInputError (ValueError)        an argument, a name, a reference: call again, corrected
    ├── InvalidMetadataError (ValueError)     the data breaks rules: mend what ``.issues`` lists
    ├── FormatError (ValueError)              a file is not what its format says: mend or convert it
    ├── NotFoundError (LookupError)           a card, version, tag or artifact is not there
    ├── AlreadyExistsError                    the name is taken
    │   └── VersionConflictError              that version holds something else: choose another number
    ├── IntegrityError                        bytes are not those that the card names: restore them
    ├── StorageError (OSError)                the backend failed; the message says what was left undone
    │   ├── ReadOnlyError                     the registry can't be written
    │   └── CommitUnknownError                nobody can tell yet whether the commit landed: resolve it
    └── MissingDependencyError (ImportError)  an extra has to be installed

Arguments of the pydantic models and of ``ImageDataset`` that have the wrong type or break a model's own rules
raise pydantic's ``ValidationError`` (a ``ValueError``), as the models of the field do.
"""

from collections.abc import Sequence
from typing import Any


class ImageCardsError(Exception):
    """The root of the tree: ``except ImageCardsError`` catches everything that imagecards raises itself."""


class InvalidInputError(ImageCardsError, ValueError):
    """An argument, a name, a version or a reference is not valid."""


class InvalidMetadataError(ImageCardsError, ValueError):
    """A dataset breaks the rules of records.

    Attributes:
        issues: What was found, one `imagecards.records.Issue` each, in the order of the files.
    """

    def __init__(self, message: str = "", issues: Sequence[Any] = ()) -> None:
        super().__init__(message, issues)
        self.message = message
        self.issues = tuple(issues)

    def __str__(self) -> str:
        return self.message


class FormatError(ImageCardsError, ValueError):
    """A file is not what its format says it should be."""


class NotFoundError(ImageCardsError, LookupError):
    """A card, version, tag, artifact or image does not exist."""


class AlreadyExistsError(ImageCardsError):
    """The name is taken, and what is there is never replaced."""


class VersionConflictError(AlreadyExistsError):
    """The version is registered already, with other content."""


class IntegrityError(ImageCardsError):
    """Stored bytes are not those that the card names.

    Attributes:
        place: The file, and the image in it where one is concerned.
        expected: What the card says, for example ``sha256:...``.
        actual: What was found.
    """

    def __init__(self, message: str = "", place: str = "", expected: str = "", actual: str = "") -> None:
        super().__init__(message, place, expected, actual)
        self.message = message
        self.place = place
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        return self.message


class StorageError(ImageCardsError, OSError):
    """The storage behind the registry failed."""


class ReadOnlyError(StorageError):
    """The registry can be read but not written."""


class CommitUnknownError(StorageError):
    """Nobody can tell yet whether the commit landed; no bytes were deleted.

    Attributes:
        attempt: What ``CardRegistry.resolve`` takes to find out.
        visible: Whether it is there for others to see, and only not known to outlive a power failure.
    """

    def __init__(self, message: str = "", attempt: str = "", visible: bool = False) -> None:
        super().__init__(message, attempt, visible)
        self.message = message
        self.attempt = attempt
        self.visible = visible

    def __str__(self) -> str:
        return self.message


class MissingDependencyError(ImageCardsError, ImportError):
    """An optional dependency is not installed; the message names the extra."""


def retold(error: ImageCardsError, message: str) -> ImageCardsError:
    """An error of the same type with the same facts that says more, for example what was done before it.

    Example:
        >>> retold(IntegrityError("a.json is damaged", "a.json"), "the tag prod: a.json is damaged").place
        'a.json'
    """
    facts = error.args[1:] if isinstance(error, InvalidMetadataError | IntegrityError | CommitUnknownError) else ()
    return type(error)(message, *facts)
