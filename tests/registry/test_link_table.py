"""Of each row the link is found that was put there, from tables of any make."""

import pickle

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from imagecards.registry import contents
from imagecards.registry.link_table import LinkTable

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="/"), max_size=4)
URLS = st.builds("s3://{}/{}".format, st.lists(WORDS, max_size=2).map("/".join), WORDS)
LINKS = st.none() | st.tuples(URLS, st.none() | WORDS, st.none() | WORDS)
CHUNKS = st.lists(st.lists(LINKS, max_size=5), max_size=4)


def table_of(links: list[tuple[str, str | None, str | None] | None]) -> pa.Table:
    rows = [link or (None, None, None) for link in links]
    return pa.table([[row[number] for row in rows] for number in range(3)], schema=contents.LINK_COLUMNS)


@given(CHUNKS, st.integers(0, 8))
def test_every_link_comes_back(chunks: list[list[tuple[str, str | None, str | None] | None]], start: int) -> None:
    table = pa.concat_tables([contents.LINK_COLUMNS.empty_table(), *map(table_of, chunks)]).slice(start)
    links = pickle.loads(pickle.dumps(LinkTable(table)))
    expected = [link for chunk in chunks for link in chunk][start:]
    assert [links.get(row) for row in range(len(expected))] == expected
    assert [row in links for row in range(len(expected))] == [link is not None for link in expected]


def test_a_folder_is_sent_to_a_process_once() -> None:
    folder = "hf://datasets/owner/repo@0123456789012345678901234567890123456789/images"
    rows = 10_000
    links = LinkTable(table_of([(f"{folder}/{row:04d}.jpg", None, None) for row in range(rows)]))
    each = len(pickle.dumps(links)) / rows
    assert each < 40  # bytes: 31 that say where its texts lie, 8 of the file's name, and of the folder nothing
