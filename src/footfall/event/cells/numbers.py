"""Cells to whole numbers, decimals and truth values: exact, or refused.

A decimal with at most 15 significant digits and a small exponent is computed here with one correctly rounded multiplication
or division (Clinger's fast path); the rest, about none in real files, goes through Python's own parser.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from footfall.event.cells.times import INVALID, MISSING, READ, decimal_of
from footfall.event.raw import FALSE, NULL, TRUE, Numbers, Octets

_SLOW = 3
_TEN = np.array([10.0**k for k in range(23)])
_WHOLE_TEN = np.array([10**k for k in range(19)], np.int64)

Column = tuple[np.ndarray[Any, Any], np.ndarray[Any, np.dtype[np.uint8]]]


@numba.njit(nogil=True, cache=True)
def _integers(octets: Any, cells: Any, values: Any, state: Any) -> None:
    for row in range(len(cells)):
        start, stop = cells[row, 0], cells[row, 1]
        values[row] = 0
        if cells[row, 2] == NULL:
            state[row] = MISSING
            continue
        negative = start < stop and octets[start] == 45
        i = start + 1 if start < stop and (negative or octets[start] == 43) else start
        number = np.uint64(0)
        state[row] = READ if i < stop and 48 <= octets[i] <= 57 else INVALID
        while i < stop and 48 <= octets[i] <= 57:
            digit = np.uint64(octets[i] - 48)
            if number > np.uint64(922_337_203_685_477_580) or (
                number == np.uint64(922_337_203_685_477_580) and digit > np.uint64(8 if negative else 7)
            ):
                state[row] = INVALID
                break
            number = number * np.uint64(10) + digit
            i += 1
        if i < stop and octets[i] == 46 and state[row] == READ:  # 12.0 is a whole number, 12.5 is not
            i += 1
            while i < stop and octets[i] == 48:
                i += 1
        if i != stop:
            state[row] = INVALID
        values[row] = np.int64(np.uint64(0) - number) if negative else np.int64(number)


@numba.njit(nogil=True, cache=True)
def _decimals(octets: Any, cells: Any, values: Any, state: Any) -> bool:
    """Whether some values are left to Python's parser (_SLOW)."""
    slow = False
    for row in range(len(cells)):
        start, stop = cells[row, 0], cells[row, 1]
        values[row] = 0.0
        if cells[row, 2] == NULL:
            state[row] = MISSING
            continue
        negative = start < stop and octets[start] == 45
        i = start + 1 if start < stop and (negative or octets[start] == 43) else start
        number, digits, scale = decimal_of(octets, i, stop)
        if not number:
            state[row] = INVALID
        elif stop - i > 18 or digits > 9_007_199_254_740_992 or scale < -22 or scale > 22:
            state[row] = _SLOW
            slow = True
        else:
            value = digits / _TEN[-scale] if scale < 0 else digits * _TEN[scale]
            values[row] = -value if negative else value
            state[row] = READ
    return slow


def integers(octets: Octets, cells: Numbers) -> Column:
    """(n, 3) cells -> (n,) int64 and READ, MISSING or INVALID.  `12.0` is 12; `12.5`, `1e3` and what overflows are invalid."""
    values, state = np.empty(len(cells), np.int64), np.empty(len(cells), np.uint8)
    _integers(octets, cells, values, state)
    return values, state


def decimals(octets: Octets, cells: Numbers) -> Column:
    """(n, 3) cells -> (n,) float64, correctly rounded, and READ, MISSING or INVALID."""
    values, state = np.empty(len(cells), np.float64), np.empty(len(cells), np.uint8)
    if _decimals(octets, cells, values, state):
        for row in np.flatnonzero(state == _SLOW):
            number = float(bytes(octets[cells[row, 0] : cells[row, 1]]))
            values[row] = number
            state[row] = READ if np.isfinite(number) else INVALID
    return values, state


_TRUTHS = {b"true": True, b"false": False, b"t": True, b"f": False, b"1": True, b"0": False, b"yes": True, b"no": False, b"y": True, b"n": False}


def truths(octets: Octets, cells: Numbers) -> Column:
    """(n, 3) cells -> (n,) bool and READ, MISSING or INVALID: true/false, t/f, yes/no, y/n, 1/0 in any case."""
    values, state = cells[:, 2] == TRUE, np.full(len(cells), READ, np.uint8)
    state[cells[:, 2] == NULL] = MISSING
    known: dict[bytes, bool | None] = {}
    for row in np.flatnonzero((cells[:, 2] != NULL) & (cells[:, 2] != TRUE) & (cells[:, 2] != FALSE)):
        raw = bytes(octets[cells[row, 0] : min(cells[row, 1], cells[row, 0] + 8)])
        if raw not in known:
            known[raw] = _TRUTHS.get(raw.strip().lower())
        truth = known[raw]
        if truth is None:
            state[row] = INVALID
        else:
            values[row] = truth
    return values, state
