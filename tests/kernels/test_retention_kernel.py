"""The retention kernel against a twin that looks at every later event."""

from __future__ import annotations

import random

import numpy as np

from footfall.kernels.retention import RETURN, START, RetentionRules, returns, tally
from walk_twins import arrays, cut_anywhere, histories, random_log, retention_twin

FAR = 1 << 62


def test_returns_equal_the_twin_on_random_logs():
    for seed in range(1_200):
        chance = random.Random(seed)
        log = random_log(chance, ticks=40)
        start, back = chance.choice([None, "A"]), chance.choice([None, "A", "B"])
        low, high = chance.choice([(-FAR, FAR), (5, 25)])
        rolling, periods = chance.choice([0, 0, 4]), chance.choice([1, 3, 12])
        # A step function that now and then goes back, as a clock set back over midnight does.
        edges = np.array([-FAR, *range(4, 40, 4)], np.int64)
        period = np.arange(len(edges), dtype=np.int64)
        if chance.random() < 0.5:
            edges, period = np.insert(edges, 4, [13, 14]), np.insert(period, 4, [4, 3])
            order = np.argsort(edges, kind="stable")
            edges, period = edges[order], period[order]

        def period_of(time, edges=edges, period=period):
            return int(period[np.searchsorted(edges, time, side="right") - 1])

        found = [retention_twin(mine, start, back, range(low, high), period_of, rolling) for mine in histories(log)]
        expected = [one for one in found if one is not None]
        rules = RetentionRules(periods, rolling, low, high)
        people = []
        for person, time, code, _ in cut_anywhere(chance, arrays(log, ord)):
            role_of = np.array([(START * (start in (None, chr(one)))) | (RETURN * (back in (None, chr(one)))) for one in range(70)], np.uint8)
            first, cohort, hits, hit = returns(person, time, (code, role_of), (edges, period), rules)
            pieces = np.split(hit, np.cumsum(hits)[:-1]) if len(hits) else []
            people += [(time[i], kind, sorted(ages.tolist())) for i, kind, ages in zip(first.tolist(), cohort.tolist(), pieces, strict=True)]
        capped = [sorted({min(age, periods + 1) for age in one.ages}) for one in expected]
        assert people == [(one.first.time, one.period, ages) for one, ages in zip(expected, capped, strict=True)], f"seed {seed}"


def test_tally_counts_on_and_on_or_after():
    for seed in range(1_000):
        chance = random.Random(seed)
        rows, periods = 3, chance.choice([1, 4])
        seen = [(chance.randrange(rows), chance.sample(range(periods + 2), chance.randrange(periods + 2))) for _ in range(chance.randrange(8))]
        row, hits = (np.array(column, np.int64) for column in ([one for one, _ in seen], [len(ages) for _, ages in seen]))
        hit = np.array([age for _, ages in seen for age in ages], np.int32)
        people, on, on_or_after = tally(row, hits, hit, (rows, periods))
        for r in range(rows):
            mine = [ages for one, ages in seen if one == r]
            assert people[r] == len(mine), f"seed {seed}"
            assert on[r].tolist() == [sum(n in ages for ages in mine) for n in range(periods + 1)], f"seed {seed}"
            assert on_or_after[r].tolist() == [sum(any(age >= n for age in ages) for ages in mine) for n in range(periods + 1)], f"seed {seed}"
