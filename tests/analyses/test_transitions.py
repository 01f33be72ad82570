"""Transitions through a real engine against their twin."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from footfall.analyses.spec.build import build
from footfall.analyses.transitions import Transitions
from walk_twins import HOUR_US, Event, as_dicts, histories, random_log, transitions_twin


def expected_rows(log, gap, *, collapse):
    found = transitions_twin(log, gap, collapse=collapse)
    outgoing = Counter()
    for (source, _), (count, _, _) in found.items():
        outgoing[source] += count
    rows = [
        {
            "source": source,
            "target": target,
            "count": count,
            "people": people,
            "probability": count / outgoing[source],
            "mean_s": time / count / 1e6,
        }
        for (source, target), (count, people, time) in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["count"], row["source"], row["target"]))


@pytest.mark.parametrize("seed", range(20))
def test_transitions_equal_the_twin_on_random_logs(engine_of, seed):
    """50 logs a lake: each has its own people and its own event names, so none touches another's pairs."""
    chance = random.Random(seed)
    logs = [random_log(chance, tick_us=HOUR_US) for _ in range(50)]
    together = [event._replace(person=100 * number + event.person, name=f"{event.name}{number}") for number, log in enumerate(logs) for event in log]
    gap, collapse = chance.choice([1, 2, 5]), chance.random() < 0.5
    asked = {"gap": "none" if gap == 5 else f"{gap}h", "collapse": collapse}
    rows = build(Transitions, asked).answer(engine_of(as_dicts(together), parts=chance.randrange(1, 4), compact=chance.random() < 0.5)).rows
    assert rows == expected_rows(together, 1 << 62 if gap == 5 else gap * HOUR_US, collapse=collapse), f"seed {seed}"


def test_many_names_take_the_sparse_way(engine_of):
    chance = random.Random(3)
    log = [Event(k // 40, k * HOUR_US // 10, f"page{chance.randrange(1_500)}") for k in range(4_000)]
    assert Transitions().answer(engine_of(as_dicts(log))).rows == expected_rows(log, HOUR_US // 2, collapse=False)


def test_limit_shows_fewer_rows_and_changes_no_number(engine_of):
    log = random_log(random.Random(5), length=400, people=9)
    engine = engine_of(as_dicts([*log, *[Event(1, k, "ABC"[k % 3]) for k in range(30)]]))
    whole = Transitions().answer(engine)
    few = Transitions(limit=2).answer(engine)
    assert few.rows == whole.rows[:2]
    assert few.notes[-1] == f"2 of {len(whole.rows)} pairs are shown"


def test_time_range_and_filters_decide_what_is_next_to_what(engine_of):
    log = [Event(0, 0, "A", "x"), Event(0, 1, "B", "y"), Event(0, 2, "C", "x")]
    engine = engine_of(as_dicts(log))
    assert [(row["source"], row["target"]) for row in build(Transitions, {"where": ["country=x"]}).answer(engine).rows] == [("A", "C")]
    assert build(Transitions, {"until": "2026-09-21"}).answer(engine).rows == []


def test_no_events_no_pairs(engine_of):
    answer = Transitions().answer(engine_of([]))
    assert answer.rows == []
    assert answer.table.schema.names == ["source", "target", "count", "people", "probability", "mean_s"]
    assert histories([]) == []
