"""Movers against a brute-force twin on 1,000 random logs, and its edges one by one."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest

from footfall.analyses.movers import Movers
from footfall.analyses.spec.build import build
from footfall.errors import InvalidQuery, UnknownColumn
from log_support import ZONES, local, period_of, random_logs, us


def twin(events, by, measure, interval, zone, last, periods, minimum):
    """Value -> (before, after, first), for the periods that end with `last`; None where a mean has nothing."""
    starts = [last]
    while len(starts) < periods:
        starts.append(period_of(us(str(starts[-1] - timedelta(days=1))) + 43_200_000_000, interval, "UTC"))
    rows = {}
    for value in {event[by] for event in events}:
        found = []
        for start in (starts[1], last, starts[-1]):
            held = [event for event in events if event[by] == value and period_of(event["event_time"], interval, zone) == start]
            prices = [event["price"] for event in held if event["price"] is not None]
            computed = {"count": len(held), "people": len({event["user_id"] for event in held}), "sum:price": sum(prices)}
            found.append(computed.get(measure, sum(prices) / len(prices) if prices else None))
        present = any(period_of(event["event_time"], interval, zone) in (starts[1], last, starts[-1]) for event in events if event[by] == value)
        if None not in found[:2] and present and max(found[:2]) >= minimum:
            rows["(none)" if value is None else value] = tuple(found)
    return rows


@pytest.mark.parametrize("zone", ZONES)
def test_movers_equal_their_twin_on_random_logs(engine_of, zone):
    seed = 40 + ZONES.index(zone)
    events = random_logs(seed, logs=250, days=60, spacing_days=0, start="2026-02-15")
    engine = engine_of(events, time_zone=zone)
    for measure, interval, last, periods, minimum in [
        ("count", "week", date(2026, 3, 30), 3, 0),
        ("people", "day", date(2026, 3, 29), 2, 1),
        ("sum:price", "month", date(2026, 3, 1), 2, 2.5),
        ("mean:price", "week", date(2026, 3, 23), 4, 0),
    ]:
        values = {"by": "source", "measure": measure, "interval": interval, "periods": periods, "minimum": minimum, "last": str(last), "limit": 1000}
        rows = build(Movers, values).answer(engine).rows
        expected = twin(events, "source", measure, interval, zone, last, periods, minimum)
        assert {row["value"] for row in rows} == set(expected), f"seed {seed} {measure}"
        for row in rows:
            before, after, first = expected[row["value"]]
            assert (row["before"], row["after"]) == pytest.approx((before, after)), f"seed {seed} {row}"
            assert row["change_percent"] == (pytest.approx(100 * (after - before) / abs(before)) if before else None)
            growth = 100 * ((after / first) ** (1 / (periods - 1)) - 1) if first and after / first >= 0 else None
            assert row["growth_percent"] == (growth if growth is None else pytest.approx(growth)), f"seed {seed} {row}"
        order = [(-row["change"], row["value"]) for row in rows]
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        assert all(first[0] <= second[0] + 1e-9 for first, second in itertools.pairwise(order))


def sales(counts, *, by="shoes"):
    """Week number (0 = 2026-10-05) -> that many events."""
    start = us("2026-10-05T12:00")
    return [
        {"user_id": "ann", "name": "view", "event_time": start + week * 604_800_000_000, "category": by}
        for week, many in counts.items()
        for _ in range(many)
    ]


def test_change_growth_and_direction(engine_of):
    events = (
        sales({0: 1, 1: 2, 2: 4})
        + sales({1: 5, 2: 3}, by="hats")
        + sales({1: 2}, by="scarfs")
        + sales({2: 2})
        + sales({2: 1}, by=None)
        + sales({3: 1})
    )
    engine = engine_of(events)
    rows = Movers(by="category", periods=3).answer(engine).rows
    assert [(row["value"], row["before"], row["after"], row["direction"], row["rank"]) for row in rows] == [
        ("shoes", 2, 6, "up", 1),
        ("(none)", 0, 1, "up", 2),
        ("hats", 5, 3, "down", 3),
        ("scarfs", 2, 0, "down", 4),
    ]
    assert rows[0]["change_percent"] == pytest.approx(200)
    assert rows[0]["growth_percent"] == pytest.approx(100 * (6**0.5 - 1))
    assert rows[1]["change_percent"] is None
    assert rows[1]["growth_percent"] is None
    assert (rows[0]["before_period"], rows[0]["after_period"]) == (date(2026, 10, 12), date(2026, 10, 19))


def test_the_last_period_can_be_chosen_and_says_when_it_is_not_finished(engine_of):
    engine = engine_of(sales({0: 1, 1: 2, 2: 4}))
    answer = build(Movers, {"by": "category", "last": "2026-10-21"}).answer(engine)
    assert (answer.rows[0]["before"], answer.rows[0]["after"]) == (2, 4)
    assert answer.notes == ("the week from 2026-10-19 is not finished",)
    until = build(Movers, {"by": "category", "until": "2026-10-19"}).answer(engine)
    assert (until.rows[0]["before"], until.rows[0]["after"]) == (1, 2)


def test_a_minimum_volume_and_a_limit_on_both_ends(engine_of):
    events = [event for number in range(10) for event in sales({1: 10, 2: 5 + number}, by=f"c{number}")] + sales({3: 1}, by="late")
    engine = engine_of(events)
    rows = Movers(by="category", limit=2).answer(engine).rows
    assert [(row["value"], row["rank"]) for row in rows] == [("c9", 1), ("c8", 2), ("c1", 9), ("c0", 10)]
    assert [row["value"] for row in Movers(by="category", minimum=13).answer(engine).rows] == ["c9", "c8"]
    assert len(Movers(by="category", limit=8).answer(engine).rows) == 10


def test_months_are_those_of_the_zone(engine_of):
    events = [
        {"user_id": "ann", "name": "view", "event_time": us(moment, "Europe/Berlin")}
        for moment in ("2026-02-28T23:59:59", "2026-03-01T00:00", "2026-03-31T23:59:59", "2026-04-01T00:00", "2026-04-30T23:00", "2026-04-30T23:30")
    ]
    rows = Movers(interval="month").answer(engine_of(events, time_zone="Europe/Berlin")).rows
    assert (rows[0]["before"], rows[0]["after"], rows[0]["after_period"]) == (2, 3, date(2026, 4, 1))
    assert local(events[1]["event_time"], "UTC").month == 2


def test_too_little_data_says_so(engine_of):
    answer = Movers().answer(engine_of(sales({0: 3})))
    assert answer.rows == []
    assert answer.notes == ("the week from 2026-09-21 lies before the first event: everything in it counts 0",)
    assert Movers().answer(engine_of([])).rows == []
    part = Movers(by="category").answer(engine_of(sales({0: 3, 1: 2, 2: 1})))
    assert part.notes == ("the week from 2026-10-05 is not whole: the events begin in it",)


def test_refusals_say_what_to_do(engine_of):
    with pytest.raises(UnknownColumn, match="'categry'"):
        Movers(by="categry").answer(engine_of(sales({0: 1, 1: 1, 2: 1})))
    with pytest.raises(InvalidQuery, match="periods"):
        build(Movers, {"periods": 1})
