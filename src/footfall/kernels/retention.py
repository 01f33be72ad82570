"""Retention: in which periods after their first one people came back.

Time is cut into periods by a step function: `edge_us` (k,) ascending and `period` (k,), the period from each edge on.  That holds
calendar days, weeks and months of any zone, changes of the clock included.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

START = 1
RETURN = 2


class RetentionRules(NamedTuple):
    """Periods after the first to tell apart, the length of a rolling period (0: calendar periods), and the range of first events."""

    periods: int
    rolling_us: int
    since_us: int
    until_us: int


@njit(nogil=True, cache=True)
def returns(person: Any, time_us: Any, roles: tuple[Any, Any], edges: tuple[Any, Any], rules: RetentionRules) -> tuple[Any, Any, Any, Any]:
    """(n,) events by person and time, `roles` their codes and each code's bits of START and RETURN -> one row a person of a cohort, and their returns.

    A person's first START event makes their cohort; when it lies outside [since_us, until_us) the person is left out.  That event and
    everything after it counts as a return where it has the role.  Returns `first` (m,) int64 index of the first event, `cohort` (m,)
    int64 its period, `hits` (m,) int64 how many different periods the person was seen in, and `hit` (h,) int32: those periods,
    counted from the first one, person after person; periods + 1 stands for everything later.  Cost: one pass.
    """
    n = len(person)
    code, role_of = roles
    edge_us, period = edges
    first = np.empty(n, np.int64)
    cohort = np.empty(n, np.int64)
    hits = np.empty(n, np.int64)
    hit = np.empty(n, np.int32)
    people = 0
    total = 0
    started = False
    left_out = False
    # The two latest periods seen: a clock set back over midnight shows the day before once more.
    newest = before = np.int64(-1)
    j = np.int64(0)
    for i in range(n):
        if i == 0 or person[i] != person[i - 1]:
            started = False
            left_out = False
        if left_out:
            continue
        now = time_us[i]
        role = role_of[code[i]]
        if not started:
            if role & START == 0:
                continue
            if not rules.since_us <= now < rules.until_us:
                left_out = True
                continue
            started = True
            j = np.searchsorted(edge_us, now, side="right") - 1
            first[people] = i
            cohort[people] = period[j]
            hits[people] = 0
            people += 1
            newest = before = np.int64(-1)
        if role & RETURN == 0:
            continue
        if rules.rolling_us > 0:
            age = (now - time_us[first[people - 1]]) // rules.rolling_us
        else:
            while j + 1 < len(edge_us) and now >= edge_us[j + 1]:
                j += 1
            age = max(np.int64(0), period[j] - cohort[people - 1])
        age = min(age, np.int64(rules.periods + 1))
        if age in (newest, before):
            continue
        if age > newest:
            before = newest
            newest = age
        else:
            before = age
        hit[total] = age
        total += 1
        hits[people - 1] += 1
    return first[:people].copy(), cohort[:people].copy(), hits[:people].copy(), hit[:total].copy()


@njit(nogil=True, cache=True)
def tally(row: Any, hits: Any, hit: Any, shape: tuple[int, int]) -> tuple[Any, Any, Any]:
    """(m,) row of each person, (m,) and (h,) their returns -> people, on and on or after, for `shape` = (rows, periods).

    `people` (rows,), `on` (rows, periods + 1) people seen in period n, `on_or_after` (rows, periods + 1) people seen in n or later.
    """
    rows, periods = shape
    people = np.zeros(rows, np.int64)
    on = np.zeros((rows, periods + 1), np.int64)
    last = np.zeros((rows, periods + 2), np.int64)
    at = 0
    for i in range(len(row)):
        people[row[i]] += 1
        latest = -1
        for j in range(at, at + hits[i]):
            if hit[j] <= periods:
                on[row[i], hit[j]] += 1
            latest = max(latest, hit[j])
        at += hits[i]
        if latest >= 0:
            last[row[i], latest] += 1
    on_or_after = np.zeros((rows, periods + 1), np.int64)
    for r in range(rows):
        later = last[r, periods + 1]
        for k in range(periods, -1, -1):
            later += last[r, k]
            on_or_after[r, k] = later
    return people, on, on_or_after
