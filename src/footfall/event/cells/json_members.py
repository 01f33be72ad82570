"""Members of a column of JSON objects as columns: text as SQL's json_extract_string has it, or numbers as TRY_CAST of that text.

Strings come without quotes and escapes, numbers in their shortest form (`1e3` is `1000.0`, `1.10` is `1.1`, whole numbers keep every digit),
true and false as words, objects and arrays as JSON without blanks.  A member that is missing or null is null, and of two members with one
name the first counts.  A compiled loop takes the plain rows where they stand; a row that leaves a doubt (names that are there twice or have
escapes, numbers in other forms) is read by Python's parser.  Cost: one pass over the text for all wanted members together.
"""

from __future__ import annotations

import ctypes
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numba
import numpy as np
import pyarrow as pa

from footfall.event.cells.json_scan import MADE, START, STOP
from footfall.event.cells.json_tree import LEAF, ODD, Tree, scan_tree
from footfall.event.cells.numbers import _TEN
from footfall.event.cells.text import string_array, unescape
from footfall.event.cells.times import decimal_of
from footfall.event.cells.words import SLACK, copy, octets_of
from footfall.event.raw import ESCAPED, NESTED, NULL, NUMBER, TEXT, Numbers, Octets

PARTS_MAX = 7  # levels that `scan_tree` goes into
_BESIDE = 64  # the bytes are text in `beside`, not in the column

_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_SQL_NUMBER = re.compile(
    rf"\+?(-?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?|-?inf(?:inity)?|-?nan(?:\([A-Za-z0-9_]*\))?)",
    re.IGNORECASE | re.ASCII,
)
_ESCAPES = {ord(plain): f"\\{mark}" for plain, mark in zip('"\\\b\f\n\r\t', '"\\bfnrt', strict=True)}
_ESCAPES |= {code: f"\\u{code:04X}" for code in range(32) if code not in _ESCAPES}


@numba.njit(nogil=True, cache=True)
def _scan(octets: Any, offsets: Any, valid: Any, state: Any, tree: Any, cells: Any, odd: Any) -> int:
    """(n+1,) offsets of objects -> (n, slots, 3) cells; marks and counts the rows that were not understood or end too near the last byte."""
    spans = np.empty((1, 2), np.int32)
    limit = len(octets) - SLACK
    found = 0
    for row in range(len(valid)):
        odd[row] = False
        if valid[row] == 0:
            cells[row, :, :] = 0
            continue
        state[START], state[STOP], state[MADE] = offsets[row], offsets[row + 1], 0
        if offsets[row + 1] > limit or scan_tree(octets, state, tree, cells[row], spans) < 0 or state[ODD]:
            cells[row, :, :] = 0
            odd[row] = True
            found += 1
    return found


@numba.njit(nogil=True, cache=True)
def _number_end(octets: Any, start: int, stop: int) -> int:
    """Where the shortest form of a JSON number ends in its own bytes; -1 when it is written otherwise."""
    i = start + 1 if octets[start] == 45 else start
    first, point, digits = i, -1, 0
    while i < stop:
        octet = octets[i]
        if octet == 46:
            point = i
        elif 48 <= octet <= 57:
            digits += 1 if digits or octet != 48 else 0
        else:
            return -1
        i += 1
    if point < 0:
        return -1 if octets[start] == 45 and octets[first] == 48 else stop
    if digits > 15 or (digits and octets[first] == 48 and stop - point > 6 and octets[point + 1] == 48 and octets[point + 2] == 48):
        return -1
    while octets[stop - 1] == 48 and stop - 2 > point:
        stop -= 1
    return stop


@numba.njit(nogil=True, cache=True)
def _is_short(octets: Any, start: int, stop: int) -> bool:
    """Whether an object or array stands as it would be written anew: no blanks, no escapes, whole numbers only."""
    inside = False
    for i in range(start, stop):
        octet = octets[i]
        if octet == 34:
            inside = not inside
        elif octet == 92:
            return False
        elif not inside:
            before = octets[i - 1]
            if octet <= 32 or octet == 46 or (octet == 48 and before == 45) or (octet | 32 == 101 and 48 <= before <= 57):
                return False
    return True


@numba.njit(nogil=True, cache=True)
def _shorten(octets: Any, cells: Any, slow: Any) -> int:
    """Mark and count the (n, 3) cells whose text is not their own bytes, cut numbers to their shortest form, and make empty text of ''."""
    found = 0
    for row in range(len(cells)):
        start, stop, what = cells[row, 0], cells[row, 1], cells[row, 2]
        slow[row] = False
        if what == NULL and start == stop and start > 0:
            cells[row, 2] = TEXT
        elif what == NUMBER:
            end = _number_end(octets, start, stop)
            slow[row] = end < 0
            cells[row, 1] = stop if end < 0 else end
        elif what == NESTED:
            slow[row] = not _is_short(octets, start, stop)
        found += slow[row]
    return found


