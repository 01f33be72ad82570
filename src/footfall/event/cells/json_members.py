"""Members of a column of JSON objects as columns: text as SQL's json_extract_string has it, or numbers as TRY_CAST of that text.

Strings come without quotes and escapes, numbers in their shortest form (`1e3` is `1000.0`, `1.10` is `1.1`, whole numbers keep every digit),
true and false as words, objects and arrays as JSON without blanks.  A member that is missing or null is null, and of two members with one
name the first counts.  A compiled loop takes the plain rows where they stand; a row that leaves a doubt (names that are there twice or have
escapes, numbers in other forms) is read by Python's parser.  Cost: one pass over the text for all wanted members together.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import Any

import numba
import numpy as np
import pyarrow as pa

from footfall.event.cells.json_forms import decoded, member_at, sql_number, written
from footfall.event.cells.json_scan import BLANKS, HEADS, LOOSE_BLANKS, STOP, Names, _blank, _escaped_end, _literal, _new_head, _plain_end
from footfall.event.cells.numbers import _TEN
from footfall.event.cells.text import string_array, unescape
from footfall.event.cells.times import decimal_of
from footfall.event.cells.words import SLACK, copy, octets_of, same
from footfall.event.raw import ESCAPED, NESTED, NULL, NUMBER, TEXT, Numbers, Octets

STATE_SIZE = 5
_BESIDE = 64  # the bytes are text in `beside`, not in the column


@numba.njit(nogil=True, cache=True, forceinline=True)
def _value_end(octets: Any, i: int, stop: int) -> tuple[int, int]:
    """The end of a value of well-formed JSON and what it is; -1 where there is none."""
    octet = octets[i]
    if octet == 34:
        i = _plain_end(octets, i + 1, stop)
        if i < stop and octets[i] == 34:
            return i + 1, TEXT
        i = _escaped_end(octets, i, stop)
        return (i + 1 if i >= 0 else -1), ESCAPED
    if octet == 45 or 48 <= octet <= 57:
        while i < stop and octets[i] != 44 and octets[i] != 125 and octets[i] > 32 and octets[i] != 93:
            i += 1
        return i, NUMBER
    if octet == 123 or octet == 91:
        return _nested_end(octets, i, stop), NESTED
    return _literal(octets, i, stop)


@numba.njit(nogil=True, cache=True)
def _nested_end(octets: Any, i: int, stop: int) -> int:
    """The end of an object or array of well-formed JSON; -1 where there is none."""
    depth = 0
    while i < stop:
        octet = octets[i]
        if octet == 34:
            i = _plain_end(octets, i + 1, stop)
            if i >= stop or octets[i] != 34:
                i = _escaped_end(octets, i, stop)
                if i < 0:
                    return -1
        elif octet == 123 or octet == 91:
            depth += 1
        elif octet == 125 or octet == 93:
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    return -1


@numba.njit(nogil=True, cache=True, forceinline=True)
def _scan_row(octets: Any, place: tuple[int, int, int], how: Any, cells: Any) -> bool:
    """The wanted members of one object at (row, start, stop) -> the row of (n, names, 3) cells, the first of each name; False when it is not understood.

    Rows of one stream name their members in the same order, so each head (`"name":`) is first compared with the head at the same place in
    the row before.  The scan ends where everything is found.
    """
    state, wanted, heads = how
    row, i, stop = place
    missing, member = cells.shape[1], 0
    if i >= stop or octets[i] != 123:
        return False
    i = _blank(octets, i + 1, stop, LOOSE_BLANKS)
    if i < stop and octets[i] == 125:
        return True
    while True:
        size = heads[member, 1]
        i = _blank(octets, i, stop, LOOSE_BLANKS)
        if size and i + size < stop and same(octets, i, octets, heads[member, 0], size):
            i += size
        else:
            i = _new_head(octets, i, state, wanted, heads, member)
            if i < 0:
                return False
        name = heads[member, 2]
        member = min(member + 1, HEADS - 1)
        first = _blank(octets, i, stop, LOOSE_BLANKS)
        if first >= stop:
            return False
        i, what = _value_end(octets, first, stop)
        if i < 0:
            return False
        if name >= 0 and cells[row, name, 1] == 0:
            quoted = 1 if what in (TEXT, ESCAPED) else 0
            cells[row, name, 0], cells[row, name, 1], cells[row, name, 2] = first + quoted, i - quoted, what
            missing -= 1
            if missing == 0:
                return True
        if i >= stop or octets[i] != 44:
            i = _blank(octets, i, stop, LOOSE_BLANKS)
            if i >= stop or octets[i] != 44:
                return i < stop and octets[i] == 125
        i += 1


@numba.njit(nogil=True, cache=True)
def _scan(octets: Any, rows: Any, how: Any, cells: Any, odd: Any) -> None:
    """(n, 3) cells of objects -> (n, names, 3) cells of their members; marks the rows that are not understood or end too near the last byte."""
    limit = len(octets) - SLACK
    for row in range(len(rows)):
        start, stop = rows[row, 0], rows[row, 1]
        if rows[row, 2] != NESTED or (stop <= limit and octets[start] == 91):
            continue
        how[0][STOP] = stop
        if stop > limit or not _scan_row(octets, (row, start, stop), how, cells):
            cells[row, :, :] = 0
            odd[row] = True


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
    """Mark and count the (n, 3) cells whose text is not their own bytes, and cut numbers to their shortest form."""
    found = 0
    for row in range(len(cells)):
        start, stop, what = cells[row, 0], cells[row, 1], cells[row, 2]
        slow[row] = False
        if what == NUMBER:
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
            self._put_beside([(row, written(decoded(self._raw(row)))) for row in rows])
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
                number = sql_number(str(decoded(b'"' + raw + b'"')) if escaped else raw.decode())
                if number is not None:
                    values[row], valid[row] = number, True
        return values, valid


def members(column: pa.Array, paths: Sequence[tuple[str, ...]]) -> list[Members]:
    """(n,) JSON objects as text -> for each path of names its member of every row; a row that is no object has none.  Paths are different."""
    if column.type != pa.string():
        column = column.cast(pa.string())
    octets, offsets, valid = _buffers(column)
    whole = np.stack([offsets[:-1], offsets[1:], np.where(valid, NESTED, NULL)], axis=1).astype(np.int32)
    odd = np.zeros(len(column), np.bool_)
    found = _scan_level(octets, whole, {path: path for path in paths}, odd)
    rows = np.flatnonzero(odd).tolist()
    objects = [(row, decoded(bytes(octets[offsets[row] : offsets[row + 1]]))) for row in rows]
    return [Members(column, octets, found[path], [(row, written(member_at(value, path))) for row, value in objects]) for path in paths]


def _scan_level(octets: Octets, rows: Numbers, paths: dict[tuple[str, ...], tuple[str, ...]], odd: Any) -> dict[tuple[str, ...], Numbers]:
    """(n, 3) cells of objects and the rest of each path -> each path's (n, 3) cells; one pass for each object that is looked into."""
    names = tuple(dict.fromkeys(rest[0] for rest in paths.values()))
    cells = np.zeros((len(rows), len(names), 3), np.int32)
    state = np.zeros(STATE_SIZE, np.int64)
    state[BLANKS] = LOOSE_BLANKS
    _scan(octets, rows, (state, Names(names).arrays, np.zeros((HEADS, 3), np.int64)), cells, odd)
    found: dict[tuple[str, ...], Numbers] = {}
    for index, name in enumerate(names):
        own = np.ascontiguousarray(cells[:, index])
        deeper = {path: rest[1:] for path, rest in paths.items() if rest[0] == name and len(rest) > 1}
        if deeper:
            found |= _scan_level(octets, own, deeper, odd)
        found |= {path: own for path, rest in paths.items() if rest == (name,)}
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
