"""Canonical lines (`event/canonical.py`) as raw rows: one compiled pass over the members of the line, a second over its properties.

The properties that the tracking plan promotes become columns; every other member stays text, as it was sent.  What has no
column besides (`context`, `ip`, properties that are no object) is kept under `$context`, `$ip` and `$properties`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import pyarrow as pa

from footfall.event.cells.json_scan import BLANKS, DEPTH_MAX, HEADS, LOOSE_BLANKS, MADE, ROW, START, STOP, Names, scan_object
from footfall.event.cells.text import any_high, mark_not_text, mend_halves, string_array
from footfall.event.cells.words import SLACK, copy, octets_of
from footfall.event.raw import ESCAPED, FINE, NESTED, NOT_JSON, NOT_TEXT, NULL, TEXT, RawRows

PROPERTY = "properties."  # what the column of a promoted property is called among a row's columns


@numba.njit(nogil=True, cache=True, forceinline=True)
def _separator(octet: int) -> bool:
    """Whether a byte may stand between two records: blanks, and what an array has around its elements."""
    return octet <= 32 or octet == 44 or octet == 91 or octet == 93


@numba.njit(nogil=True, cache=True)
def _object_end(octets: Any, i: int, stop: int) -> int:
    """Behind the object that starts at i, by braces and quotes alone; `stop` when it never ends."""
    depth = 0
    while i < stop:
        octet = octets[i]
        if octet == 34:
            i += 1
            while i < stop and octets[i] != 34:
                i += 2 if octets[i] == 92 else 1
        elif octet == 123:
            depth += 1
        elif octet == 125:
            depth -= 1
        i += 1
        if depth <= 0:
            return min(i, stop)
    return stop


@numba.njit(nogil=True, cache=True)
def _forget(cells: Any, row: int) -> None:
    for column in range(cells.shape[0]):
        cells[column, row, 0] = 0
        cells[column, row, 1] = 0
        cells[column, row, 2] = NULL


@numba.njit(nogil=True, cache=True)
def _scan_record(octets: Any, state: Any, wanted: Any, heads: Any, out: Any) -> tuple[int, int]:
    """One record at state[START] and the members of its properties; its end (or the place of the error) and fault."""
    cells, inner, spans, place = out
    row, stop, made = state[ROW], state[STOP], state[MADE]
    end, fault = scan_object(octets, state, wanted[0], heads[0], cells, spans)
    if fault == FINE and cells[place, row, 2] == NESTED and octets[cells[place, row, 0]] == 123:
        state[START] = cells[place, row, 0]
        state[STOP] = cells[place, row, 1]
        _, fault = scan_object(octets, state, wanted[1], heads[1], inner, spans)
        state[STOP] = stop
    else:
        _forget(inner, row)
    if fault != FINE:
        _forget(cells, row)
        _forget(inner, row)
        state[MADE] = made
    return end, fault


@numba.njit(nogil=True, cache=True)
def _scan(octets: Any, pieces: Any, state: Any, names: Any, out: Any, noted: Any) -> None:
    """From pieces (p, 2): where each ends, and how many records it must hold.  Every record gets a row, fine or not."""
    wanted, heads = names
    rows, span_of = noted
    i, row = 0, 0
    span_of[0] = 0
    for piece in range(len(pieces)):
        stop, last = pieces[piece, 0], row + pieces[piece, 1]
        while row < last:
            while i < stop and _separator(octets[i]):
                i += 1
            begin, end, fault = i, i, NOT_JSON
            state[START] = i
            state[STOP] = stop
            state[ROW] = row
            if i < stop:
                end, fault = _scan_record(octets, state, wanted, heads, out)
            else:
                _forget(out[0], row)
                _forget(out[1], row)
            i = end if fault == FINE else _object_end(octets, begin, stop)
            rows[row, 0] = begin
            rows[row, 1] = i
            rows[row, 2] = row
            rows[row, 3] = fault
            rows[row, 4] = end - begin
            row += 1
            span_of[row] = state[MADE]
        i = stop


def scan_lines(lines: bytes, pieces: Any, fields: tuple[str, ...], promoted: Sequence[str] = ()) -> RawRows:
    """The records of canonical lines, as rows of `fields` and of the promoted properties (called `properties.NAME`).

    `pieces` is (p, 2): the end of each piece of `lines`, and how many records it must hold.  A piece with fewer gives broken rows for
    the missing ones, so rows and positions never part.
    """
    octets = octets_of(lines)
    count = int(pieces[:, 1].sum())
    wanted = (Names(fields).arrays, Names(tuple(promoted)).arrays)
    heads = (np.zeros((HEADS, 3), np.int64), np.zeros((HEADS, 3), np.int64))
    width = len(fields) + len(promoted)
    cells = np.empty((width, count, 3), np.int32)
    rows, span_of = np.empty((count, 5), np.int32), np.empty(count + 1, np.int32)
    spans = np.empty((count * (width + 2) + 2, 2), np.int32)
    state = np.zeros(5, np.int64)
    state[BLANKS] = LOOSE_BLANKS
    place = fields.index("properties") if "properties" in fields else 0
    out = (cells[: len(fields)], cells[len(fields) :], spans, place)
    _scan(octets, np.ascontiguousarray(pieces, np.int64), state, (wanted, heads), out, (rows, span_of))
    raw = RawRows(octets, (*fields, *(PROPERTY + name for name in promoted)), cells, rows, first_line=0, width=DEPTH_MAX)
    raw.spans, raw.span_of = spans[: span_of[count]], span_of
    if any_high(octets):
        mark_not_text(octets, rows, NOT_TEXT)
    return raw


def joined(parts: Sequence[RawRows], order: np.ndarray[Any, np.dtype[np.int64]]) -> RawRows:
    """Rows of several scans of the same columns as one: `order` are places among all their rows, one after the other."""
    starts = np.cumsum([0, *(len(part.octets) for part in parts[:-1])])
    moves = np.array([1, 1, 0, 0, 0])
    cells = np.concatenate([part.cells + start * moves[:3] for part, start in zip(parts, starts, strict=True)], axis=1, dtype=np.int32)[:, order]
    rows = np.concatenate([part.rows + start * moves for part, start in zip(parts, starts, strict=True)], dtype=np.int32)[order]
    rows[:, 2] = np.arange(len(rows))
    raw = RawRows(np.concatenate([part.octets for part in parts]), parts[0].columns, cells, rows, first_line=0, width=DEPTH_MAX)
    sizes = np.concatenate([np.diff(part.span_of) for part in parts if part.span_of is not None])
    begins = np.cumsum(sizes) - sizes
    raw.span_of = np.concatenate([[0], np.cumsum(sizes[order])], dtype=np.int32)
    picked = np.arange(raw.span_of[-1]) + np.repeat(begins[order] - raw.span_of[:-1], sizes[order])
    raw.spans = np.concatenate([part.spans + start for part, start in zip(parts, starts, strict=True)], dtype=np.int32)[picked]
    return raw


@numba.njit(nogil=True, cache=True)
def _compose(octets: Any, lists: Any, extras: Any, names: Any, out: Any, offsets: Any) -> None:
    """Each row's spans, then its extra cells under their names: extras (k, 4) = column, head start, head stop, whether objects are left out."""
    cells, spans, span_of = lists
    at = 0
    offsets[0] = 0
    for row in range(len(offsets) - 1):
        first = at
        for k in range(span_of[row], span_of[row + 1]):
            out[at] = 44
            at = copy(octets, spans[k, 0], spans[k, 1], out, at + 1)
        for k in range(len(extras)):
            start, stop, what = cells[extras[k, 0], row, 0], cells[extras[k, 0], row, 1], cells[extras[k, 0], row, 2]
            if what == NULL or (extras[k, 3] and what == NESTED and octets[start] == 123):
                continue
            at = copy(names, extras[k, 1], extras[k, 2], out, at)
            quoted = what in (TEXT, ESCAPED)
            if quoted:
                out[at] = 34
                at += 1
            at = copy(octets, start, stop, out, at)
            if quoted:
                out[at] = 34
                at += 1
        if at > first:
            out[first] = 123
            out[at] = 125
            at += 1
        offsets[row + 1] = at


