"""Bytes in memory of Arrow's own."""

import pyarrow as pa


def own_buffer(data: bytes | bytearray | memoryview) -> pa.Buffer:
    """Copy bytes into a buffer that Arrow's threads can let go of without the interpreter.

    Arrow reads parquet in threads of its own, and one of them may be the last to drop what it read from. If that
    belongs to Python, the thread asks for the interpreter, which may just be ending: then the process aborts.

    Args:
        data: The bytes; they are not referred to afterwards.

    Example:
        >>> own_buffer(b"parquet").to_pybytes()
        b'parquet'
    """
    buffer = pa.allocate_buffer(len(data))
    memoryview(buffer).cast("B")[:] = memoryview(data).cast("B")
    return buffer
