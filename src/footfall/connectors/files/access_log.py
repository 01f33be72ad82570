"""Access logs of Apache, NGINX and their kin: the common and the combined format, one request a line.

    host ident user [day/month/year:time zone] "method path protocol" status bytes "referrer" "agent"

`-` means nothing.  A backslash keeps the quote after it inside.  What a broken line still says is kept: an agent whose quote never
closes is unknown, the request still counts.  Lines wrapped whole in another pair of quotes are unwrapped.  Cost: one pass.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from footfall.connectors.files.contract import Place
from footfall.connectors.files.delimited import ROWS_MAX, count_octet
from footfall.connectors.files.window import Window, WindowReader
from footfall.event.raw import NOT_A_LOG_LINE, NULL, NUMBER, TEXT, RawRows

COLUMNS: tuple[str, ...] = ("ip", "user", "time", "method", "path", "protocol", "status", "bytes", "referrer", "agent")
_IP, _USER, _TIME, _METHOD, _PATH, _PROTOCOL, _STATUS, _BYTES, _REFERRER, _AGENT = range(10)
_SPACE, _QUOTE, _DASH, _OPEN, _CLOSE, _ESCAPE = 32, 34, 45, 91, 93, 92


@numba.njit(nogil=True, cache=True)
def _put(cells: Any, row: int, column: int, first: int, last: int, octets: Any, what: int) -> None:
    """Fill a cell; `-` and nothing are null."""
    empty = last <= first or (last == first + 1 and octets[first] == _DASH)
    cells[column, row, 0] = 0 if empty else first
    cells[column, row, 1] = 0 if empty else last
    cells[column, row, 2] = NULL if empty else what


@numba.njit(nogil=True, cache=True)
def _word(octets: Any, i: Any, stop: Any) -> Any:
    """Where the word that starts at i stops."""
    while i < stop and octets[i] != _SPACE:
        i += 1
    return i


@numba.njit(nogil=True, cache=True)
def _closing(octets: Any, i: Any, stop: Any) -> Any:
    """Where the quote that opened before i closes; `stop` when it does not."""
    while i < stop and octets[i] != _QUOTE:
        i += 2 if octets[i] == _ESCAPE else 1
    return min(i, stop)


@numba.njit(nogil=True, cache=True)
def _request(octets: Any, first: int, last: int, cells: Any, row: int) -> None:
    """Method, path and protocol; a request that is no such thing fills the path alone."""
    method = _word(octets, first, last)
    word = method > first
    for i in range(first, method):
        word &= 65 <= octets[i] <= 90 or octets[i] == _DASH or octets[i] == 95
    if not word or method == last:
        _put(cells, row, _PATH, first, last, octets, TEXT)
        return
    protocol = last
    while protocol > method + 1 and octets[protocol - 1] != _SPACE:
        protocol -= 1
    _put(cells, row, _METHOD, first, method, octets, TEXT)
    if protocol > method + 1:
        _put(cells, row, _PATH, method + 1, protocol - 1, octets, TEXT)
        _put(cells, row, _PROTOCOL, protocol, last, octets, TEXT)
    else:
        _put(cells, row, _PATH, method + 1, last, octets, TEXT)


@numba.njit(nogil=True, cache=True)
def _line(octets: Any, i: Any, stop: Any, cells: Any, row: int) -> Any:
    """One line into cells; where it stops being a log line, or -1."""
    for column in range(cells.shape[0]):
        _put(cells, row, column, 0, 0, octets, NULL)
    if stop > i + 1 and octets[i] == _QUOTE and octets[stop - 1] == _QUOTE:
        i += 1
        stop -= 1
    word = _word(octets, i, stop)
    if word == i:
        return i
    _put(cells, row, _IP, i, word, octets, TEXT)
    word = _word(octets, word + 1, stop)
    first = word + 1
    # A user name may hold spaces, so it reaches to the bracket of the time.
    i = first
    while i < stop and octets[i] != _OPEN:
        i += 1
    if i >= stop:
        return first
    _put(cells, row, _USER, first, i - 1, octets, TEXT)
    first = i + 1
    while i < stop and octets[i] != _CLOSE:
        i += 1
    if i >= stop:
        return first
    _put(cells, row, _TIME, first, i, octets, TEXT)
    i += 2
    if i >= stop or octets[i] != _QUOTE:
        return i
    first = i + 1
    i = _closing(octets, first, stop)
    if i >= stop:
        return first
    _request(octets, first, i, cells, row)
    first = i + 2
    i = _word(octets, first, stop)
    for digit in range(first, i):
        if octets[digit] < 48 or octets[digit] > 57:
            return digit
    if i <= first:
        return first
    _put(cells, row, _STATUS, first, i, octets, NUMBER)
    first = i + 1
    i = _word(octets, first, stop)
    _put(cells, row, _BYTES, first, i, octets, NUMBER)
    for column in (_REFERRER, _AGENT):
        i += 1
        if i >= stop or octets[i] != _QUOTE:
            return -1
        first = i + 1
        i = _closing(octets, first, stop)
        if i >= stop:
            return -1
        _put(cells, row, column, first, i, octets, TEXT)
        i += 1
    return -1


@numba.njit(nogil=True, cache=True)
def _tokenise(octets: Any, span: Any, line_end: int, cells: Any, rows: Any) -> tuple[int, int, int]:
    """Cut octets[span[0]:span[1]] into (10, n, 3) cells and (n, 5) rows; rows made, bytes and lines passed."""
    i = span[0]
    made = 0
    line = 0
    while i < span[1] and made < rows.shape[0]:
        end = i
        while end < span[1] and octets[end] != line_end:
            end += 1
        if end == span[1] and not span[2]:
            break
        stop = end - 1 if end > i and octets[end - 1] == 13 else end
        if stop > i:
            fault = _line(octets, i, stop, cells, made)
            rows[made, 0] = i
            rows[made, 1] = stop
            rows[made, 2] = line
            rows[made, 3] = 0 if fault < 0 else NOT_A_LOG_LINE
            rows[made, 4] = fault - i if fault >= 0 else 0
            made += 1
        line += 1
        i = min(end + 1, span[1])
    return made, i, line


class AccessLogReader(WindowReader):
    """The requests of an access log."""

    def __init__(self, window: Window, *, place: Place) -> None:
        super().__init__(window, COLUMNS, place)

    def _cut(self) -> RawRows:
        window, place = self.window, self.place
        lines = count_octet(window.octets, window.at, window.size, window.line_end)
        room = max(1, min(ROWS_MAX, lines))
        cells = np.zeros((len(COLUMNS), room, 3), np.int32)
        rows = np.empty((room, 5), np.int32)
        span = np.array([window.at, window.size, window.final], np.int64)
        made, at, passed = _tokenise(window.octets, span, window.line_end, cells, rows)
        raw = RawRows(window.octets, COLUMNS, cells, rows[:made], place.row, place.line + 1, width=len(COLUMNS))
        return self._advance(raw, at, passed)
