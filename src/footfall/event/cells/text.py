"""Cells to Arrow text: one copy of the bytes, escapes undone on the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numba
import numpy as np
import pyarrow as pa

from footfall.event.cells.words import SLACK, copy, first_marked, load, marks_of
from footfall.event.raw import DOUBLED, ESCAPED, NESTED, NULL, Numbers, Octets

_BACKSLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)


@numba.njit(nogil=True, cache=True, inline="always")
def _hex(octet: int) -> int:
    if 48 <= octet <= 57:
        return octet - 48
    if 97 <= octet <= 102:
        return octet - 87
    if 65 <= octet <= 70:
        return octet - 55
    return -1


@numba.njit(nogil=True, cache=True)
def _code_unit(octets: Any, at: int) -> int:
    """The four hex digits at `at` as a number."""
    unit = 0
    for k in range(4):
        unit = unit * 16 + _hex(octets[at + k])
    return unit


@numba.njit(nogil=True, cache=True)
def _put_character(out: Any, at: int, code: int) -> int:
    """Write one character as UTF-8; the place after it."""
    if code < 0x80:
        out[at] = code
        return at + 1
    if code < 0x800:
        out[at] = 0xC0 | (code >> 6)
        out[at + 1] = 0x80 | (code & 0x3F)
        return at + 2
    if code < 0x10000:
        out[at] = 0xE0 | (code >> 12)
        out[at + 1] = 0x80 | ((code >> 6) & 0x3F)
        out[at + 2] = 0x80 | (code & 0x3F)
        return at + 3
    out[at] = 0xF0 | (code >> 18)
    out[at + 1] = 0x80 | ((code >> 12) & 0x3F)
    out[at + 2] = 0x80 | ((code >> 6) & 0x3F)
    out[at + 3] = 0x80 | (code & 0x3F)
    return at + 4


@numba.njit(nogil=True, cache=True)
def unescape(octets: Any, start: int, stop: int, out: Any, at: int) -> int:
    """Undo the escapes of a checked JSON string; the place after it, or -1 for half a surrogate pair."""
    i = start
    while i < stop:
        octet = octets[i]
        if octet != 92:
            out[at] = octet
            at += 1
            i += 1
            continue
        mark = octets[i + 1]
        i += 2
        if mark == 117:
            code = _code_unit(octets, i)
            i += 4
            if 0xD800 <= code < 0xDC00 and i + 6 <= stop and octets[i] == 92 and octets[i + 1] == 117:
                low = _code_unit(octets, i + 2)
                if 0xDC00 <= low < 0xE000:
                    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                    i += 6
            if 0xD800 <= code < 0xE000:
                return -1
            at = _put_character(out, at, code)
            continue
        plain = mark
        if mark == 110:
            plain = 10
        elif mark == 116:
            plain = 9
        elif mark == 114:
            plain = 13
        elif mark == 98:
            plain = 8
        elif mark == 102:
            plain = 12
        out[at] = plain
        at += 1
    return at


@numba.njit(nogil=True, cache=True)
def mend_halves(octets: Any, start: int, stop: int) -> None:
    """Make U+FFFD of escapes that stand for half a character, in well-formed JSON, in place; `stop` has SLACK behind it.

    JavaScript cuts characters in two, and SQL refuses a whole column for one such text.
    """
    i = start
    while i < stop:
        marks = marks_of(load(octets, i), _BACKSLASHES)
        if marks == 0:
            i += 8
            continue
        i += first_marked(marks)
        if i + 6 > stop or octets[i + 1] != 117:
            i += 2
            continue
        code = _code_unit(octets, i + 2)
        if 0xD800 <= code < 0xDC00 and i + 12 <= stop and octets[i + 6] == 92 and octets[i + 7] == 117:
            low = _code_unit(octets, i + 8)
            if 0xDC00 <= low < 0xE000:
                i += 12
                continue
        if 0xD800 <= code < 0xE000:
            octets[i + 2], octets[i + 3], octets[i + 4], octets[i + 5] = 102, 102, 102, 100
        i += 6


@numba.njit(nogil=True, cache=True)
def mend_cells(octets: Any, cells: Any) -> None:
    """The same for the (n, 3) cells that are objects and arrays."""
    for row in range(len(cells)):
        if cells[row, 2] == NESTED:
            mend_halves(octets, cells[row, 0], cells[row, 1])


@numba.njit(nogil=True, cache=True)
def _gather(octets: Any, cells: Any, values: Any, offsets: Any, valid: Any) -> int:
    """(n, 3) cells -> values, (n+1,) offsets, (n,) valid: 0 null, 1 text, 2 broken escape.  The number that are not 1."""
    at = 0
    odd = 0
    offsets[0] = 0
    for row in range(len(cells)):
        start, stop, what = cells[row, 0], cells[row, 1], cells[row, 2]
        valid[row] = 1
        if what == NULL:
            valid[row] = 0
            odd += 1
        elif what == ESCAPED:
            after = unescape(octets, start, stop, values, at)
            if after < 0:
                valid[row] = 2
                odd += 1
            else:
                at = after
        elif what == DOUBLED:
            i = start
            while i < stop:
                values[at] = octets[i]
                at += 1
                i += 2 if octets[i] == 34 else 1
        else:
            at = copy(octets, start, stop, values, at)
        offsets[row + 1] = at
    return odd


@numba.njit(nogil=True, cache=True)
def _bytes_of(cells: Any) -> int:
    total = 0
    for row in range(len(cells)):
        if cells[row, 2] != NULL:
            total += cells[row, 1] - cells[row, 0]
    return total


def string_array(values: Octets, offsets: Numbers, valid: np.ndarray[Any, Any] | None) -> pa.Array:
    """Arrow text over numpy buffers, without a copy."""
    mask = None if valid is None else pa.py_buffer(np.packbits(valid == 1, bitorder="little"))
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(values), mask)


def texts(octets: Octets, cells: Numbers) -> tuple[pa.Array, np.ndarray[Any, np.dtype[np.bool_]] | None]:
    """(n, 3) cells -> text, and which rows hold an escape that is no character (None: none)."""
    values = np.empty(_bytes_of(cells) + SLACK, np.uint8)
    offsets = np.empty(len(cells) + 1, np.int32)
    valid = np.empty(len(cells), np.uint8)
    if not _gather(octets, cells, values, offsets, valid):
        return string_array(values, offsets, None), None
    broken = valid == 2
    return string_array(values, offsets, valid), broken if broken.any() else None


@numba.njit(nogil=True, cache=True)
def _equal(octets: Any, cells: Any, literal: Any, hit: Any) -> int:
    hits = 0
    size = len(literal)
    for row in range(len(cells)):
        start = cells[row, 0]
        same = cells[row, 2] != NULL and cells[row, 1] - start == size
        if same:
            for k in range(size):
                if octets[start + k] != literal[k]:
                    same = False
                    break
        hit[row] = same
        hits += same
    return hits


def equal_to(octets: Octets, cells: Numbers, literal: str) -> tuple[int, np.ndarray[Any, np.dtype[np.bool_]]]:
    """How many cells, and which, are exactly this text (as it stands in the file)."""
    hit = np.empty(len(cells), np.bool_)
    return int(_equal(octets, cells, np.frombuffer(literal.encode(), np.uint8), hit)), hit


# Ids that often mean "nobody".  They stay what they are; many of them deserve a warning.
_SUSPECTS = ("NA", "N/A", "EMPTY", "null", "NULL", "None", "NaN", "nan", "undefined", "unknown", "0", "-1", "(null)", "(not set)")


@numba.njit(nogil=True, cache=True)
def _maybe_suspect(octets: Any, cells: Any, hit: Any) -> int:
    """Short values that begin like a suspect: N, E, n, u, U, 0, - or (."""
    hits = 0
    for row in range(len(cells)):
        size = cells[row, 1] - cells[row, 0]
        hit[row] = False
        if cells[row, 2] != NULL and 0 < size <= 9:
            first = octets[cells[row, 0]]
            if first == 40 or first | 32 == 110 or first | 32 == 101 or first | 32 == 117 or ((first == 48 or first == 45) and size <= 2):
                hit[row] = True
                hits += 1
    return hits


def count_suspects(octets: Octets, cells: Numbers) -> dict[str, int]:
    """How many cells hold a word that often means nobody, by word."""
    hit = np.empty(len(cells), np.bool_)
    if not _maybe_suspect(octets, cells, hit):
        return {}
    few = cells[hit]
    counts = {word: equal_to(octets, few, word)[0] for word in _SUSPECTS}
    return {word: count for word, count in counts.items() if count}


def make_null(octets: Octets, cells: Numbers, literals: Iterable[str]) -> None:
    """Turn the cells that are one of the literals into nulls, in place."""
    for literal in literals:
        hits, hit = equal_to(octets, cells, literal)
        if hits:
            cells[hit, 2] = NULL


@numba.njit(nogil=True, cache=True)
def _number_rows(prefix: Any, first: int, values: Any, offsets: Any) -> None:
    at = 0
    offsets[0] = 0
    for row in range(len(offsets) - 1):
        for k in range(len(prefix)):
            values[at + k] = prefix[k]
        at += len(prefix)
        number = first + row
        digits = 1
        rest = number // 10
        while rest:
            digits += 1
            rest //= 10
        for k in range(digits):
            values[at + digits - 1 - k] = 48 + number % 10
            number //= 10
        at += digits
        offsets[row + 1] = at


def row_ids(prefix: str, first: int, rows: int) -> pa.Array:
    """`prefix` and the number of the row, for so many rows from `first` on."""
    values = np.empty(max(1, rows * (len(prefix) + 20)), np.uint8)
    offsets = np.empty(rows + 1, np.int32)
    _number_rows(np.frombuffer(prefix.encode(), np.uint8), first, values, offsets)
    return string_array(values, offsets, None)


@numba.njit(nogil=True, cache=True)
def any_high(octets: Any) -> bool:
    """Whether a byte lies outside ASCII."""
    seen = np.uint8(0)
    for i in range(len(octets)):
        seen |= octets[i]
    return bool(seen >= 128)


@numba.njit(nogil=True, cache=True)
def utf8_until(octets: Any, start: int, stop: int) -> int:
    """The first byte from `start` that is not well-formed UTF-8; `stop` when all is."""
    i = start
    while i < stop:
        lead = octets[i]
        if lead < 0x80:
            i += 1
            continue
        size = 2 if 0xC2 <= lead <= 0xDF else 3 if 0xE0 <= lead <= 0xEF else 4 if 0xF0 <= lead <= 0xF4 else 0
        if size == 0 or i + size > stop:
            return i
        second = octets[i + 1]
        low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
        high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
        if second < low or second > high:
            return i
        for k in range(2, size):
            if octets[i + k] & 0xC0 != 0x80:
                return i
        i += size
    return stop


@numba.njit(nogil=True, cache=True)
def mark_not_text(octets: Any, rows: Any, fault: int) -> int:
    """Give every row whose bytes are not UTF-8 a fault; how many."""
    found = 0
    for row in range(len(rows)):
        start, stop = rows[row, 0], rows[row, 1]
        if rows[row, 3] == 0 and utf8_until(octets, start, stop) != stop:
            rows[row, 3] = fault
            found += 1
    return found
