import unicodedata

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imagecards.paths import DEVICE_PATH, MAX_PART_BYTES, PLAIN_PATH, check_relative, collision_key

SAFE = [
    "a.png",
    "a/b/c.png",
    "a b.png",
    "a/%2e%2e/b",
    ".hidden",
    "a..b",
    "...a",
    "é.png",
    "漢字/写真.jpg",
    "😀.png",
    "con1.png",
    "console.png",
    "nullable",
    "a~b",
    "a,b;c",
    "-x",
    "COM.png",
    "com10.txt",
    "x" * 255,
    "/".join(["x" * 200] * 5),
]

REFUSED = {
    "": "is empty",
    "/etc/passwd": "is absolute",
    "../../etc/passwd": "has a '..' part",
    "a/../b": "has a '..' part",
    "a/..": "has a '..' part",
    "..": "has a '..' part",
    "./a": "has a '.' part",
    "a//b": "has an empty part",
    "a/": "has an empty part",
    "....//": "has a part that ends with a dot or a space",
    "..\\..\\x": "has a backslash",
    "\\\\srv\\s": "has a backslash",
    "C:\\x": "has a backslash",
    "C:x": "has a colon",
    "a:b": "has a colon",
    "a.png:stream": "has a colon",
    "file:///etc/passwd": "is a URL",
    "s3://bucket/x": "is a URL",
    "zip://x::..": "is a URL",
    "~/x": "starts with '~'",
    "a\u0000.png": "has a control character (U+0000)",
    "a\n": "has a control character (U+000A)",
    "a\x7f": "has a control character (U+007F)",
    "a\x85b": "has a control character (U+0085)",
    "a\u202egnp.exe": "has an invisible formatting character (U+202E)",
    "a\u200bb": "has an invisible formatting character (U+200B)",
    "\ufeffa": "has an invisible formatting character (U+FEFF)",
    "a\ud800": "has a lone surrogate (U+D800)",
    "a\u2028b": "has a line separator (U+2028)",
    "a\u2029b": "has a paragraph separator (U+2029)",
    "e\u0301.png": "is not in Unicode normal form NFC",
    "a.png.": "has a part that ends with a dot or a space",
    "a.png ": "has a part that ends with a dot or a space",
    "a /b": "has a part that ends with a dot or a space",
    "CON": "has a part that Windows reserves for a device",
    "con.png": "has a part that Windows reserves for a device",
    "a/Nul.tar.gz": "has a part that Windows reserves for a device",
    "aux/x": "has a part that Windows reserves for a device",
    "lpt9.png": "has a part that Windows reserves for a device",
    "COM\u00b9.png": "has a part that Windows reserves for a device",
    "prn .png": "has a part that Windows reserves for a device",
    "x" * 256: "has a part longer than 255 bytes",
    "é" * 128: "has a part longer than 255 bytes",
    "/".join(["x" * 205] * 5): "is longer than 1024 bytes",
    "x" * 5000: "is longer than 1024 bytes",
}

# Names that some file system takes for the same file: by case, by composition, by compatibility.
COLLIDING = [
    ("A.png", "a.png"),
    ("ß", "ss"),
    ("\ufb01x", "fix"),
    ("\u212a", "k"),
    ("\u0130", "i\u0307"),
    ("é", "e\u0301"),
]


@pytest.mark.parametrize("path", SAFE)
def test_safe_paths_are_accepted(path: str) -> None:
    assert check_relative(path) is None


@pytest.mark.parametrize(("path", "reason"), REFUSED.items())
def test_hostile_paths_are_refused_with_the_reason(path: str, reason: str) -> None:
    assert check_relative(path) == reason


@pytest.mark.parametrize("limit", ["x" * 255, "é" * 127, "/".join(["x" * 204] * 4 + ["x" * 203])])
def test_limits_are_inclusive(limit: str) -> None:
    assert check_relative(limit) is None
    assert check_relative(limit + "xx") is not None


@pytest.mark.parametrize(("one", "other"), COLLIDING)
def test_colliding_names_share_their_key(one: str, other: str) -> None:
    assert collision_key(one) == collision_key(other)


def test_distinct_names_have_distinct_keys() -> None:
    assert len({collision_key(name) for name in ("a.png", "b.png", "a.jpg", "a/a.png")}) == 4


@given(st.text(max_size=12))
@example("a\n")
@example("..")
def test_an_accepted_path_stays_below_its_root(path: str) -> None:
    if check_relative(path) is None:
        parts = path.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert "\\" not in path
        assert "\0" not in path
        assert unicodedata.normalize("NFC", path) == path
        path.encode()


@settings(deadline=None)  # the first call loads Arrow's kernels
@given(
    st.one_of(
        st.text(st.characters(codec="utf-8"), max_size=10),
        st.text("ab.-_ /\\:~CONconNULul19\n", max_size=10),
        st.text("ab/.", min_size=250, max_size=300),
    )
)
def test_the_patterns_prove_only_safe_paths_in_arrow_too(path: str) -> None:
    column = pa.array([path])
    plain = pc.match_substring_regex(column, PLAIN_PATH)[0].as_py()
    device = pc.match_substring_regex(column, DEVICE_PATH)[0].as_py()
    if plain and not device and len(path.encode()) <= MAX_PART_BYTES:
        assert check_relative(path) is None
