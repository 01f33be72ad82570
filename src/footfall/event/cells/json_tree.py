"""Objects within objects in one pass: the scanner of `json_scan` that goes into those members whose members are wanted too.

A tree says which members of which object are wanted.  Its objects are numbered from 0, the root; one of them may be open: what nobody wants
of it is noted as spans, as `scan_object` notes it.  In all others a name that occurs twice, or is written with escapes, makes the record
odd: its values may not mean what they mean to another reader of JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np

from footfall.event.cells.json_scan import (
    BLANKS,
    DEPTH_MAX,
    HEADS,
    LOOSE_BLANKS,
    MADE,
    START,
    STOP,
    Names,
    _blank,
    _escaped_end,
    _literal,
    _new_head,
    _number,
    _plain_end,
    nested_end,
)
from footfall.event.cells.words import same
from footfall.event.raw import ESCAPED, FINE, NESTED, NULL, NUMBER, TEXT

# Places of the scanner's state, behind those of `scan_object`.
ODD, STATE_SIZE = 5, 6
LEAF = -1
_ESCAPED_NAME = -2
_LEVELS = 8  # of objects whose members are wanted


class Tree:
    """Wanted members as (object, name, the object that the member is, or LEAF); a member's place in this list is its slot."""

    def __init__(self, members: Sequence[tuple[int, str, int]], open_object: int = -1) -> None:
        names = tuple(dict.fromkeys(name for _, name, _ in members))
        number = {name: index for index, name in enumerate(names)}
        objects = 1 + max(max(parent, child) for parent, _, child in members)
        slots = np.full((objects, len(names)), LEAF, np.int64)
        for slot, (parent, name, _) in enumerate(members):
            slots[parent, number[name]] = slot
        children = np.array([child for _, _, child in members], np.int64)
        heads = np.zeros((objects, HEADS, 3), np.int64)
        path = np.zeros((_LEVELS, 4), np.int64)
        opened = sum(parent == open_object for parent, _, _ in members)
        self.arrays = (Names(names).arrays, slots, children, heads, path, (open_object, opened))
        self.slots = len(members)

    def state(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """A scanner's state for a new buffer."""
        self.arrays[3][:] = 0
        state = np.zeros(STATE_SIZE, np.int64)
        state[BLANKS] = LOOSE_BLANKS
        return state


@numba.njit(nogil=True, cache=True)
def has_backslash(octets: Any, start: int, stop: int) -> bool:
    """Whether a JSON string has an escape."""
    for i in range(start, stop):  # noqa: SIM110 - compiled
        if octets[i] == 92:
            return True
    return False


@numba.njit(nogil=True, cache=True, forceinline=True)
def _value(octets: Any, i: int, stop: int, blanks: int, most: int) -> tuple[int, int]:
    """The end of any value that nests at most so deep, -1 at an error, and what it is."""
    octet, fault, what = octets[i], FINE, NUMBER
    if octet == 34:
        i, what = _plain_end(octets, i + 1, stop), TEXT
        if i == stop or octets[i] != 34:
            i, what = _escaped_end(octets, i, stop), ESCAPED
        i += 1 if i >= 0 else 0
    elif octet == 45 or 48 <= octet <= 57:
        i = _number(octets, i, stop)
    elif octet in (123, 91):
        i, fault = nested_end(octets, i, stop, blanks, most)
        what = NESTED
    else:
        i, what = _literal(octets, i, stop)
    return (-1 if i < 0 or fault != FINE else i), what


@numba.njit(nogil=True, cache=True, forceinline=True)
def _put(cells: Any, slot: int, start: int, stop: int, what: int) -> None:
    cells[slot, 0] = start
    cells[slot, 1] = stop
    cells[slot, 2] = what


@numba.njit(nogil=True, cache=True, forceinline=True)
def _note(spans: Any, made: int, begin: int, stop: int, goes_on: bool) -> int:
    """Note a member that nobody wants, which may go on the span before it; how many spans there are."""
    if goes_on:
        spans[made - 1, 1] = stop
        return made
    spans[made, 0] = begin
    spans[made, 1] = stop
    return made + 1


@numba.njit(nogil=True, cache=True)
def _learn(octets: Any, i: int, state: Any, tree: Any, place: tuple[int, int]) -> int:
    """Read a new head of member `place[1]` of object `place[0]`, with its slot; the value's place, or minus that of an error, minus one."""
    wanted, slots, _, heads, _, opened = tree
    node, member = place
    own = heads[node]
    i = _new_head(octets, i, state, wanted, own, member)
    if i < 0:
        return i
    name, begin = own[member, 2], own[member, 0]
    own[member, 2] = slots[node, name] if name >= 0 else LEAF
    if node != opened[0] and has_backslash(octets, begin, begin + own[member, 1]):
        own[member, 2] = _ESCAPED_NAME
    return i


@numba.njit(nogil=True, cache=True)
def scan_tree(octets: Any, state: Any, tree: Any, cells: Any, spans: Any) -> int:
    """One object from state[START]: fills cells (slots, 3), and spans from state[MADE] on; its end, -1 when there is none.

    state[ODD] says afterwards whether a name was there twice or had escapes.
    """
    _, _, children, heads, path, opened = tree
    i, stop, blanks, made = state[START], state[STOP], state[BLANKS], state[MADE]
    most = made + opened[1] + 1
    state[ODD] = 0
    for slot in range(cells.shape[0]):
        _put(cells, slot, 0, 0, NULL)
    if i >= stop or octets[i] != 123:
        return -1
    node, member, level, joined = 0, 0, 0, False
    i = _blank(octets, i + 1, stop, blanks)
    ended = i < stop and octets[i] == 125
    while True:
        if not ended:
            begin = i
            size = heads[node, member, 1]
            if size and i + size < stop and same(octets, i, octets, heads[node, member, 0], size):
                i += size
            else:
                i = _learn(octets, i, state, tree, (node, member))
                if i < 0:
                    return -1
            slot = heads[node, member, 2]
            member = min(member + 1, HEADS - 1)
            i = _blank(octets, i, stop, blanks)
            if i >= stop:
                return -1
            if slot == _ESCAPED_NAME or (slot >= 0 and cells[slot, 0] and node != opened[0]):
                state[ODD] = 1
            first = i
            if octets[i] == 123 and slot >= 0 and children[slot] >= 0:
                path[level, 0], path[level, 1], path[level, 2], path[level, 3] = node, member, slot, first
                level += 1
                node, member, joined = children[slot], 0, False
                i = _blank(octets, i + 1, stop, blanks)
                ended = i < stop and octets[i] == 125
                continue
            i, what = _value(octets, i, stop, blanks, DEPTH_MAX - 1 - level)
            if i < 0:
                return -1
            if slot >= 0:
                quoted = 1 if what in (TEXT, ESCAPED) else 0
                _put(cells, slot, first + quoted, i - quoted, what if i - first > 2 * quoted else NULL)
                joined = False
            elif node == opened[0]:
                made = _note(spans, made, begin, i, joined or made == most)
                joined = True
        while True:  # a value has ended before i, or an object ends at it: close what ends here too
            if ended:
                i += 1
                if level == 0:
                    state[MADE] = made
                    return int(i)
                level -= 1
                node, member, slot = path[level, 0], path[level, 1], path[level, 2]
                _put(cells, slot, path[level, 3], i, NESTED)
                ended = False
            i = _blank(octets, i, stop, blanks)
            if i >= stop:
                return -1
            if octets[i] == 125:
                ended = True
                continue
            if octets[i] != 44:
                return -1
            i = _blank(octets, i + 1, stop, blanks)
            break
