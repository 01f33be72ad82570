"""The session kernel against a twin that compares neighbours one by one."""

from __future__ import annotations

import random

import numpy as np

from footfall.kernels.sessions import FAR_US, KIBI_US, REST_US, SessionRules, sessionize, tally_sessions
from walk_twins import arrays, cut_anywhere, histories, random_log, sessions_twin


def test_sessions_equal_the_twin_on_random_logs():
    for seed in range(1_200):
        chance = random.Random(seed)
        log = random_log(chance, ticks=20)
        gap = chance.choice([0, 1, 2, 5, FAR_US])
        longest = chance.choice([None, 3, 8])
        every = chance.choice([None, 4, 7])
        cuts = np.empty(0, np.int64) if every is None else np.arange(0, 40, every)
        day_of = (lambda _: None) if every is None else (lambda time, every=every: time // every)
        expected = [session for mine in histories(log) for session in sessions_twin(mine, gap, longest, day_of)]
        rules = SessionRules(gap, FAR_US if longest is None else longest)
        sizes, durations, opens = [], [], []
        for person, time, _, _ in cut_anywhere(chance, arrays(log, ord)):
            first, size, duration_us, opened = sessionize(person, time, cuts, rules)
            assert np.diff(first, append=len(person)).tolist() == size.tolist(), f"seed {seed}"
            sizes += size.tolist()
            durations += duration_us.tolist()
            opens += opened.tolist()
        assert sizes == [len(session) for session in expected], f"seed {seed}"
        assert durations == [session[-1].time - session[0].time for session in expected], f"seed {seed}"
        whose = [session[0].person for session in expected]
        assert opens == [i == 0 or whose[i] != whose[i - 1] for i in range(len(whose))], f"seed {seed}"


def test_a_pause_of_exactly_the_gap_does_not_end_a_session():
    person, time = np.zeros(3, np.int64), np.array([0, 30, 61], np.int64)
    first, _, duration_us, _ = sessionize(person, time, np.empty(0, np.int64), SessionRules(30, FAR_US))
    assert first.tolist() == [0, 2]
    assert duration_us.tolist() == [30, 0]


def test_sums_and_durations_by_slot():
    for seed in range(1_000):
        chance = random.Random(seed)
        rows = sorted(
            (chance.randrange(4), chance.randrange(3), chance.randrange(1, 4), chance.randrange(5_000)) for _ in range(chance.randrange(12))
        )
        opens = np.array([i == 0 or rows[i][0] != rows[i - 1][0] for i in range(len(rows))], bool)
        slot, size, duration_us = (np.array([row[k] for row in rows], kind) for k, kind in ((1, np.int64), (2, np.int32), (3, np.int64)))
        for wanted in (slot, np.empty(0, np.int64)):
            slots = 3 if len(wanted) else 1
            totals, ordered_us, border = tally_sessions(opens, size, duration_us, wanted, slots)
            for number in range(slots):
                mine = [row for row in rows if slots == 1 or row[1] == number]
                sums = [len(mine), len({row[0] for row in mine}), sum(row[2] for row in mine), sum(row[2] == 1 for row in mine)]
                assert totals[number, :4].tolist() == sums, f"seed {seed}"
                assert totals[number, KIBI_US] * 1_024 + totals[number, REST_US] == sum(row[3] for row in mine), f"seed {seed}"
                assert ordered_us[border[number] : border[number + 1]].tolist() == [row[3] for row in mine], f"seed {seed}"
