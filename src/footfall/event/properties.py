"""What has no column of its own, as one JSON object a row, with every value as it was sent.

A JSON row's leftover members are copied byte for byte.  Other formats name their columns once, and their text becomes JSON
strings; an empty cell is left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import pyarrow as pa

from footfall.event.cells.text import mend_halves, string_array
from footfall.event.cells.words import SLACK, copy, first_marked, load, marks_below, marks_of, octets_of, store
from footfall.event.raw import DOUBLED, ESCAPED, NULL, TEXT, RawRows

_QUOTES = np.uint64(0x2222222222222222)
_BACKSLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
_SPACES = np.uint64(0x2020202020202020)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


@numba.njit(nogil=True, cache=True)
def _put_escaped(octet: int, out: Any, at: int) -> int:
    """Write a byte that JSON escapes; the place after it."""
    out[at] = 92
    if octet == 34 or octet == 92:
        out[at + 1] = octet
        return at + 2
    if octet == 10 or octet == 13 or octet == 9:
        out[at + 1] = 110 if octet == 10 else 114 if octet == 13 else 116
        return at + 2
    out[at + 1] = 117
    out[at + 2] = 48
    out[at + 3] = 48
    out[at + 4] = _HEX[octet >> 4]
    out[at + 5] = _HEX[octet & 15]
    return at + 6


@numba.njit(nogil=True, cache=True, forceinline=True)
def _put_text(octets: Any, i: int, stop: int, doubled: bool, out: Any, at: int) -> int:
    """Write text as the inside of a JSON string; the place after it."""
    while i < stop:
        word = load(octets, i)
        store(out, at, word)
        marks = marks_of(word, _QUOTES) | marks_of(word, _BACKSLASHES) | marks_below(word, _SPACES)
        plain = min(8 if marks == 0 else first_marked(marks), stop - i)
        i += plain
        at += plain
        if plain < 8 and i < stop:
            octet = octets[i]
            at = _put_escaped(octet, out, at)
            i += 2 if doubled and octet == 34 else 1
    return at


@numba.njit(nogil=True, cache=True)
def _compose(octets: Any, cells: Any, picks: Any, heads: Any, out: Any, offsets: Any) -> None:
    """The picked (column, head start, head stop) of (columns, n, 3) cells -> one object a row; a row without a value is empty.

    A head is `,"name":`; the first comma of a row becomes its brace.
    """
    at = 0
    offsets[0] = 0
    for row in range(len(offsets) - 1):
        first = at
        for k in range(len(picks)):
            column = picks[k, 0]
            start, stop, what = cells[column, row, 0], cells[column, row, 1], cells[column, row, 2]
            if what == NULL:
                continue
            at = copy(heads, picks[k, 1], picks[k, 2], out, at)
            if what in (TEXT, DOUBLED, ESCAPED):
                out[at] = 34
                at = copy(octets, start, stop, out, at + 1) if what == ESCAPED else _put_text(octets, start, stop, what == DOUBLED, out, at + 1)
                out[at] = 34
                at += 1
            else:
                at = copy(octets, start, stop, out, at)
        if at > first:
            out[first] = 123
            out[at] = 125
            at += 1
        offsets[row + 1] = at


@numba.njit(nogil=True, cache=True)
def _join(octets: Any, spans: Any, span_of: Any, out: Any, offsets: Any) -> None:
    """Each row's spans, joined by commas, in braces; a row without spans is empty."""
    at = 0
    offsets[0] = 0
    for row in range(len(offsets) - 1):
        first = at
        for k in range(span_of[row], span_of[row + 1]):
            out[at] = 123 if at == first else 44
            at += 1
            at = copy(octets, spans[k, 0], spans[k, 1], out, at)
        if at > first:
            out[at] = 125
            at += 1
        offsets[row + 1] = at


def properties(raw: RawRows, picks: Sequence[int]) -> pa.Array:
    """(n,) JSON text: the leftover members of JSON rows, else the picked columns; null where there is nothing."""
    rows = len(raw)
    offsets = np.empty(rows + 1, np.int32)
    if raw.span_of is not None:
        out = np.empty(int((raw.spans[:, 1] - raw.spans[:, 0]).sum()) + len(raw.spans) + 2 * rows + SLACK, np.uint8)
        _join(raw.octets, raw.spans, raw.span_of, out, offsets)
    elif not picks:
        return pa.nulls(rows, pa.string())
    else:
        heads = [f",{json.dumps(raw.columns[pick], ensure_ascii=False)}:".encode() for pick in picks]
        ends = np.cumsum([len(head) for head in heads])
        table = np.stack([np.array(picks), ends - [len(head) for head in heads], ends], axis=1).astype(np.int32)
        wide = raw.cells[list(picks), :rows, :2]
        content = int((wide[:, :, 1].astype(np.int64) - wide[:, :, 0]).sum())
        # Room for the worst case, six bytes for one; pages that nobody writes cost nothing.
        out = np.empty(6 * content + rows * (int(ends[-1]) + 3 * len(heads) + 2) + SLACK, np.uint8)
        _compose(raw.octets, raw.cells, table, octets_of(b"".join(heads)), out, offsets)
    assert offsets[-1] <= len(out), "a row outgrew its room"
    mend_halves(out, 0, int(offsets[-1]))
    empty = offsets[1:] == offsets[:-1]
    return string_array(out, offsets, (~empty).astype(np.uint8) if empty.any() else None)
