"""The funnel through a real engine against its twin, and everything that is not a count."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from footfall.analyses.funnel import Funnel
from footfall.analyses.spec.build import build
from footfall.errors import InvalidQuery, UnknownColumn, UnknownEvent
from walk_twins import DAY_US, HOUR_US, Event, as_dicts, funnel_twin, histories, lake_of_logs


def counts_by_step(answer, key="breakdown"):
    found = defaultdict(list)
    for row in answer.rows:
        found[row.get(key)] += [row[name] for name in ("people", "open", "median_s", "p90_s")]
    return found


def expected_rows(reached, steps):
    rows = []
    for step in range(1, steps + 1):
        times = [one.times[step - 2] / 1e6 for one in reached if step > 1 and one.furthest >= step]
        still = sum(one.is_open for one in reached if one.furthest == step)
        middle, high = (float(np.quantile(times, share)) if times else None for share in (0.5, 0.9))
        rows += [sum(one.furthest >= step for one in reached), still, middle, high]
    return rows


@pytest.mark.parametrize("seed", range(40))
def test_funnel_equals_the_twin_on_random_logs(engine_of, seed):
    chance = random.Random(seed)
    logs, events, as_of = lake_of_logs(chance)
    engine = engine_of(events)
    steps = [chance.choice("ABC") for _ in range(chance.randrange(2, 5))]
    window = chance.choice([1, 3, 6])
    answer = build(Funnel, {"steps": steps, "window": f"{window}h", "breakdown": "log", "where": ["log!=none"]}).answer(engine)
    found = counts_by_step(answer)
    for log, mine in logs.items():
        reached = [one for person in histories(mine) if (one := funnel_twin(person, steps, window * HOUR_US, range(-1, 1 << 60), as_of)) is not None]
        if reached:
            assert found[log] == pytest.approx(expected_rows(reached, len(steps))), f"seed {seed} {log}"
        else:
            assert log not in found, f"seed {seed} {log}"


def test_breakdown_rows_add_up_to_the_plain_funnel(engine_of):
    _, events, _ = lake_of_logs(random.Random(7), count=60)
    engine = engine_of(events, parts=3)
    plain = Funnel(steps=("A", "B", "C")).answer(engine)
    by_log = Funnel(steps=("A", "B", "C"), breakdown="log").answer(engine)
    by_country = Funnel(steps=("A", "B", "C"), breakdown="country").answer(engine)
    for answer in (by_log, by_country):
        for row in plain.rows:
            mine = [one for one in answer.rows if one["step"] == row["step"]]
            assert sum(one["people"] for one in mine) == row["people"]
            assert sum(one["open"] for one in mine) == row["open"]
    assert {row["breakdown"] for row in by_country.rows} == {"x", "y", None}
    labels = list(dict.fromkeys(row["breakdown"] for row in by_log.rows))
    assert len(labels) == 26
    assert labels[-1] == "(other)"
    assert any("(other) holds the" in note for note in by_log.notes)


def test_breakdown_takes_the_value_at_the_entry_of_the_longest_attempt(engine_of):
    log = [Event(0, 0, "A", "x"), Event(0, 1, "A", "y"), Event(0, 2, "B", "x"), Event(0, 3, "A", None)]
    rows = Funnel(steps=("A", "B"), breakdown="country").answer(engine_of(as_dicts(log))).rows
    assert [(row["breakdown"], row["people"]) for row in rows] == [("y", 1), ("y", 1)]


def test_entry_lies_in_the_range_and_conversion_may_come_later(engine_of):
    day = [Event(0, 0, "A"), Event(0, DAY_US, "B"), Event(1, DAY_US, "A"), Event(1, DAY_US + 1, "B"), Event(2, -DAY_US, "A"), Event(2, 0, "B")]
    engine = engine_of(as_dicts(day))
    range_ = {"since": "2026-09-21", "until": "2026-09-22"}
    people = [row["people"] for row in build(Funnel, {"steps": ["A", "B"], **range_}).answer(engine).rows]
    assert people == [1, 1]
    people = [row["people"] for row in build(Funnel, {"steps": ["A", "B"], "window": "23h", **range_}).answer(engine).rows]
    assert people == [1, 0]
    people = [row["people"] for row in build(Funnel, {"steps": ["A", "B"], "window": "none", **range_}).answer(engine).rows]
    assert people == [1, 1]


def test_open_is_null_without_a_window_and_counts_those_who_may_still_convert(engine_of):
    log = [Event(0, 0, "A"), Event(1, 9 * DAY_US, "A"), Event(2, 9 * DAY_US, "A"), Event(2, 9 * DAY_US, "B"), Event(3, 9 * DAY_US, "B")]
    engine = engine_of(as_dicts(log))
    answer = Funnel(steps=("A", "B")).answer(engine)
    assert [(row["people"], row["dropped"], row["open"]) for row in answer.rows] == [(3, 2, 1), (1, 0, 0)]
    assert answer.notes == ("1 people may still get further: their window had not ended at as_of",)
    assert [row["open"] for row in build(Funnel, {"steps": ["A", "B"], "window": "none"}).answer(engine).rows] == [None, None]


def test_conversion_and_its_interval(engine_of):
    log = [Event(person, 0, "A") for person in range(10)] + [Event(person, 1, "B") for person in range(4)] + [Event(0, 2, "C"), Event(1, 2, "C")]
    rows = Funnel(steps=("A", "B", "C")).answer(engine_of(as_dicts(log))).rows
    assert [row["conversion"] for row in rows] == [1.0, 0.4, 0.2]
    assert [row["conversion_from_previous"] for row in rows] == [1.0, 0.4, 0.5]
    assert (rows[1]["conversion_low"], rows[1]["conversion_high"]) == pytest.approx((0.168180, 0.687326), abs=1e-6)
    nobody = build(Funnel, {"steps": ["A", "B"], "where": ["user_id=nobody"]}).answer(engine_of(as_dicts(log))).rows
    assert [(row["people"], row["conversion"], row["conversion_low"]) for row in nobody] == [(0, None, None), (0, None, None)]


def test_bad_questions_are_user_errors(engine_of):
    engine = engine_of(as_dicts([Event(0, 0, "view"), Event(0, 1, "cart")]))
    with pytest.raises(InvalidQuery, match=r"^a funnel needs 2 steps or more$") as few:
        build(Funnel, {"steps": ["view"]})
    assert few.value.hint
    with pytest.raises(InvalidQuery, match=r"^a funnel has at most 30 steps, not 31$"):
        build(Funnel, {"steps": ["view"] * 31})
    with pytest.raises(InvalidQuery, match="'7x' is not a span of time"):
        build(Funnel, {"steps": ["view", "cart"], "window": "7x"})
    with pytest.raises(UnknownEvent, match=r"^there is no event named 'chart'$") as unknown:
        Funnel(steps=("view", "chart")).answer(engine)
    assert unknown.value.hint == "did you mean 'cart'?"
    with pytest.raises(UnknownEvent, match=r"^there is no event named 'qqqq'$") as strange:
        Funnel(steps=("view", "qqqq")).answer(engine)
    assert strange.value.hint == "known events: cart, view"
    with pytest.raises(UnknownEvent) as empty:
        Funnel(steps=("view", "cart")).answer(engine_of([]))
    assert empty.value.hint == "there are no events yet: footfall import FILE reads some"
    with pytest.raises(UnknownColumn):
        Funnel(steps=("view", "cart"), breakdown="countri").answer(engine)
