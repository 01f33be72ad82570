"""Web addresses in columns: host, path, campaign parameters and advertisers' click ids as slices of the text, nothing copied.

An address is `scheme://user@host:port/path?query#fragment`, or begins with its path.  A parameter's value stays as it stands in the
address; undoing its escapes is left to whoever looks at distinct values.  The first parameter of a name counts.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pyarrow as pa

from footfall.event.cells.text import texts
from footfall.event.cells.words import SLACK, octets_of
from footfall.event.raw import NULL, TEXT, Octets

PARAMETERS = ("utm_source", "utm_medium", "utm_campaign")
CLICKS = ("gclid", "gbraid", "wbraid", "msclkid", "dclid")
_NAMES = octets_of("".join(PARAMETERS + CLICKS).encode())
_ENDS = np.cumsum([0, *(len(name) for name in PARAMETERS + CLICKS)])
HOST, PATH = 0, 1  # rows of the cells; the parameters follow


@numba.njit(nogil=True, cache=True)
def _parameter(octets: Any, i: int, stop: int, names: Any, ends: Any) -> int:
    """Which known parameter is called octets[i:stop]; -1 for any other."""
    for k in range(len(ends) - 1):
        size = ends[k + 1] - ends[k]
        if stop - i != size:
            continue
        same = True
        for j in range(size):
            if octets[i + j] != names[ends[k] + j]:
                same = False
                break
        if same:
            return k
    return -1


@numba.njit(nogil=True, cache=True)
def _query(octets: Any, i: int, stop: int, known: Any, cells: Any, row: int) -> bool:
    """Note the parameters of octets[i:stop]; whether an advertiser's click id is among them."""
    names, ends = known
    clicked = False
    while i < stop:
        equals = -1
        after = i
        while after < stop and octets[after] != 38:
            if octets[after] == 61 and equals < 0:
                equals = after
            after += 1
        if after > equals + 1 > 0:
            which = _parameter(octets, i, equals, names, ends)
            if which >= 3:
                clicked = True
            elif which >= 0 and cells[2 + which, row, 2] == NULL:
                cells[2 + which, row, 0] = equals + 1
                cells[2 + which, row, 1] = after
                cells[2 + which, row, 2] = TEXT
        i = after + 1
    return clicked


@numba.njit(nogil=True, cache=True)
def _host(octets: Any, i: int, stop: int, cells: Any, row: int) -> int:
    """Note the host at octets[i:stop], without user and port; the place behind all three."""
    begin = i
    while i < stop and octets[i] != 47 and octets[i] != 63 and octets[i] != 35:
        if octets[i] == 64:
            begin = i + 1
        i += 1
    end = i
    for k in range(begin, i):
        if octets[k] == 58:
            end = k
            break
    if end > begin:
        cells[0, row, 0] = begin
        cells[0, row, 1] = end
        cells[0, row, 2] = TEXT
    return i


@numba.njit(nogil=True, cache=True)
def _cut(octets: Any, offsets: Any, valid: Any, known: Any, cells: Any, clicked: Any) -> None:
    for row in range(len(valid)):
        for k in range(cells.shape[0]):
            cells[k, row, 0] = 0
            cells[k, row, 1] = 0
            cells[k, row, 2] = NULL
        clicked[row] = False
        i, stop = offsets[row], offsets[row + 1]
        if not valid[row] or i == stop:
            continue
        slash = -1
        for k in range(i, min(stop - 2, i + 32)):
            if octets[k] == 58 and octets[k + 1] == 47 and octets[k + 2] == 47:
                slash = k + 1
                break
            if octets[k] == 47 or octets[k] == 63 or octets[k] == 35:
                break
        path = i if slash < 0 else _host(octets, slash + 2, stop, cells, row)
        end = path
        while end < stop and octets[end] != 63 and octets[end] != 35:
            end += 1
        if end == path and slash >= 0:  # a host alone has the path "/"
            cells[1, row, 0] = slash
            cells[1, row, 1] = slash + 1
            cells[1, row, 2] = TEXT
        elif end > path:
            cells[1, row, 0] = path
            cells[1, row, 1] = end
            cells[1, row, 2] = TEXT
        if end < stop and octets[end] == 63:
            after = end + 1
            while after < stop and octets[after] != 35:
                after += 1
            clicked[row] = _query(octets, end + 1, after, known, cells, row)


@numba.njit(nogil=True, cache=True)
def _same_host(octets: Any, cells: Any, others: Any, found: Any, same: Any) -> None:
    for row in range(len(same)):
        size = cells[row, 1] - cells[row, 0]
        same[row] = cells[row, 2] != NULL and found[row, 2] != NULL and found[row, 1] - found[row, 0] == size
        k = 0
        while same[row] and k < size:
            same[row] = octets[cells[row, 0] + k] | 32 == others[found[row, 0] + k] | 32
            k += 1


class Addresses:
    """(n,) texts cut into their parts."""

    def __init__(self, column: pa.Array) -> None:
        self.octets, offsets, valid = _plain(column)
        self.cells = np.empty((2 + len(PARAMETERS), len(column), 3), np.int32)
        self.clicked = np.empty(len(column), np.bool_)
        _cut(self.octets, offsets, valid, (_NAMES, _ENDS), self.cells, self.clicked)

    def part(self, which: int) -> pa.Array:
        """HOST, PATH, or 2 and more for a parameter, as text; null where there is none."""
        return texts(self.octets, self.cells[which])[0]

    def has(self, which: int) -> bool:
        """Whether any row has this part."""
        return bool((self.cells[which, :, 2] != NULL).any())

    def same_host(self, other: Addresses) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(n,) whether both addresses name the same host."""
        same = np.empty(self.cells.shape[1], np.bool_)
        _same_host(self.octets, self.cells[HOST], other.octets, other.cells[HOST], same)
        return same


def _plain(column: pa.Array) -> tuple[Octets, Any, Any]:
    """Text as its bytes with slack, (n + 1,) offsets and (n,) valid."""
    _, offsets, values = column.buffers()
    starts = np.frombuffer(memoryview(offsets), np.int32)[column.offset : column.offset + len(column) + 1]
    low, high = (int(starts[0]), int(starts[-1])) if len(column) else (0, 0)
    octets = np.zeros(high - low + SLACK, np.uint8)
    if high > low:
        octets[: high - low] = np.frombuffer(memoryview(values), np.uint8)[low:high]
    return octets, starts - low, column.is_valid().to_numpy(zero_copy_only=False)
