"""What Arrow's threads read from is Arrow's own."""

import pyarrow as pa
import pytest

from imagecards.datasets import table_parquet
from imagecards.datasets.buffers import own_buffer
from imagecards.registry import contents


@pytest.mark.parametrize("data", [b"", b"bytes", memoryview(b"a view")])
def test_a_copy_is_equal(data: bytes) -> None:
    assert own_buffer(data).to_pybytes() == bytes(data)


@pytest.mark.parametrize("module", [contents, table_parquet])
def test_no_parquet_reader_holds_memory_of_python(module: object, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[pa.Buffer] = []
    real = pa.BufferReader

    def reader(source: object) -> object:
        held.append(source)
        return real(source)

    data = bytearray(table_parquet.encode_parquet(pa.table({"a": [1, 2]})))
    monkeypatch.setattr(pa, "BufferReader", reader)
    table = (
        contents._open(data, "a table").read()  # type: ignore[arg-type]  # any bytes will do
        if module is contents
        else table_parquet.decode_parquet(data)  # type: ignore[arg-type]
    )
    assert table["a"].to_pylist() == [1, 2]
    data.clear()  # refused while anything refers to it
    assert isinstance(held[0], pa.Buffer)
