"""Session windows by key: a record extends the session it is near to, joins two that it lies between, or begins one.

A session holds records of a key no two neighbours of which are more than `gap` apart.  A row of the directory is a key with its open sessions:
OPEN places of (row key, first, last); a row of the table is one session as in `windows`, with START its first record and END its last.  When two
become one, the measures of the later are added to the earlier and its row is taken out.  A session whose last record lies more than
gap behind the watermark can no longer change.  With a gap of at least the lateness a key has at most OPEN such at once.
Cost: about 60 ns a record, and its measures.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from footfall.kernels.live.measures import DISTINCT, QUANTILE, Given, Measures, Side, add, merge
from footfall.kernels.live.table import CHANGED, EXPIRES, OWN, Arrays, has_room, mixed, remove, slot_for, slot_of, stored, touch
from footfall.kernels.live.table import COUNT as ROWS
from footfall.kernels.live.windows import COUNT, END, FLAGS, KEY, START, watch

OPEN = 4
DIRECTORY_FIELDS = 3 * OPEN
SHOWN = OWN + 5  # the start that readers were told, NOT_SHOWN before they were
OWN_FIELDS = 6
FIRST_MEASURE = OWN + OWN_FIELDS
NOT_SHOWN = -(1 << 62)


@numba.njit(nogil=True, cache=True)
def _near(fields: Any, at: int, time_us: Any, gap_us: Any) -> tuple[int, int]:
    """The places of the one or two open sessions within the gap of a time, the earlier first; -1 for none."""
    one = other = -1
    for place in range(OPEN):
        base = OWN + 3 * place
        if fields[at, base] and fields[at, base + 1] - gap_us <= time_us <= fields[at, base + 2] + gap_us:
            if one < 0:
                one = place
            else:
                other = place
    if other >= 0 and fields[at, OWN + 3 * other + 1] < fields[at, OWN + 3 * one + 1]:
        one, other = other, one
    return one, other


@numba.njit(nogil=True, cache=True)
def _free(fields: Any, at: int, closed_us: Any) -> int:
    """A place for a new session: an empty one, one that is closed, else that of the earliest, which nobody can extend any more."""
    found = 0
    for place in range(OPEN):
        base = OWN + 3 * place
        if fields[at, base] == 0 or fields[at, base + 2] < closed_us:
            return place
        if fields[at, base + 2] < fields[at, OWN + 3 * found + 2]:
            found = place
    return found


@numba.njit(nogil=True, cache=True)
def _join(main: Arrays, side: Side, measures: Measures, pair: Any, gone: Any) -> None:
    """Make the later of two sessions part of the earlier.  `pair` is (earlier slot, later slot, record); `gone` takes (shown start, key)."""
    to, of, record = pair
    fields = main.fields
    fields[to, COUNT] += fields[of, COUNT]
    fields[to, FLAGS] |= fields[of, FLAGS]
    fields[to, END] = max(fields[to, END], fields[of, END])
    fields[to, EXPIRES] = max(fields[to, EXPIRES], fields[of, EXPIRES])
    merge(main, side, measures, (to, of), record)
    if fields[of, SHOWN] != NOT_SHOWN:
        n = gone[0, 0] + 1
        gone[n, 0], gone[n, 1] = fields[of, SHOWN], main.keys[of]
        gone[0, 0] = n
    fields[of, COUNT] = -1


@numba.njit(nogil=True, cache=True)
def _wanted(main: Arrays, measures: Measures, slot: int) -> int:
    """How many rows beside a session's own its measures take when they are added to another's, at most."""
    wanted = len(measures.kinds)
    for j in range(len(measures.kinds)):
        at = measures.at[j]
        if measures.kinds[j] == DISTINCT:
            wanted += main.fields[slot, at]
        elif measures.kinds[j] == QUANTILE:
            wanted += min(main.fields[slot, at], main.fields[slot, at + 2] - main.fields[slot, at + 1] + 1)
    return wanted


@numba.njit(nogil=True, cache=True)
def take(tables: Any, side: Side, measures: Measures, given: Given, records: Any, how: Any) -> int:
    """Add records to their sessions; how many were taken: fewer than all when a table has no room for the next, and `needed` says how much.

    `tables` is (main, directory), `records` is ((r,) indexes, (n,) key hashes, (n,) times, (n,) watermarks), `how` is (gap, keep, rows_max, Limits,
    Crossings, gone, needed): `gone` (g, 2) gets (start as shown, row key) of sessions that are no more, its place 0, 0 holds how many;
    `needed` (2,) is the room that is missing, and how many records were refused because there are too many keys.
    """
    main, directory = tables
    which, keys, times, watermarks = records
    gap_us, keep_us, rows_max, limits, crossings, gone, needed = how
    fields, places = main.fields, directory.fields
    watched = limits.levels.min() != np.inf
    for taken, i in enumerate(which):
        time_us = times[i]
        if main.meta[ROWS] >= rows_max and slot_of(directory, stored(keys[i])) < 0:
            needed[1] += 1
            continue
        at = slot_for(directory, stored(keys[i]))
        one, other = _near(places, at, time_us, gap_us)
        if other >= 0:
            needed[0] = _wanted(main, measures, slot_of(main, places[at, OWN + 3 * other]))
            if not (has_room(side.pairs, needed[0]) and has_room(side.bins, needed[0])):
                return taken
        if one < 0:
            one = _free(places, at, watermarks[i] - gap_us)
            base = OWN + 3 * one
            key = stored(mixed(keys[i], time_us))
            slot = slot_for(main, key)
            places[at, base], places[at, base + 1], places[at, base + 2] = key, time_us, time_us
            fields[slot, START], fields[slot, END], fields[slot, KEY] = time_us, time_us, keys[i]
            fields[slot, SHOWN] = NOT_SHOWN
        base = OWN + 3 * one
        slot = slot_of(main, places[at, base])
        fields[slot, START] = places[at, base + 1] = min(places[at, base + 1], time_us)
        fields[slot, END] = places[at, base + 2] = max(places[at, base + 2], time_us)
        fields[slot, EXPIRES] = max(fields[slot, EXPIRES], time_us + gap_us + keep_us)
        fields[slot, COUNT] += 1
        touch(main, slot, i)
        add(main, side, measures, given, (slot, i, time_us))
        if other >= 0:
            second = OWN + 3 * other
            lost = slot_of(main, places[at, second])
            _join(main, side, measures, (slot, lost, i), gone)
            places[at, base + 2] = fields[slot, END]
            places[at, second] = places[at, second + 1] = places[at, second + 2] = 0
        if watched:
            watch(main, side, measures, limits, (slot, i), crossings)
        places[at, EXPIRES] = max(places[at, EXPIRES], time_us + gap_us + keep_us)
        touch(directory, at, i)
    return len(which)


@numba.njit(nogil=True, cache=True)
def remove_joined(main: Arrays) -> None:
    """Take out the rows of sessions that became part of others, and their changes."""
    kept = 0
    for i in range(main.meta[CHANGED]):
        slot = slot_of(main, main.changed[i])
        if main.fields[slot, COUNT] == -1:
            remove(main, slot)
        else:
            main.changed[kept], main.changed_row[kept] = main.changed[i], main.changed_row[i]
            kept += 1
    main.meta[CHANGED] = kept


@numba.njit(nogil=True, cache=True)
def note_shown(main: Arrays, keys: Any) -> None:
    """Readers are told these sessions with their present starts."""
    for key in keys:
        slot = slot_of(main, key)
        main.fields[slot, SHOWN] = main.fields[slot, START]
