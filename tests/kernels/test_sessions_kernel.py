"""The session kernel against a twin that compares neighbours one by one."""

from __future__ import annotations

import random

import numpy as np

from footfall.kernels.sessions import FAR_US, SessionRules, people_by_slot, sessionize
from walk_twins import arrays, cut_anywhere, histories, random_log, sessions_twin


def test_sessions_equal_the_twin_on_random_logs():
    for seed in range(2_000):
        chance = random.Random(seed)
        log = random_log(chance, ticks=20)
        gap = chance.choice([0, 1, 2, 5, FAR_US])
        longest = chance.choice([None, 3, 8])
        every = chance.choice([None, 4, 7])
        cuts = np.empty(0, np.int64) if every is None else np.arange(0, 40, every)
        day_of = (lambda _: None) if every is None else (lambda time, every=every: time // every)
        expected = [session for mine in histories(log) for session in sessions_twin(mine, gap, longest, day_of)]
        rules = SessionRules(gap, FAR_US if longest is None else longest)
        sizes, durations = [], []
        for person, time, _, _ in cut_anywhere(chance, arrays(log, ord)):
            first, duration_us = sessionize(person, time, cuts, rules)
            sizes += np.diff(first, append=len(person)).tolist()
            durations += duration_us.tolist()
        assert sizes == [len(session) for session in expected], f"seed {seed}"
        assert durations == [session[-1].time - session[0].time for session in expected], f"seed {seed}"


def test_a_pause_of_exactly_the_gap_does_not_end_a_session():
    person, time = np.zeros(3, np.int64), np.array([0, 30, 61], np.int64)
    first, duration_us = sessionize(person, time, np.empty(0, np.int64), SessionRules(30, FAR_US))
    assert first.tolist() == [0, 2]
    assert duration_us.tolist() == [30, 0]


def test_people_by_slot_counts_each_person_once_a_slot():
    for seed in range(200):
        chance = random.Random(seed)
        rows = sorted((chance.randrange(4), chance.randrange(3)) for _ in range(chance.randrange(12)))
        person, slot = (np.array([row[k] for row in rows], np.int64) for k in (0, 1))
        expected = [len({who for who, where in rows if where == wanted}) for wanted in range(3)]
        assert people_by_slot(person, slot, 3).tolist() == expected, f"seed {seed}"
