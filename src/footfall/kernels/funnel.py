"""Furthest step of each person in an ordered funnel.

An attempt is an entry (an event of step 1 inside the entry range) followed, in order, by events of step 2, 3, …, each at most
`window_us` after the entry, bound included.  Every attempt is searched.  One event fills one step of an attempt.

The trick: `started[k]` is the latest entry that leads to step k.  Whatever a later entry rules out, an older one rules out
too, so one number a step is all the state a person needs; updating the highest step first keeps one event from filling two.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

MAX_STEPS = 30


class FunnelRules(NamedTuple):
    """Number of steps, the window, the half-open range of entries, and when the data ends (all in microseconds)."""

    steps: int
    window_us: int
    since_us: int
    until_us: int
    as_of_us: int


@njit(nogil=True, cache=True)
def funnel(person: Any, time_us: Any, code: Any, group: Any, rules: FunnelRules) -> tuple[Any, Any, Any, Any, Any]:
    """(n,) events by person and time, `code` a bit set of steps -> one row for each person who entered, and times.

    Returns `furthest` (m,) uint8; `group` (m,) int32 at the chosen entry (longest attempt, then earliest completion, then latest
    entry), -1 when `group` is empty; `is_open` (m,) bool: not through, and the window of the latest entry ends at or after
    `as_of_us`; `step` and `duration_us` (d,): for every person and every step k >= 2 they reached, k and the time from the
    entry to the earliest completion of k.  Cost: one pass over the codes and one over the events of the steps.
    """
    n = len(person)
    furthest = np.empty(n, np.uint8)
    entry_group = np.empty(n, np.int32)
    is_open = np.empty(n, np.bool_)
    step = np.empty(n, np.uint8)
    duration_us = np.empty(n, np.int64)
    started = np.zeros(rules.steps, np.int64)
    entry = np.zeros(rules.steps, np.int64)
    people = 0
    durations = 0
    top = 0
    chosen = entry[0]
    current = np.int64(0)
    # Events of no step change nothing, not even whose turn it is.  They are picked out first, without a branch: where they come is
    # random, and a wrong guess costs the processor more than the rest of the loop.
    picked = np.empty(n + 1, np.int32)
    steps = 0
    for i in range(n):
        picked[steps] = i
        steps += code[i] != 0
    picked[steps] = n
    for turn in range(steps + 1):
        i = picked[turn]
        bits = code[i] if i < n else np.int32(0)
        if i == n or person[i] != current:
            if top > 0:
                furthest[people] = top
                entry_group[people] = group[chosen] if len(group) else np.int32(-1)
                is_open[people] = top < rules.steps and started[0] >= rules.as_of_us - rules.window_us
                people += 1
                top = 0
            if i == n:
                break
            current = person[i]
        if top == rules.steps:
            continue
        now = time_us[i]
        for k in range(top, 0, -1):
            if (bits >> k) & 1 and now - started[k - 1] <= rules.window_us:
                started[k] = started[k - 1]
                entry[k] = entry[k - 1]
                if k == top:
                    top += 1
                    chosen = entry[k]
                    step[durations] = top
                    duration_us[durations] = now - started[k]
                    durations += 1
        if bits & 1 and rules.since_us <= now < rules.until_us:
            started[0] = now
            entry[0] = i
            if top == 0:
                top = 1
                chosen = i
    return (
        furthest[:people].copy(),
        entry_group[:people].copy(),
        is_open[:people].copy(),
        step[:durations].copy(),
        duration_us[:durations].copy(),
    )