@numba.njit(nogil=True, cache=True)
def _gather(octets: Any, beside: Any, cells: Any, values: Any, offsets: Any, valid: Any) -> int:
    """(n, 3) cells -> values, (n+1,) offsets, (n,) valid; how many are not valid."""
    at, nulls = 0, 0
    offsets[0] = 0
    for row in range(len(cells)):
        start, stop, what = cells[row, 0], cells[row, 1], cells[row, 2]
        valid[row] = 1
        if what == NULL:
            valid[row] = 0
            nulls += 1
        elif what == ESCAPED:
            after = unescape(octets, start, stop, values, at)
            if after < 0:
                valid[row] = 0
                nulls += 1
            else:
                at = after
        else:
            at = copy(beside if what == _BESIDE else octets, start, stop, values, at)
        offsets[row + 1] = at
    return nulls


@numba.njit(nogil=True, cache=True)
def _bytes_of(cells: Any) -> int:
    total = 0
    for row in range(len(cells)):
        total += cells[row, 1] - cells[row, 0] if cells[row, 2] != NULL else 0
    return total


@numba.njit(nogil=True, cache=True)
def _decimals(octets: Any, cells: Any, values: Any, valid: Any, slow: Any) -> int:
    """Numbers of (n, 3) cells, and how many are left to Python (`slow`)."""
    found = 0
    for row in range(len(cells)):
        start, stop, what = cells[row, 0], cells[row, 1], cells[row, 2]
        values[row], valid[row], slow[row] = 0.0, False, False
        if what in (_BESIDE, ESCAPED):
            slow[row] = True
        elif what in (NUMBER, TEXT) and stop > start:
            octet = octets[start]
            i = start + 1 if octet == 45 else start
            number, digits, scale = decimal_of(octets, i, stop)
            if number and stop - i <= 18 and digits <= 9_007_199_254_740_992 and -22 <= scale <= 22:
                value = digits / _TEN[-scale] if scale < 0 else digits * _TEN[scale]
                values[row] = -value if octet == 45 else value
                valid[row] = True
            else:  # what begins as no number can is none
                slow[row] = octet <= 57 or octet | 32 == 105 or octet | 32 == 110
        found += slow[row]
    return found


class Members:
    """One member of every row.  `texts` and `numbers` may be asked for in any order."""

    def __init__(self, column: pa.Array, octets: Octets, cells: Numbers, odd: Iterable[tuple[int, str | None]]) -> None:
        self._column = column  # its bytes must live as long as `octets`
        self._octets = octets
        self._cells = cells
        self._beside = octets_of(b"")
        self._put_beside(odd)

    def _put_beside(self, texts: Iterable[tuple[int, str | None]]) -> None:
        """Give rows a text that is not in the column."""
        at = len(self._beside) - SLACK
        pieces = [bytes(self._beside[:at])]
        for row, text in texts:
            try:
                piece = None if text is None else text.encode()
            except UnicodeEncodeError:  # half of a surrogate pair
                piece = None
            if piece is None:
                self._cells[row] = 0
                continue
            self._cells[row] = at, at + len(piece), _BESIDE
            pieces.append(piece)
            at += len(piece)
        if len(pieces) > 1:
            self._beside = octets_of(b"".join(pieces))

    def _raw(self, row: int) -> bytes:
        start, stop, what = self._cells[row]
        return bytes((self._beside if what == _BESIDE else self._octets)[start:stop])

    def texts(self) -> pa.Array:
        """(n,) text."""
        slow = np.empty(len(self._cells), np.bool_)
        if _shorten(self._octets, self._cells, slow):
            rows = np.flatnonzero(slow).tolist()
            self._put_beside([(row, written(_decoded(self._raw(row)))) for row in rows])
        values = np.empty(_bytes_of(self._cells) + SLACK, np.uint8)
        offsets = np.empty(len(self._cells) + 1, np.int32)
        valid = np.empty(len(self._cells), np.uint8)
        nulls = _gather(self._octets, self._beside, self._cells, values, offsets, valid)
        return string_array(values, offsets, valid if nulls else None)

    def numbers(self) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.bool_]]]:
        """(n,) numbers, and which rows have one; text counts as TRY_CAST to DOUBLE reads it, so a number may be NaN."""
        values = np.empty(len(self._cells), np.float64)
        valid, slow = np.empty(len(self._cells), np.bool_), np.empty(len(self._cells), np.bool_)
        if _decimals(self._octets, self._cells, values, valid, slow):
            for row in np.flatnonzero(slow).tolist():
                raw = self._raw(row)
                escaped = self._cells[row, 2] == ESCAPED
                number = sql_number(str(_decoded(b'"' + raw + b'"')) if escaped else raw.decode())
                if number is not None:
                    values[row], valid[row] = number, True
        return values, valid


