"""What each kind of table (polars, pandas, Arrow, numpy) has to say of itself to be kept and given back."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, Literal, TypeVar

import pyarrow as pa

from imagecards.datasets.table_digest import column_digests, table_digest
from imagecards.datasets.table_parquet import decode_parquet, encode_parquet
from imagecards.digests import JsonValue
from imagecards.errors import IntegrityError, InvalidInputError

Container = Literal["polars", "pandas", "pyarrow", "numpy"]
Data = TypeVar("Data")

REMEDY = "give numbers, texts, times, or lists of one kind"


class TableKind(ABC, Generic[Data]):
    """One kind of table. ``unwrap(parse(encode(data)))`` is ``data``, or ``encode`` refuses."""

    name: Container

    @abstractmethod
    def encode(self, data: Data) -> bytes:
        """The bytes of a file that holds the table; refuses what would be lost with `InvalidInputError`."""

    @abstractmethod
    def parse(self, data: bytes, place: str) -> Any:
        """What a file holds, not yet in its container; an `IntegrityError` names ``place``."""

    @abstractmethod
    def unwrap(self, parsed: Any, place: str) -> Data:
        """What `parse` gave, in its container; an `IntegrityError` names ``place``."""

    @abstractmethod
    def digest_parsed(self, parsed: Any) -> str:
        """The digest of what `parse` gave: the same under every version of the container's library."""

    @abstractmethod
    def digest(self, data: Data) -> str:
        """The digest of the content, as ``sha256:<hex>``."""

    @abstractmethod
    def columns(self, data: Data) -> list[tuple[str, str]]:
        """Name and type of each column."""

    @abstractmethod
    def rows(self, data: Data) -> int:
        """How many rows there are."""

    @abstractmethod
    def to_arrow(self, data: Data) -> pa.Table:
        """The table as an Arrow table."""


class ThroughArrow(TableKind[Data]):
    """A kind of table that is kept as parquet by way of an Arrow table."""

    extensions: frozenset[str] = frozenset()

    @abstractmethod
    def from_arrow(self, table: pa.Table) -> Data:
        """The table that `to_arrow` was given."""

    @abstractmethod
    def check_same(self, before: Data, after: Data) -> None:
        """Refuse with `InvalidInputError` what came back as something else; digests compare the values."""

    def facts(self, table: pa.Table) -> JsonValue:
        """What there is to be known beyond columns, for the digest."""
        return None

    def digest(self, data: Data) -> str:
        """The digest of the content, as ``sha256:<hex>``."""
        return self.digest_parsed(self._checked(data))

    def encode(self, data: Data) -> bytes:
        """The bytes of a parquet file with the table; refuses what would be lost with `InvalidInputError`."""
        table = self._checked(data)
        try:
            encoded = encode_parquet(table)
        except (pa.ArrowException, OSError) as error:
            field = self._culprit(table)
            raise _lost(field.name, field.type, _first_line(error)) from error
        try:
            parsed = self.parse(encoded, "the table")
            after = self.unwrap(parsed, "the table")
        except IntegrityError as error:
            fault = _first_line(error.__cause__ or error)
            raise InvalidInputError(f"the table can't be kept without loss ({fault}): {REMEDY}") from error
        self.check_same(data, after)
        back = self.to_arrow(after)
        expected = self.digest_parsed(table)
        if not expected == self.digest_parsed(back) == self.digest_parsed(parsed):
            for field, *pair in zip(table.schema, self._columns(table), self._columns(back), strict=True):
                if pair[0] != pair[1]:
                    raise _lost(field.name, field.type, "its values come back as others")
            raise InvalidInputError(f"the table can't be kept without loss (its index or its labels change): {REMEDY}")
        return encoded

    def parse(self, data: bytes, place: str) -> pa.Table:
        """The Arrow table that a file holds; an `IntegrityError` names ``place``."""
        table = decode_parquet(data, place)
        try:
            self._check_types(table.schema)
            self.facts(table)
        except (ValueError, TypeError, KeyError) as error:
            raise self._unreadable(place, error) from error
        return table

    def unwrap(self, parsed: pa.Table, place: str) -> Data:
        """An Arrow table in its container; an `IntegrityError` names ``place``."""
        try:
            return self.from_arrow(parsed)
        except (pa.ArrowException, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise self._unreadable(place, error) from error

    def digest_parsed(self, parsed: pa.Table) -> str:
        """The digest of an Arrow table."""
        return table_digest(parsed, self.name, self.facts(parsed))

    def _unreadable(self, place: str, error: Exception) -> IntegrityError:
        message = f"{place} can't be read as a {self.name} table ({_first_line(error)})"
        return IntegrityError(f"{message}: restore the file from a copy", place)

    def _checked(self, data: Data) -> pa.Table:
        table = self.to_arrow(data)
        self._check_types(table.schema)
        return table

    def _check_types(self, schema: pa.Schema) -> None:
        for field in schema:
            for kind in _nested(field.type):
                if pa.types.is_union(kind) or _extension(kind) not in {"", *self.extensions}:
                    raise _lost(field.name, field.type, f"parquet has no {_extension(kind) or 'union'} values")

    def _columns(self, table: pa.Table) -> Iterable[tuple[str, JsonValue, str]]:
        return column_digests(table, self.name)

    def _culprit(self, table: pa.Table) -> pa.Field:
        """The first column that can't be written by itself."""
        for index, field in enumerate(table.schema):
            try:
                encode_parquet(table.select([index]))
            except (pa.ArrowException, OSError):
                return field
        return table.schema.field(0)


def _lost(name: str, kind: Any, fault: str) -> InvalidInputError:
    return InvalidInputError(f"the column {name!r} of type {kind} can't be kept without loss ({fault}): {REMEDY}")


def _extension(kind: pa.DataType) -> str:
    return kind.extension_name if isinstance(kind, pa.BaseExtensionType) else ""


def _nested(kind: pa.DataType) -> Iterable[pa.DataType]:
    yield kind
    if pa.types.is_dictionary(kind):
        yield from _nested(kind.value_type)
    for index in range(kind.num_fields):
        field = kind.field(index)
        field.name.encode("utf-8")  # the name of a damaged field may be no text, which polars does not survive
        yield from _nested(field.type)


def _first_line(error: BaseException) -> str:
    text = error.args[0] if error.args else error
    return " ".join(str(text).split())[:160]
