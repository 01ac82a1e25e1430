"""What all models of this room share: frozen values, written as sealed documents, open to newer formats."""

import re
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

from imagecards.cards.document import not_exact, seal, unseal_unchecked_form
from imagecards.digests import digest
from imagecards.errors import FormatError, IntegrityError
from imagecards.paths import check_relative

FORMAT = "1.0"
"""The format that this version writes, as ``major.minor``. It reads every minor of the same major."""

_MAJOR, _MINOR = (int(number) for number in FORMAT.split("."))
_FORMAT = re.compile(r"([1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})")


def _relative(path: str) -> str:
    reason = check_relative(path)
    if reason is not None:
        raise ValueError(f"the path {reason}; write a relative path with / between its parts")
    return path


Text = Annotated[str, Strict()]
Count = Annotated[int, Strict(), Field(ge=0, le=2**53)]
DigestText = Annotated[str, Strict(), Field(pattern=r"^sha256:[0-9a-f]{64}$")]
RelativePath = Annotated[str, Strict(), AfterValidator(_relative)]


class CardModel(BaseModel):
    """A frozen part of a document.

    Fields that are ``None`` or empty are not written. Fields that this version does not know are kept and
    written back when the document is of a newer minor format, and refused otherwise.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    def __hash__(self) -> int:
        return hash(tuple(value for value in self.__dict__.values() if not isinstance(value, dict)))

    def unknown_fields(self) -> list[tuple[str, type["CardModel"]]]:
        """Fields that this version does not know, here and in every part, and the models that have them."""
        found = [(name, type(self)) for name in self.__pydantic_extra__ or ()]
        for value in self.__dict__.values():
            if hasattr(value, "unknown_fields"):  # isinstance of a pydantic model is 10 times as slow
                found += value.unknown_fields()
            elif isinstance(value, tuple | dict):
                for part in value.values() if isinstance(value, dict) else value:
                    if hasattr(part, "unknown_fields"):
                        found += part.unknown_fields()
        return found


class Sealed(CardModel):
    """A document of a registry: a value that is written as one sealed JSON file.

    Attributes:
        format: The format that it is written in, ``major.minor``.
    """

    what: ClassVar[str] = "document"

    format: Text = FORMAT

    @model_validator(mode="after")
    def _check_format(self) -> Self:
        match = _FORMAT.fullmatch(self.format)
        if match is None or int(match[1]) != _MAJOR:
            raise ValueError(f"the format {self.format!r} can't be written: this version of imagecards writes {FORMAT}")
        if int(match[2]) <= _MINOR:
            for name, model in self.unknown_fields():
                close = get_close_matches(name, model.model_fields, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(sorted(model.model_fields))}"
                raise ValueError(f"{name!r} is not a field of {model.__name__}: {hint}")
        return self

    def to_json(self) -> bytes:
        """The document's bytes: the same for the same values, on every machine.

        Raises:
            InvalidInputError: It would be larger than 16 MiB.
        """
        return seal(self.model_dump(mode="json", exclude_defaults=True) | {"format": self.format})

    @classmethod
    def from_json(cls, data: bytes, place: str = "") -> Self:
        """Read a document.

        Args:
            data: The bytes of its file.
            place: Where they are from, for messages.

        Raises:
            IntegrityError: A byte differs from what `to_json` wrote, or it is another kind of document.
            FormatError: It is of a newer major format.
        """
        place = place or f"this {cls.what}"
        body = unseal_unchecked_form(data, place)
        found = body.get("format")
        match = _FORMAT.fullmatch(found) if isinstance(found, str) else None
        if match is None:
            message = f"{place} is not a {cls.what}: its format is {found!r:.40}; restore the file from a copy"
            raise IntegrityError(message, place, FORMAT, f"{found!r:.40}")
        if int(match[1]) > _MAJOR:
            raise FormatError(
                f"{place} is a {cls.what} of format {found}, and this imagecards reads {_MAJOR}.x: upgrade imagecards"
            )
        try:
            document = cls.model_validate(body)
        except ValidationError as error:
            message = f"{place} is not a {cls.what} ({_faults(error)}): restore the file from a copy"
            raise IntegrityError(message, place) from error
        if document.to_json() != data:
            raise not_exact(place)
        return document

    @property
    def digest(self) -> str:
        """The sha256 of the document's bytes, as ``sha256:<hex>``."""
        return digest(self.to_json())


def _faults(error: ValidationError, limit: int = 3) -> str:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(map(str, fault['loc'])) or 'as a whole'}: {_plain(fault)}" for fault in details[:limit]]
    more = len(details) - limit
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")


def _plain(fault: Any) -> str:
    message: str = fault["msg"]
    return message.removeprefix("Value error, ")
