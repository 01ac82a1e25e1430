"""Read metadata.jsonl: two paths, one answer.

The exact path reads line by line and says what is wrong; the columnar path proves many lines valid at once.
Lines are offered to the columnar path first. What it can't prove is halved until few lines are left, which
the exact path reads in order, so one bad line in a million costs a few milliseconds.

The paths agree because only the exact path ever refuses a line or settles the type of a field, always in the
order of the file, and the columnar path proves lines only against types that earlier lines have settled.
"""

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.records import columnar, schema
from imagecards.records.exact import MAX_FIELDS, MAX_LINE_BYTES, Line, read_line, read_or_rules, settle, spread_document
from imagecards.records.issues import Collector, Issue, Report
from imagecards.records.lines import BLANK, BLOCK_BYTES, Block, split_blocks
from imagecards.records.merge import check_names
from imagecards.records.shape import Shape

Prove: TypeAlias = Callable[[Any, int, Shape], pa.Table | None]

_FIRST_LINES = 32  # of a file: to read as many exactly takes as long as to prove a thousand
_MOST_FAILURES = 16  # proofs that fail in a row; one bad line makes about 12 fail before it is alone
_MOST_DOUBLINGS = 8
_REMEMBERED_BYTES = 16  # of a bad line: as long as they are short, few different ones make a large file
_MOST_REMEMBERED = 100_000
_MAX_CELLS = 64_000_000  # rows times columns that any dataset may have, whatever its size in bytes


def read_jsonl(
    data: bytes, file: str = "metadata.jsonl", *, max_line_bytes: int = MAX_LINE_BYTES
) -> tuple[pa.Table, Report]:
    r"""Read the text of a metadata.jsonl.

    Args:
        data: The text, in UTF-8; a BOM, CRLF and blank lines are accepted.
        file: Its name, for the issues.
        max_line_bytes: How long a line may be.

    Returns:
        The valid records in the order of the file, as the columns that `imagecards.records.schema` describes
        and ``line`` (int64, counted from 1); and everything that is wrong, or worth a look.

    Example:
        >>> table, report = read_jsonl(b'{"file_name": "a.png"}\n{"file_name": "../b.png"}\n')
        >>> table["file_name"].to_pylist(), [(issue.line, issue.rule) for issue in report]
        (['a.png'], [(2, 'unsafe-path')])
    """
    return Reader(data, file, max_line_bytes=max_line_bytes).read()


