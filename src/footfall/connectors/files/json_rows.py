"""JSON as rows: one object a line (NDJSON), or the elements of one huge array, streamed.

An array's elements are cut by counting brackets, so a broken element is one dead letter and its neighbours live.  Objects that
simply follow each other, over several lines if need be, are read the same way.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from footfall.connectors.files.contract import Place
from footfall.connectors.files.delimited import ROWS_MAX, count_octet, find_octet
from footfall.connectors.files.window import Window, WindowReader
from footfall.event.cells.json_scan import BLANKS, DEPTH_MAX, HEADS, LOOSE_BLANKS, MADE, ROW, START, STOP, STRICT_BLANKS, Names, scan_object
from footfall.event.raw import NOT_JSON, RawRows

LINE_END, ENDED = 5, 6  # further places of the scanner's state


@numba.njit(nogil=True, cache=True)
def _note_row(state: Any, place: Any, cells: Any, rows: Any, span_of: Any) -> None:
    """Write down the row that was scanned: place = (start, next row's start, line, spans made before it, scanner's end, fault)."""
    row = state[ROW]
    if place[5]:
        state[MADE] = place[3]
        for column in range(cells.shape[0]):
            cells[column, row, 0] = 0
            cells[column, row, 1] = 0
            cells[column, row, 2] = 0
    rows[row, 0] = place[0]
    rows[row, 1] = place[1]
    rows[row, 2] = place[2]
    rows[row, 3] = place[5]
    rows[row, 4] = place[4] - place[0]
    span_of[row + 1] = state[MADE]
    state[ROW] = row + 1


@numba.njit(nogil=True, cache=True)
def _read_lines(octets: Any, state: Any, wanted: Any, heads: Any, out: Any) -> tuple[int, int]:
    """One object a line, from state[START] to state[STOP]; the place after the rows made, and the lines passed."""
    cells, rows, spans, span_of = out
    i, stop, line_end, blanks = state[START], state[STOP], state[LINE_END], state[BLANKS]
    line = 0
    span_of[0] = 0
    place = np.empty(6, np.int64)
    while i < stop and state[ROW] < rows.shape[0]:
        begin = i
        while i < stop and octets[i] <= 32 and (blanks >> octets[i]) & 1:
            i += 1
        if i == stop:
            i = begin
            break
        if octets[i] == line_end:
            i += 1
            line += 1
            continue
        state[START] = i
        place[3] = state[MADE]
        end, fault = scan_object(octets, state, wanted, heads, cells, spans)
        if fault == 0:
            while end < stop and octets[end] <= 32 and (blanks >> octets[end]) & 1:
                end += 1
            if end == stop:  # the line may go on in the next block
                state[MADE] = place[3]
                i = begin
                break
            fault = 0 if octets[end] == line_end else NOT_JSON
        after = end
        if fault:
            after = find_octet(octets, i, stop, line_end)
            if after == stop:
                state[MADE] = place[3]
                i = begin
                break
            end = min(end, after)
        place[0] = i
        place[1] = after + 1
        place[2] = line
        place[4] = end
        place[5] = fault
        _note_row(state, place, cells, rows, span_of)
        i = after + 1
        line += 1
    return i, line


@numba.njit(nogil=True, cache=True)
def _element_end(octets: Any, i: int, stop: int) -> int:
    """Behind the element that starts at i, by brackets and quotes alone; `stop` + 1 when it does not end here."""
    depth = 0
    while i < stop:
        octet = octets[i]
        if octet == 34:
            i += 1
            while i < stop and octets[i] != 34:
                i += 2 if octets[i] == 92 else 1
            if i >= stop:
                return stop + 1
        elif octet == 123 or octet == 91:
            depth += 1
        elif octet == 125 or octet == 93:
            if depth == 0:
                return i
            depth -= 1
        elif depth == 0 and octet == 44:
            return i
        i += 1
        if depth == 0 and (octet == 125 or octet == 93):
            return i
    return stop + 1


@numba.njit(nogil=True, cache=True)
def _read_elements(octets: Any, state: Any, wanted: Any, heads: Any, out: Any) -> tuple[int, int]:
    """Elements between commas and blanks; the place after them, and the lines passed.  state[ENDED] becomes 2 at the closing bracket."""
    cells, rows, spans, span_of = out
    i, stop, line_end = state[START], state[STOP], state[LINE_END]
    line = 0
    span_of[0] = 0
    place = np.empty(6, np.int64)
    while state[ROW] < rows.shape[0]:
        while i < stop and (octets[i] <= 32 or octets[i] == 44):
            line += octets[i] == line_end
            i += 1
        if i >= stop:
            break
        if octets[i] == 93:
            state[ENDED] = 2
            i += 1
            break
        after = _element_end(octets, i, stop)
        if after > stop:
            if state[ENDED] == 0:
                break
            after = stop
        last = after
        while last > i + 1 and octets[last - 1] <= 32:
            last -= 1
        state[START] = i
        state[STOP] = last
        place[0] = i
        place[1] = last
        place[2] = line
        place[3] = state[MADE]
        # The scanner wants to see a byte behind the object: an object that fills its element ends exactly at `last`.
        end, fault = scan_object(octets, state, wanted, heads, cells, spans)
        if fault == 0 and end != last:
            fault = NOT_JSON
        place[4] = end
        place[5] = fault
        _note_row(state, place, cells, rows, span_of)
        line += count_octet(octets, i, last, line_end)
        i = max(last, i + 1)
    return i, line


class JsonReader(WindowReader):
    """The rows of NDJSON (`elements` False), or of an array whose opening bracket has been passed."""

    def __init__(self, window: Window, columns: tuple[str, ...], *, place: Place, elements: bool) -> None:
        super().__init__(window, columns, place)
        self.elements = elements
        self._wanted = Names(columns).arrays

    def _cut(self) -> RawRows:
        window, place = self.window, self.place
        lines = count_octet(window.octets, window.at, window.size, 125 if self.elements else window.line_end)
        room = max(1, min(ROWS_MAX, lines + 1))
        width = len(self.columns)
        cells, rows = np.empty((width, room, 3), np.int32), np.empty((room, 5), np.int32)
        spans, span_of = np.empty((room * (width + 1) + 1, 2), np.int32), np.empty(room + 1, np.int32)
        state = np.zeros(7, np.int64)
        state[[START, STOP, LINE_END, ENDED]] = window.at, window.size, window.line_end, window.final
        state[BLANKS] = LOOSE_BLANKS if self.elements else STRICT_BLANKS[window.line_end]
        heads = np.zeros((HEADS, 3), np.int64)
        read = _read_elements if self.elements else _read_lines
        at, passed = read(window.octets, state, self._wanted, heads, (cells, rows, spans, span_of))
        made = int(state[ROW])
        self.closed = bool(state[ENDED] == 2)
        raw = RawRows(window.octets, self.columns, cells, rows[:made], place.row, place.line + 1, width=DEPTH_MAX)
        raw.spans, raw.span_of = spans[: span_of[made]], span_of[: made + 1]
        return self._advance(raw, at, passed)
