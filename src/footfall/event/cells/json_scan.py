"""A strict JSON scanner that finds the members of an object by name and keeps the rest as it stands.

It checks every byte against RFC 8259 (numbers, literals, escapes, control characters, nesting up to 64 levels); UTF-8 is checked once
per block elsewhere.  When a name occurs twice in one object the last one counts.  Cost: one pass, about 1 GB/s.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from footfall.event.cells.text import unescape
from footfall.event.cells.words import SLACK, first_marked, load, marks_below, marks_of, octets_of, same
from footfall.event.raw import ESCAPED, FALSE, FINE, NESTED, NOT_JSON, NOT_OBJECT, NULL, NUMBER, TEXT, TOO_DEEP, TRUE

DEPTH_MAX = 64
HEADS = 64  # members of a row whose heads are remembered

# Places of the scanner's state.
START, STOP, ROW, MADE, BLANKS = range(5)
BLANK = 1 << 32 | 1 << 9
STRICT_BLANKS = {10: BLANK | 1 << 13, 13: BLANK}  # by line end: a line end inside a row is an error
LOOSE_BLANKS = BLANK | 1 << 13 | 1 << 10

_QUOTES = np.uint64(0x2222222222222222)
_BACKSLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
_SPACES = np.uint64(0x2020202020202020)
_ZEROS = np.uint64(0x3030303030303030)
_NOT_DIGITS = np.uint64(0x7676767676767676)
_TOPS = np.uint64(0x8080808080808080)


class Names:
    """Wanted member names as arrays: their bytes, where each starts, and a table from a cheap hash to the first of a chain."""

    def __init__(self, names: tuple[str, ...]) -> None:
        encoded = [name.encode() for name in names]
        self.octets = octets_of(b"".join(encoded))
        self.table = np.full(256 + 2 * len(names) + 1, -1, np.int32)
        offsets = np.concatenate([[0], np.cumsum([len(name) for name in encoded])]).astype(np.int32)
        self.table[256 + len(names) :] = offsets
        for index, name in enumerate(encoded):
            slot = _slot(len(name), name[0] if name else 0, name[-1] if name else 0)
            self.table[256 + index] = self.table[slot]
            self.table[slot] = index
        self.scratch = np.empty(6 * max((len(name) for name in encoded), default=0) + 2 * SLACK, np.uint8)
        self.arrays = (self.octets, self.table, self.scratch)


def _slot(size: int, first: int, last: int) -> int:
    return (size * 37 + first * 5 + last) & 255


@numba.njit(nogil=True, cache=True)
def _find(octets: Any, start: int, stop: int, names: Any, table: Any) -> int:
    """The index of the name octets[start:stop], -1 when nobody wants it."""
    size = stop - start
    count = (len(table) - 257) // 2
    index = table[(size * 37 + octets[start] * 5 + octets[stop - 1]) & 255] if size else -1
    while index >= 0:
        begin = table[256 + count + index]
        if table[256 + count + index + 1] - begin == size:
            same = True
            for k in range(size):
                if octets[start + k] != names[begin + k]:
                    same = False
                    break
            if same:
                return index
        index = table[256 + index]
    return -1


@numba.njit(nogil=True, cache=True, forceinline=True)
def _blank(octets: Any, i: int, stop: int, blanks: int) -> int:
    """The next byte that is no blank; bit k of `blanks` says whether byte k is one."""
    while i < stop and octets[i] <= 32 and (blanks >> octets[i]) & 1:
        i += 1
    return i


@numba.njit(nogil=True, cache=True, forceinline=True)
def _plain_end(octets: Any, i: int, stop: int) -> int:
    """The next quote, backslash or control character, at most `stop`."""
    while i < stop:
        word = load(octets, i)
        marks = marks_of(word, _QUOTES) | marks_of(word, _BACKSLASHES) | marks_below(word, _SPACES)
        if marks:
            i += first_marked(marks)
            break
        i += 8
    return min(i, stop)


@numba.njit(nogil=True, cache=True)
def _escaped_end(octets: Any, i: int, stop: int) -> int:
    """From a backslash inside a string to the closing quote; minus the place of an error, minus one."""
    while i < stop and octets[i] != 34:
        if octets[i] < 32:
            return -i - 1
        i += 1
        if i >= stop:
            break
        mark = octets[i]
        if mark == 117:
            if i + 4 >= stop:
                return -i - 1
            for k in range(1, 5):
                digit = octets[i + k]
                if not (48 <= digit <= 57 or 97 <= digit | 32 <= 102):
                    return -i - 1
            i += 4
        elif not (mark == 34 or mark == 92 or mark == 47 or mark == 98 or mark == 102 or mark == 110 or mark == 114 or mark == 116):
            return -i - 1
        i = _plain_end(octets, i + 1, stop)
    return i if i < stop else -stop - 1


@numba.njit(nogil=True, cache=True, forceinline=True)
def _string(octets: Any, i: int, stop: int) -> int:
    """From behind the opening quote to the closing one; minus the place of an error, minus one."""
    i = _plain_end(octets, i, stop)
    return i if i < stop and octets[i] == 34 else _escaped_end(octets, i, stop)


@numba.njit(nogil=True, cache=True, forceinline=True)
def _digits(octets: Any, i: int, stop: int) -> int:
    """Behind a run of digits."""
    while i < stop:
        word = load(octets, i) ^ _ZEROS
        marks = ((word + _NOT_DIGITS) | word) & _TOPS
        if marks:
            i += first_marked(marks)
            break
        i += 8
    return min(i, stop)


@numba.njit(nogil=True, cache=True, forceinline=True)
def _number(octets: Any, i: int, stop: int) -> int:
    """The end of a number; minus the place of an error, minus one."""
    if octets[i] == 45:
        i += 1
    after = _digits(octets, i, stop)
    if after == i or (octets[i] == 48 and after > i + 1):
        return -i - 1
    i = after
    if i < stop and octets[i] == 46:
        after = _digits(octets, i + 1, stop)
        if after == i + 1:
            return -after - 1
        i = after
    if i < stop and octets[i] | 32 == 101:
        i += 1
        if i < stop and (octets[i] == 43 or octets[i] == 45):
            i += 1
        after = _digits(octets, i, stop)
        if after == i:
            return -i - 1
        i = after
    return i


@numba.njit(nogil=True, cache=True)
def _literal(octets: Any, i: int, stop: int) -> tuple[int, int]:
    """The end of true, false or null and what it is; minus the place of an error, minus one."""
    octet = octets[i]
    if i + (5 if octet == 102 else 4) > stop:
        return -stop - 1, NULL
    a, b, c = octets[i + 1], octets[i + 2], octets[i + 3]
    if octet == 116 and a == 114 and b == 117 and c == 101:
        return i + 4, TRUE
    if octet == 110 and a == 117 and b == 108 and c == 108:
        return i + 4, NULL
    if octet == 102 and a == 97 and b == 108 and c == 115 and octets[i + 4] == 101:
        return i + 5, FALSE
    return -i - 1, NULL


@numba.njit(nogil=True, cache=True, forceinline=True)
def _scalar(octets: Any, i: int, stop: int) -> tuple[int, int]:
    """The end of a string, number or literal and what it is; minus the place of an error, minus one."""
    octet = octets[i]
    if octet == 34:
        end = _plain_end(octets, i + 1, stop)
        if end < stop and octets[end] == 34:
            return end + 1, TEXT
        end = _escaped_end(octets, end, stop)
        return (end + 1 if end >= 0 else end), ESCAPED
    if octet == 45 or 48 <= octet <= 57:
        return _number(octets, i, stop), NUMBER
    return _literal(octets, i, stop)


@numba.njit(nogil=True, cache=True)
def _name_and_colon(octets: Any, i: int, stop: int, blanks: int) -> int:
    """From a member's name to behind its colon; minus the place of an error, minus one."""
    i = _blank(octets, i, stop, blanks)
    if i >= stop or octets[i] != 34:
        return -i - 1
    i = _string(octets, i + 1, stop)
    if i < 0:
        return i
    i = _blank(octets, i + 1, stop, blanks)
    return i + 1 if i < stop and octets[i] == 58 else -i - 1


