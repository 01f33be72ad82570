"""Who is active now: when every person of every group was last there, and how many of a group were within a span before the event clock.

A row of `people` is one person of one group: LAST, GROUP.  A row of `groups` is a group: PEOPLE, how many are active.
Cost: 30 ns a record, and 1 to 2 ns a slot of `people` for every count.
"""

from __future__ import annotations

from typing import Any

import numba

from footfall.kernels.live.table import EXPIRES, KEY, OWN, mixed, slot_for, slot_of, stored, touch

LAST, GROUP = OWN, OWN + 1
PEOPLE, BEFORE = OWN, OWN + 1
PEOPLE_FIELDS = GROUP_FIELDS = 2


@numba.njit(nogil=True, cache=True)
def see(people: Any, groups: Any, which: Any, group: Any, person: Any, times: Any, span_us: Any) -> None:
    """Note who was there: the records `which` (indexes), with (n,) hashes of groups and of persons, and times."""
    for i in which:
        slot = slot_for(people, stored(mixed(group[i], person[i])))
        if people[slot, EXPIRES] == 0 or people[slot, LAST] < times[i]:
            people[slot, LAST], people[slot, GROUP] = times[i], group[i]
            people[slot, EXPIRES] = times[i] + span_us
            touch(people, slot, i)
        at = slot_for(groups, stored(group[i]))
        if groups[at, EXPIRES] < times[i] + span_us:
            groups[at, EXPIRES] = times[i] + span_us
            touch(groups, at, i)


@numba.njit(nogil=True, cache=True)
def count(people: Any, groups: Any, after_us: Any) -> int:
    """Count the persons of every group who were there after a moment; how many groups have another number than before."""
    for at in range(groups.shape[0] - 1):
        if groups[at, KEY] != 0:
            groups[at, BEFORE], groups[at, PEOPLE] = groups[at, PEOPLE], 0
    for slot in range(people.shape[0] - 1):
        if people[slot, KEY] != 0 and people[slot, LAST] > after_us:
            at = slot_of(groups, stored(people[slot, GROUP]))
            if at >= 0:
                groups[at, PEOPLE] += 1
    changed = 0
    for at in range(groups.shape[0] - 1):
        if groups[at, KEY] != 0 and groups[at, BEFORE] != groups[at, PEOPLE]:
            changed += 1
            touch(groups, at, -1)
    return changed
