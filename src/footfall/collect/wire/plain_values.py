"""Values that vendors send now as text, now as numbers: ids, amounts, and moments in seconds, milliseconds or microseconds."""

from __future__ import annotations

import math
from typing import Any

_INT64_MAX = (1 << 63) - 1
_MILLISECONDS_FROM = 100_000_000_000  # as seconds this is the year 5138, as milliseconds 1973
_MICROSECONDS_FROM = 100_000_000_000_000  # the same one step further


def identifier(value: object) -> str | None:
    """An id as text: text that is not empty, or a whole number; None for everything else."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, float) and value.is_integer() and abs(value) <= _INT64_MAX:
        return str(int(value))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _INT64_MAX else None


def number(text: str) -> int | float | str:
    """A number where the text is one, else the text."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value):
        return text
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value


def moment(value: Any) -> str | int | None:
    """Microseconds since 1970 of a Unix time, whose size says its unit; other text stays as it is, for those to judge who read times.

    None where there is no value.
    """
    if value is None or value == "" or isinstance(value, bool):
        return None
    amount = number(value) if isinstance(value, str) else value
    if not isinstance(amount, int | float):
        return str(amount)
    if not math.isfinite(amount):
        return str(value)
    scale = 1 if abs(amount) >= _MICROSECONDS_FROM else 1_000 if abs(amount) >= _MILLISECONDS_FROM else 1_000_000
    micros = round(amount * scale)
    return micros if abs(micros) <= _INT64_MAX else str(value)