@numba.njit(nogil=True, cache=True)
def nested_end(octets: Any, i: int, stop: int, blanks: int, most: int) -> tuple[int, int]:
    """The end of an object or array of at most `most` levels and its fault; the place of the error when there is one."""
    inside = np.uint64(0)  # one bit a level: 1 in an object, 0 in an array
    depth = 0
    while True:
        i = _blank(octets, i, stop, blanks)
        if i >= stop:
            return i, NOT_JSON
        octet = octets[i]
        if octet == 123 or octet == 91:
            if depth == most:
                return i, TOO_DEEP
            depth += 1
            inside = (inside << np.uint64(1)) | np.uint64(1 if octet == 123 else 0)
            i = _blank(octets, i + 1, stop, blanks)
            if i >= stop:
                return i, NOT_JSON
            if octets[i] != octet + 2:
                if octet == 123:
                    i = _name_and_colon(octets, i, stop, blanks)
                    if i < 0:
                        return -i - 1, NOT_JSON
                continue
            depth -= 1
            inside >>= np.uint64(1)
            i += 1
        else:
            i, _ = _scalar(octets, i, stop)
            if i < 0:
                return -i - 1, NOT_JSON
        while True:  # a value has ended before i: close what ends here too
            if depth == 0:
                return i, FINE
            i = _blank(octets, i, stop, blanks)
            if i >= stop:
                return i, NOT_JSON
            if octets[i] == 44:
                i += 1
                if inside & np.uint64(1):
                    i = _name_and_colon(octets, i, stop, blanks)
                    if i < 0:
                        return -i - 1, NOT_JSON
                break
            if octets[i] != (125 if inside & np.uint64(1) else 93):
                return i, NOT_JSON
            depth -= 1
            inside >>= np.uint64(1)
            i += 1