def leftover_text(raw: RawRows, extras: Sequence[tuple[str, str]]) -> pa.Array:
    """(n,) JSON text of what has no column: leftover members as sent, and extra (column, name) pairs; null where there is nothing."""
    assert raw.span_of is not None, "rows of scan_lines have spans"
    heads = [f',"{name}":'.encode() for _, name in extras]
    ends = np.cumsum([len(head) for head in heads])
    columns = [raw.columns.index(column) for column, _ in extras]
    table = np.array(
        [
            (place, end - len(head), end, column == "properties")
            for place, end, head, (column, _) in zip(columns, ends.tolist(), heads, extras, strict=True)
        ],
        np.int64,
    ).reshape(len(extras), 4)
    size = int((raw.spans[:, 1] - raw.spans[:, 0]).sum()) + len(raw.spans) + 2 * len(raw) + SLACK
    for place, head in zip(columns, heads, strict=True):
        used = raw.cells[place, :, 2] != NULL
        size += int((raw.cells[place, used, 1] - raw.cells[place, used, 0]).sum()) + (len(head) + 2) * int(used.sum())
    out, offsets = np.empty(size, np.uint8), np.empty(len(raw) + 1, np.int32)
    _compose(raw.octets, (raw.cells, raw.spans, raw.span_of), table, octets_of(b"".join(heads)), out, offsets)
    assert offsets[-1] <= len(out), "a row outgrew its room"
    mend_halves(out, 0, int(offsets[-1]))
    empty = offsets[1:] == offsets[:-1]
    return string_array(out, offsets, (~empty).astype(np.uint8) if empty.any() else None)
