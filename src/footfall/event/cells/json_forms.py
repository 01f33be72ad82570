"""JSON as SQL writes it: decoded with every digit, and written anew the way json_extract_string does.

What the compiled loops of `json_members` leave: numbers in other forms, objects with names that are there twice or in escapes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_SQL_NUMBER = re.compile(
    rf"\+?(-?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?|-?inf(?:inity)?|-?nan(?:\([A-Za-z0-9_]*\))?)",
    re.IGNORECASE | re.ASCII,
)
_ESCAPES = {ord(plain): f"\\{mark}" for plain, mark in zip('"\\\b\f\n\r\t', '"\\bfnrt', strict=True)}
_ESCAPES |= {code: f"\\u{code:04X}" for code in range(32) if code not in _ESCAPES}


class Number(str):
    """A number as it is written."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """The members of an object in order, doubles and all."""


def decoded(raw: bytes) -> Any:
    """The value of a JSON text; None for what is none."""
    try:
        return json.loads(raw, object_pairs_hook=Members, parse_float=Number, parse_int=Number, parse_constant=Number)
    except (ValueError, RecursionError):
        return None


def member_at(value: Any, path: Sequence[str]) -> Any:
    """The first member under each name of the path; None where there is none."""
    for name in path:
        if not isinstance(value, Members):
            return None
        value = next((member for key, member in value if key == name), None)
    return value


def written(value: Any) -> str | None:
    """A decoded value as json_extract_string gives it."""
    return value if isinstance(value, str) and not isinstance(value, Number) else None if value is None else _json_of(value)


def _json_of(value: Any) -> str:
    if isinstance(value, Number):
        return _shortest(value)
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, Members):
        return "{" + ",".join(f"{_json_of(name)}:{_json_of(member)}" for name, member in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json_of, value)) + "]"
    return "null" if value is None else "true" if value else "false"


def _shortest(text: str) -> str:
    """A JSON number in its shortest form."""
    if not any(mark in text for mark in ".eE"):
        return "0" if text == "-0" else str(text)
    number = float(text)
    if not isfinite(number):
        return str(text)
    digits, _, power = repr(number).partition("e")
    if not power:
        return digits
    sign, digits = ("-", digits[1:]) if digits[0] == "-" else ("", digits)
    whole, _, fraction = digits.partition(".")
    exponent = int(power)
    if -7 < exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{whole}{fraction}"
    if 0 <= exponent < 21:
        return f"{sign}{(whole + fraction).ljust(exponent + 1, '0')}.0"
    return f"{sign}{digits}e{exponent}"


def sql_number(text: str) -> float | None:
    """Text as TRY_CAST to DOUBLE reads it; None for null."""
    match = _SQL_NUMBER.fullmatch(text.strip(" \t\n\v\f\r"))
    if match is None:
        return None
    plain = match[1].replace("_", "").lower()
    return float("nan") if "nan" in plain else float(plain)
