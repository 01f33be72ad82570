"""Keys of groups and persons as 64-bit numbers: the same for the same values for ever, because state is kept by them.

A value is hashed as its text in SQL (12, 1.5, true, 2026-11-01 08:00:00+00) by the function of `person_key`, so a property has one hash
whether it is a promoted column or JSON, and the hash of `person_id` is `person_key`.  Null has a hash of its own.  Several values are mixed in
their order.  Of 10 million keys two are the same with a chance of about 3 in a million.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import numba
import numpy as np
import pyarrow as pa

from footfall.event.person import person_keys
from footfall.event.schema import COLUMN_TYPES
from footfall.kernels.live.table import mixed
from footfall.stream.reading.cell_text import integers_of, sql_text, valid_of

NULL_HASH = -0x6E75_6C6C_0F00_7FA1
Hashes = np.ndarray[Any, np.dtype[np.int64]]
Truths = np.ndarray[Any, np.dtype[np.bool_]]


@numba.njit(nogil=True, cache=True)
def _hash_integers(values: Any, keys: Any) -> None:
    """(n,) int64 -> the hash of each one's decimal digits."""
    digits = np.empty(20, np.uint8)
    for row in range(len(values)):
        value = values[row]
        rest = np.uint64(value) if value >= 0 else np.uint64(0) - np.uint64(value)
        first = 20
        while True:
            first -= 1
            digits[first] = np.uint8(48) + np.uint8(rest % np.uint64(10))
            rest //= np.uint64(10)
            if rest == 0:
                break
        h = np.uint64(0xCBF29CE484222325)
        if value < 0:
            h = (h ^ np.uint64(45)) * np.uint64(0x100000001B3)
        for k in range(first, 20):
            h = (h ^ np.uint64(digits[k])) * np.uint64(0x100000001B3)
        h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
        h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
        keys[row] = np.int64(h ^ (h >> np.uint64(33)))


@numba.njit(nogil=True, cache=True)
def _mix(keys: Any, more: Any) -> None:
    """Mix the next values into the keys, in place."""
    for row in range(len(keys)):
        keys[row] = mixed(keys[row], more[row])


def value_hashes(array: pa.Array) -> tuple[Hashes, Truths]:
    """(n,) plain values -> (n,) hashes, and which are not null."""
    valid = valid_of(array)
    if pa.types.is_int64(array.type):
        hashes = np.empty(len(array), np.int64)
        _hash_integers(integers_of(array), hashes)
    elif pa.types.is_string(array.type):
        hashes = person_keys(array)
    else:
        coded = array.dictionary_encode()
        known = np.append(person_keys(sql_text(coded.dictionary)), NULL_HASH)
        hashes = known[coded.indices.fill_null(len(known) - 1).to_numpy()]
    if not valid.all():
        hashes = np.where(valid, hashes, NULL_HASH)
    return hashes, valid


def tuple_hashes(arrays: Sequence[pa.Array]) -> tuple[Hashes, Truths]:
    """Columns of (n,) plain values -> (n,) hashes of the rows, and which rows have no null."""
    hashes, valid = value_hashes(arrays[0])
    if len(arrays) > 1:
        hashes = hashes.copy()
    for array in arrays[1:]:
        more, also = value_hashes(array)
        _mix(hashes, more)
        valid = valid & also
    return hashes, valid


def hash_of(values: Sequence[str | float | bool | date | None], types: Sequence[str]) -> int:
    """The hash of one row of values, whose columns have these type names.

    A value may be written as text, as in a list of allowed ids: "12" is 12 in an int64 column.
    """
    arrays = [pa.array([_typed(value, kind)], COLUMN_TYPES.get(kind, pa.string())) for value, kind in zip(values, types, strict=True)]
    return int(tuple_hashes(arrays)[0][0])


def _typed(value: str | float | bool | date | None, kind: str) -> Any:
    """A value as a column of this type holds it."""
    if value is None:
        return None
    if isinstance(value, str):
        return _READ.get(kind, str)(value)
    if kind in ("string", "json"):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


_READ: dict[str, Callable[[str], Any]] = {
    "int64": int,
    "float64": float,
    "bool": lambda text: text.lower() == "true",
    "timestamp": datetime.fromisoformat,
    "date": date.fromisoformat,
}
