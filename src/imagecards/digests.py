"""Digests, and the one way in which a JSON value becomes the bytes that are digested.

`canonical_json` follows RFC 8785 (JSON Canonicalization Scheme): the same value gives the same bytes on every
machine, Python and library version, and in other languages.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

JsonValue: TypeAlias = "Mapping[str, JsonValue] | Sequence[JsonValue] | str | int | float | bool | None"
"""What JSON can hold."""

MAX_SAFE_INTEGER = 2**53
"""The largest whole number up to which every one is exact as a double, and so in every JSON reader."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_quoted = json.JSONEncoder(ensure_ascii=False).encode


def digest(data: bytes) -> str:
    """Return the digest of ``data`` in the form that cards and references use.

    Example:
        >>> digest(b"")
        'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    return "sha256:" + hashlib.sha256(data).hexdigest()


def is_digest(text: str) -> bool:
    """Tell whether ``text`` is a digest: ``sha256:`` and 64 lower-case hexadecimal digits.

    Example:
        >>> is_digest("sha256:" + 64 * "0"), is_digest("md5:0")
        (True, False)
    """
    return _DIGEST.fullmatch(text) is not None


def canonical_json(value: JsonValue) -> bytes:
    r"""Return the canonical JSON text of ``value`` by RFC 8785, in UTF-8.

    Keys are sorted by UTF-16 code units, there are no blanks, and numbers are written as ECMAScript does.

    Raises:
        ValueError: A number is not finite or is a whole number beyond 2**53, a text has a lone surrogate.
        TypeError: Something in ``value`` is not JSON.

    Example:
        >>> canonical_json({"b": [302.0, 1e21, 1e-7], "a": "é"})
        b'{"a":"\xc3\xa9","b":[302,1e+21,1e-7]}'
    """
    return canonical_text(value).encode()


def canonical_text(value: JsonValue) -> str:
    """Return what `canonical_json` does, as text: for building larger canonical texts from parts.

    Raises:
        ValueError: As `canonical_json`, but lone surrogates are found only when the text is encoded.
        TypeError: Something in ``value`` is not JSON.
    """
    if isinstance(value, str):
        return _quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _integer_text(value)
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, Mapping):
        members = [f"{_key_text(key)}:{canonical_text(value[key])}" for key in sorted_keys(value)]
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([canonical_text(item) for item in value]) + "]"
    raise TypeError(f"{type(value).__name__} is not a JSON type")


def number_text(number: float) -> str:
    """Write a double as ECMAScript does: the shortest digits that give it back, and 302.0 as ``302``.

    Raises:
        ValueError: ``number`` is not finite.

    Example:
        >>> [number_text(x) for x in (302.0, -0.0, 0.000001, 1e-7, 1e20, 1e21)]
        ['302', '0', '0.000001', '1e-7', '100000000000000000000', '1e+21']
    """
    if not math.isfinite(number):
        raise ValueError(f"{number} has no JSON form")
    mantissa, _, exponent = repr(float(number)).partition("e")
    if not exponent:
        return "0" if number == 0 else mantissa.removesuffix(".0")
    sign = "-" if number < 0 else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = whole + fraction
    point = int(exponent) + 1  # how many digits stand before the decimal point
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if -6 < point <= 0:
        return f"{sign}0.{digits.rjust(len(digits) - point, '0')}"
    return f"{sign}{whole}{'.' + fraction if fraction else ''}e{point - 1:+d}"


def sorted_keys(mapping: Mapping[str, object]) -> list[str]:
    r"""Return the keys in canonical order, by UTF-16 code units.

    Example:
        >>> sorted_keys({"\U0001f600": 1, "\ufb33": 2, "a": 3}) == ["a", "\U0001f600", "\ufb33"]
        True
    """
    keys = sorted(mapping)
    if max("".join(keys), default="") > "\uffff":  # only there does the order of code points differ
        keys.sort(key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return keys


def _key_text(key: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a JSON key is text, not {type(key).__name__}")
    return _quoted(key)


def _integer_text(number: int) -> str:
    if abs(number) > MAX_SAFE_INTEGER:
        raise ValueError("a whole number beyond 2**53 is not exact in JSON; write it as text")
    return str(int(number))