@numba.njit(nogil=True, cache=True)
def _new_head(octets: Any, i: int, state: Any, wanted: Any, heads: Any, member: int) -> int:
    """Read `"name":` the long way into heads[member] = (start, size, column); the value's place, or minus that of an error, minus one."""
    stop, blanks = state[STOP], state[BLANKS]
    names, table, scratch = wanted
    if i >= stop or octets[i] != 34:
        return -i - 1
    begin = i
    end = _plain_end(octets, i + 1, stop)
    if end < stop and octets[end] == 34:
        column = _find(octets, begin + 1, end, names, table)
    else:
        end = _escaped_end(octets, end, stop)
        if end < 0:
            return end
        column = -1
        if end - begin <= len(scratch) - SLACK:
            size = unescape(octets, begin + 1, end, scratch, 0)
            column = _find(scratch, 0, size, names, table) if size >= 0 else -1
    i = _blank(octets, end + 1, stop, blanks)
    if i >= stop or octets[i] != 58:
        return -i - 1
    i = _blank(octets, i + 1, stop, blanks)
    heads[member, 0] = begin
    heads[member, 1] = i - begin
    heads[member, 2] = column
    return i


@numba.njit(nogil=True, cache=True)
def scan_object(octets: Any, state: Any, wanted: Any, heads: Any, cells: Any, spans: Any) -> tuple[int, int]:
    """One object from state[START]: fills cells[:, state[ROW]] and spans from state[MADE] on; its end (or the place of the error) and fault.

    Rows of one file name their members in the same order, so each member's head (`"name":`) is first compared with the head at
    the same place in the row before, eight bytes at a time; only a new head is read and looked up.
    """
    i, stop, row, blanks, made = state[START], state[STOP], state[ROW], state[BLANKS], state[MADE]
    most = made + cells.shape[0] + 1
    for column in range(cells.shape[0]):
        cells[column, row, 0] = 0
        cells[column, row, 1] = 0
        cells[column, row, 2] = NULL
    if octets[i] != 123:
        return i, NOT_OBJECT
    i = _blank(octets, i + 1, stop, blanks)
    if i < stop and octets[i] == 125:
        return i + 1, FINE
    member = 0
    joined = False
    while True:
        begin = i
        size = heads[member, 1]
        if size and i + size < stop and same(octets, i, octets, heads[member, 0], size):
            i += size
        else:
            i = _new_head(octets, i, state, wanted, heads, member)
            if i < 0:
                return -i - 1, NOT_JSON
        column = heads[member, 2]
        member = min(member + 1, HEADS - 1)
        i = _blank(octets, i, stop, blanks)
        if i >= stop:
            return i, NOT_JSON
        first = i
        octet = octets[i]
        if octet == 34:  # what _scalar does, in place: a call that returns two values costs half as much again here
            i = _plain_end(octets, i + 1, stop)
            what = TEXT
            if i == stop or octets[i] != 34:
                i = _escaped_end(octets, i, stop)
                what = ESCAPED
            i += 1 if i >= 0 else 0
        elif octet == 45 or 48 <= octet <= 57:
            i = _number(octets, i, stop)
            what = NUMBER
        elif octet == 123 or octet == 91:
            what = NESTED
            i, fault = nested_end(octets, i, stop, blanks, DEPTH_MAX - 1)
            if fault:
                return i, fault
        else:
            i, what = _literal(octets, i, stop)
        if i < 0:
            return -i - 1, NOT_JSON
        if column >= 0:
            quoted = 1 if what in (TEXT, ESCAPED) else 0
            cells[column, row, 0] = first + quoted
            cells[column, row, 1] = i - quoted
            cells[column, row, 2] = what if i - first > 2 * quoted else NULL
            joined = False
        elif joined or made == most:
            spans[made - 1, 1] = i
        else:
            spans[made, 0] = begin
            spans[made, 1] = i
            made += 1
            joined = True
        i = _blank(octets, i, stop, blanks)
        if i >= stop:
            return i, NOT_JSON
        if octets[i] == 125:
            state[MADE] = made
            return i + 1, FINE
        if octets[i] != 44:
            return i, NOT_JSON
        i = _blank(octets, i + 1, stop, blanks)