def members(column: pa.Array, paths: Sequence[tuple[str, ...]]) -> list[Members]:
    """(n,) JSON objects as text -> for each path of names its member of every row; a row that is no object has none."""
    if column.type != pa.string():
        column = column.cast(pa.string())
    octets, offsets, valid = _buffers(column)
    deep = [path for path in paths if len(path) > PARTS_MAX]
    wanted = [path for path in paths if len(path) <= PARTS_MAX]
    tree, slots = _tree(wanted)
    cells = np.zeros((len(column), max(tree.slots, 1), 3), np.int32)
    odd = np.empty(len(column), np.bool_)
    _scan(octets, offsets, valid, tree.state(), tree.arrays, cells, odd)
    odd_rows = np.flatnonzero(odd if not deep else valid != 0).tolist()
    objects = [(row, _decoded(bytes(octets[offsets[row] : offsets[row + 1]]))) for row in odd_rows]
    found = []
    for path in paths:
        own = np.zeros((len(column), 3), np.int32) if path in deep else np.ascontiguousarray(cells[:, slots[path]])
        rows = [(row, written(_at(value, path))) for row, value in objects if path in deep or odd[row]]
        found.append(Members(column, octets, own, rows))
    return found


def _buffers(column: pa.Array) -> tuple[Octets, Numbers, np.ndarray[Any, np.dtype[np.uint8]]]:
    """The bytes of a column of text, (n+1,) offsets and (n,) whether a row is not null; nothing is copied but a bitmap."""
    mask, offsets, data = column.buffers()
    rows = len(column)
    starts = np.frombuffer(offsets, np.int32)[column.offset : column.offset + rows + 1] if rows else np.zeros(1, np.int32)
    valid = np.ones(rows, np.uint8)
    if mask is not None and column.null_count:
        valid = np.unpackbits(np.frombuffer(mask, np.uint8), bitorder="little")[column.offset : column.offset + rows]
    if data is None or data.size == 0:
        return octets_of(b""), starts, valid
    # A view that may be written to, as other readers of JSON have it: the loops are compiled once for all of them.
    octets = np.ctypeslib.as_array((ctypes.c_uint8 * data.size).from_address(data.address))
    return octets, starts, valid


def _tree(paths: Sequence[tuple[str, ...]]) -> tuple[Tree, dict[tuple[str, ...], int]]:
    """The tree of wanted members and the slot of each path."""
    objects = {path[:depth] for path in paths for depth in range(1, len(path))}
    numbers = {(): 0} | {prefix: number for number, prefix in enumerate(sorted(objects), 1)}
    every = sorted({*paths, *objects})
    tree = Tree([(numbers[path[:-1]], path[-1], numbers.get(path, LEAF)) for path in every] or [(0, "", LEAF)])
    return tree, {path: slot for slot, path in enumerate(every)}


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


class _Object(list[tuple[str, Any]]):
    """The members of an object in order, doubles and all."""


def _decoded(raw: bytes) -> Any:
    """The value of a JSON text; None for what is none."""
    try:
        return json.loads(raw, object_pairs_hook=_Object, parse_float=_Number, parse_int=_Number, parse_constant=_Number)
    except (ValueError, RecursionError):
        return None


def _at(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        if not isinstance(value, _Object):
            return None
        value = next((member for key, member in value if key == name), None)
    return value


def written(value: Any) -> str | None:
    """A decoded value as json_extract_string gives it."""
    return value if isinstance(value, str) and not isinstance(value, _Number) else None if value is None else _json_of(value)


def _json_of(value: Any) -> str:
    if isinstance(value, _Number):
        return _shortest(value)
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, _Object):
        return "{" + ",".join(f"{_json_of(name)}:{_json_of(member)}" for name, member in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json_of, value)) + "]"
    return "null" if value is None else "true" if value else "false"


def _shortest(text: str) -> str:
    """A JSON number in its shortest form."""
    if not any(mark in text for mark in ".eE"):
        return "0" if text == "-0" else str(text)
    number = float(text)
    if not np.isfinite(number):
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