class Reader:
    """The state of reading one file: what is settled, found and read so far.

    Args:
        data: The text.
        file: Its name, for the issues.
        max_line_bytes: How long a line may be.
        prove: The columnar path; with one that proves nothing the exact path reads every line.
        few_lines: From how many lines on the columnar path is tried.
        block_bytes: How much text the columnar path is first offered at a time.
    """

    def __init__(
        self,
        data: bytes,
        file: str,
        *,
        max_line_bytes: int = MAX_LINE_BYTES,
        prove: Prove = columnar.prove,
        few_lines: int = 128,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        lines = data.count(b"\n") + 1
        self.data = data
        self.file = file
        self.max_line_bytes = max_line_bytes
        self.max_fields = min(MAX_FIELDS, max(_MAX_CELLS, len(data)) // lines)
        self.prove = prove
        self.few_lines = few_lines
        self.block_bytes = block_bytes
        self.shape = schema.EMPTY_SHAPE
        self.issues = Collector()
        self.pieces: list[pa.Table] = []
        self.failures = 0  # how many proofs failed in a row
        self.remembered: dict[bytes, list[str]] = {}

    def read(self) -> tuple[pa.Table, Report]:
        """Read everything; see `read_jsonl`."""
        spread = self._spread_document()
        if spread is not None:
            self.issues.add(spread)
            return _with_line(schema.table_schema(self.shape)).empty_table(), self.issues.report()
        for block, proved, shape in self._attempts():
            self._take(block, 0, len(block), proved, shape)
        target = _with_line(schema.table_schema(self.shape))
        tables = [schema.conform_table(piece, target) for piece in self.pieces]
        table = pa.concat_tables([target.empty_table(), *tables])
        self._report(check_names(table, self.file))
        return table, self.issues.report()

    def _spread_document(self) -> Issue | None:
        for block in split_blocks(self.data, self.max_line_bytes, self.block_bytes):
            for index in range(len(block)):
                text = block.line(index)
                if text.strip(BLANK):
                    alone = not self.data[block.ends[index] :].strip()
                    return spread_document(text, self.file, block.first + index, alone=alone)
        return None

    def _attempts(self) -> Iterator[tuple[Block, pa.Table | None, Shape]]:
        """Yield each block in order with what the columnar path makes of it, working a few blocks ahead."""
        blocks = split_blocks(self.data, self.max_line_bytes, self.block_bytes)
        # The first block settles most types; before it is read nothing can be proved.
        for block in itertools.islice(blocks, 1):
            yield block, None, self.shape
        workers = min(4, os.cpu_count() or 1)
        with ThreadPoolExecutor(workers) as pool:
            ahead: deque[tuple[Block, Future[tuple[pa.Table | None, Shape]]]] = deque()
            for block in blocks:
                ahead.append((block, pool.submit(self._attempt, block)))
                if len(ahead) > workers:
                    yield _resolved(*ahead.popleft())
            while ahead:
                yield _resolved(*ahead.popleft())

    def _attempt(self, block: Block) -> tuple[pa.Table | None, Shape]:
        shape = self.shape
        return self._proved(block, 0, len(block), shape), shape

    def _proved(self, block: Block, start: int, stop: int, shape: Shape) -> pa.Table | None:
        """Prove the plain lines among those from ``start`` to ``stop``."""
        plain = np.flatnonzero(block.plain[start:stop]) + start
        if len(plain) < self.few_lines:
            return None
        table = self.prove(block.joined(plain), len(plain), shape)
        return None if table is None else table.append_column("line", pa.array(plain + block.first))

    def _take(self, block: Block, start: int, stop: int, proved: pa.Table | None, shape: Shape) -> None:
        """Read the lines from ``start`` to ``stop``, given what the columnar path proved under ``shape``."""
        if proved is None and shape is not self.shape:
            proved = self._tried(block, start, stop)
        if proved is not None:
            unusual = np.flatnonzero(~block.plain[start:stop]) + start
            self._keep(_in_order(proved, self._read_exactly(block, unusual.tolist()), self.shape))
        elif stop - start <= self.few_lines:
            self._keep(self._read_exactly(block, range(start, stop)))
        elif self.failures > _MOST_FAILURES:
            self._take_bad(block, start, stop)
        else:
            # What comes first may settle types that let the rest be proved, so they are tried in turn.
            for low, high in itertools.pairwise((start, *self._cuts(block, start, stop), stop)):
                self._take(block, low, high, self._tried(block, low, high), self.shape)

    def _cuts(self, block: Block, start: int, stop: int) -> list[int]:
        """Where lines that could not be proved together are cut."""
        if block.first + start > 1:
            return [(start + stop) // 2]
        # Nothing is settled yet. In most files the first lines settle everything; whether they did is found out on a
        # few more, since a proof of all that remains costs much when it fails.
        first = start + min(self.few_lines, _FIRST_LINES)
        return [cut for cut in (first, first + self.few_lines) if cut < stop]

    def _take_bad(self, block: Block, start: int, stop: int) -> None:
        """Read lines where most proofs fail: exactly, with ever fewer attempts to prove some of them."""
        exactly = True
        while start < stop and self.failures > _MOST_FAILURES:
            span = self.few_lines << min(self.failures - _MOST_FAILURES, _MOST_DOUBLINGS)
            end = min(stop, start + span)
            if exactly:
                self._keep(self._read_exactly(block, range(start, end)))
                start = end
            else:
                proved = self._tried(block, start, end)
                if proved is not None:
                    self._take(block, start, end, proved, self.shape)
                    start = end
            exactly = not exactly
        if start < stop:
            self._take(block, start, stop, self._tried(block, start, stop), self.shape)

    def _tried(self, block: Block, start: int, stop: int) -> pa.Table | None:
        if stop - start < self.few_lines:
            return None
        table = self._proved(block, start, stop, self.shape)
        self.failures = self.failures + 1 if table is None else 0
        return table

    def _read_exactly(self, block: Block, indices: Iterable[int]) -> pa.Table:
        lines: list[Line] = []
        for index in indices:
            text = block.line(index)
            if not text.strip(BLANK):
                continue
            read = self._read_one(text, block.first + index)
            if read is None:
                continue
            self.shape, found = settle(read, self.shape, self.file, self.max_fields)
            self._report(found)
            if all(issue.severity == "warning" for issue in found):
                lines.append(read)
        if not lines:
            return _with_line(schema.table_schema(self.shape)).empty_table()
        table = schema.to_table([line.record for line in lines], self.shape)
        return table.append_column("line", pa.array([line.number for line in lines], pa.int64()))

    def _read_one(self, text: bytes, number: int) -> Line | None:
        """Read one line; what is wrong with it is reported."""
        if not self.issues.full:
            read = read_line(text, self.file, number, self.max_line_bytes)
            if isinstance(read, Line):
                return read
            self._report(read)
            return None
        rules = self.remembered.get(text)
        if rules is None:
            line = read_or_rules(text, number, self.max_line_bytes)
            if isinstance(line, Line):
                return line
            rules = line
            if len(text) <= _REMEMBERED_BYTES and len(self.remembered) < _MOST_REMEMBERED:
                self.remembered[text] = rules
        self.issues.count(rules)
        return None

    def _report(self, issues: Iterable[Issue]) -> None:
        for issue in issues:
            self.issues.add(issue)

    def _keep(self, table: pa.Table) -> None:
        if len(table):
            self.pieces.append(table)


def _resolved(block: Block, attempt: "Future[tuple[pa.Table | None, Shape]]") -> tuple[Block, pa.Table | None, Shape]:
    return block, *attempt.result()


def _with_line(records: pa.Schema) -> pa.Schema:
    return records.append(pa.field("line", pa.int64()))


def _in_order(proved: pa.Table, others: pa.Table, shape: Shape) -> pa.Table:
    """Join what the two paths read of the same lines, by line."""
    if not len(others):
        return proved
    target = _with_line(schema.table_schema(shape))
    joined = pa.concat_tables([schema.conform_table(proved, target), others]).combine_chunks()
    return joined.take(pc.sort_indices(joined["line"]))
