"""Session windows by key: a record extends the session it is near to, joins two that it lies between, or begins one.

A session holds records of a key no two neighbours of which are more than `gap` apart.  A row of the directory is a key with its open sessions:
places of (row key, first, last), as many as can be open at once; a row of the table is one session as in `windows`, with START its first record and
END its last.  When two become one, the measures of the later are added to the earlier and its row is taken out.  A session whose last record lies
more than gap behind the watermark can no longer change.
Cost: about 80 ns a record, and its measures.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from footfall.kernels.live.measures import COUNT, END, FLAGS, GROUP, START, add, merge, room_to_merge
from footfall.kernels.live.measures import FIRST_MEASURE as FIRST
from footfall.kernels.live.table import EXPIRES, KEY, LINK, OWN, ROWS, has_room, mixed, remove, slot_for, slot_of, stored, touch, unchanged
from footfall.kernels.live.windows import watch

OPEN_MAX = 32  # reached with gaps of two seconds and less
SHOWN = FIRST  # the start that readers were told, NOT_SHOWN before they were
FIRST_MEASURE = FIRST + 1
NOT_SHOWN = -(1 << 62)
GAP_US, ROWS_MAX, MISSING, REFUSED = range(4)  # of `span`


def directory_fields(gap_us: int, spread_us: int) -> int:
    """How many fields a key takes when records that are not late lie in a span of `spread_us`: open sessions end in it or less than a gap before."""
    return 3 * min(2 + -(-spread_us // gap_us), OPEN_MAX)


@numba.njit(nogil=True, cache=True)
def _near(places: Any, at: Any, time_us: Any, gap_us: Any) -> tuple[int, int]:
    """The places of the one or two open sessions within the gap of a time, the earlier first; -1 for none."""
    one = other = -1
    for place in range((places.shape[1] - OWN) // 3):
        base = OWN + 3 * place
        if places[at, base] and places[at, base + 1] - gap_us <= time_us <= places[at, base + 2] + gap_us:
            if one < 0:
                one = place
            else:
                other = place
    if other >= 0 and places[at, OWN + 3 * other + 1] < places[at, OWN + 3 * one + 1]:
        one, other = other, one
    return one, other


@numba.njit(nogil=True, cache=True)
def _free(places: Any, at: Any, closed_us: Any) -> int:
    """A place for a new session: an empty one, one that is closed, else that of the earliest, which nobody can extend any more."""
    found = 0
    for place in range((places.shape[1] - OWN) // 3):
        base = OWN + 3 * place
        if places[at, base] == 0 or places[at, base + 2] < closed_us:
            return place
        if places[at, base + 2] < places[at, OWN + 3 * found + 2]:
            found = place
    return found


@numba.njit(nogil=True, cache=True)
def _begun(main: Any, places: Any, at: Any, place: Any, group: Any, time_us: Any) -> None:
    """A new session in a place of the directory."""
    base = OWN + 3 * place
    key = stored(mixed(group, time_us))
    slot = slot_for(main, key)
    places[at, base], places[at, base + 1], places[at, base + 2] = key, time_us, time_us
    main[slot, START], main[slot, END], main[slot, GROUP], main[slot, SHOWN] = time_us, time_us, group, NOT_SHOWN


@numba.njit(nogil=True, cache=True)
def _joined(main: Any, slots: Any, gone: Any) -> None:
    """Make the later of two sessions part of the earlier, all but its measures.  `slots` is (earlier, later); `gone` takes note of it."""
    to, of = slots
    main[to, COUNT] += main[of, COUNT]
    main[to, FLAGS] |= main[of, FLAGS]
    main[to, END] = max(main[to, END], main[of, END])
    main[to, EXPIRES] = max(main[to, EXPIRES], main[of, EXPIRES])
    n = gone[0, 0] + 1
    gone[0, 0] = n
    gone[n, 0], gone[n, 1], gone[n, 2] = main[of, SHOWN], main[of, KEY], main[to, KEY]
    if main[of, LINK] != 0:
        unchanged(main, of)
    remove(main, of)


@numba.njit(nogil=True, cache=True)
def take(
    main: Any, directory: Any, pairs: Any, bins: Any, plan: Any, given: Any, which: Any, keys: Any, times: Any, closed_us: Any, span: Any,
    limits: Any, crossings: Any, gone: Any,
) -> int:  # fmt: skip
    """Add records to their sessions; how many were taken: fewer than all when a side table has no room for the next.

    (n,) `closed_us` is the watermark less the gap.  `gone` (g, 3) gets (start as shown, row key, key of the row that it is part of now) of sessions that
    are no more, behind a row whose first number is how many.  `span` has the gap, the most rows, how much room is missing, and how many records were
    refused for too many keys.
    """
    gap_us = span[GAP_US]
    watched = limits[0] != np.inf or limits[2] != np.inf or limits[1] != np.inf
    for taken in range(len(which)):
        i = which[taken]
        time_us = times[i]
        if main[main.shape[0] - 1, ROWS] >= span[ROWS_MAX] and slot_of(directory, stored(keys[i])) < 0:
            span[REFUSED] += 1
            continue
        at = slot_for(directory, stored(keys[i]))
        one, other = _near(directory, at, time_us, gap_us)
        if other >= 0:
            span[MISSING] = room_to_merge(main, plan, slot_of(main, directory[at, OWN + 3 * other]))
            if not (has_room(pairs, span[MISSING]) and has_room(bins, span[MISSING])):
                return taken
        if one < 0:
            one = _free(directory, at, closed_us[i])
            _begun(main, directory, at, one, keys[i], time_us)
        base = OWN + 3 * one
        slot = slot_of(main, directory[at, base])
        main[slot, START] = directory[at, base + 1] = min(directory[at, base + 1], time_us)
        main[slot, END] = directory[at, base + 2] = max(directory[at, base + 2], time_us)
        main[slot, EXPIRES] = max(main[slot, EXPIRES], time_us + gap_us)
        main[slot, COUNT] += 1
        touch(main, slot, i)
        add(main, pairs, bins, plan, given, (slot, i, time_us, limits[2]))
        if other >= 0:
            second = OWN + 3 * other
            lost = slot_of(main, directory[at, second])
            merge(main, pairs, bins, plan, (slot, lost, i))
            directory[at, base + 2] = max(directory[at, base + 2], main[lost, END])
            _joined(main, (slot, lost), gone)
            slot = slot_of(main, directory[at, base])
            directory[at, second] = directory[at, second + 1] = directory[at, second + 2] = 0
        if watched:
            watch(main, bins, plan, limits, crossings, (slot, i))
        directory[at, EXPIRES] = max(directory[at, EXPIRES], time_us + gap_us)
        touch(directory, at, i)
    return len(which)


@numba.njit(nogil=True, cache=True)
def note_shown(main: Any, keys: Any) -> None:
    """Readers are told these sessions with their present starts."""
    for key in keys:
        slot = slot_of(main, key)
        main[slot, SHOWN] = main[slot, START]
