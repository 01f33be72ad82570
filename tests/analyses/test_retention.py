"""Retention through a real engine against its twin, in zones with changing clocks, and its unfinished cells."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime

import pytest

from footfall.analyses.retention import ROLLING_US, Retention
from footfall.analyses.spec.build import build
from footfall.errors import InvalidQuery, UnknownEvent
from walk_twins import DAY_US, HOUR_US, T0, Event, as_dicts, first_day, histories, lake_of_logs, local_day, period_number, retention_twin


def expected_cells(cohorts, on_or_after):
    """(cohort, n) -> people and those seen; cohorts are (period, ages)."""
    people, seen = defaultdict(int), defaultdict(int)
    for one in cohorts:
        people[one.period] += 1
        for n in range(max(one.ages, default=-1) + 1 if on_or_after else 0):
            seen[one.period, n] += 1
        for n in () if on_or_after else one.ages:
            seen[one.period, n] += 1
    return people, seen


def is_finished(members, period, n, asked, zone, as_of):
    """Whether period n is over for every member: the first moment of the period after it, by the calendar or by the person's own clock."""
    if asked["mode"] == "rolling":
        return max(one.first.time for one in members) + (n + 1) * ROLLING_US[asked["interval"]] <= as_of
    return local_day(zone)(T0 + as_of) >= first_day(period + n + 1, asked["interval"])


@pytest.mark.parametrize("seed", range(40))
def test_retention_equals_the_twin_on_random_logs(engine_of, seed):
    chance = random.Random(seed)
    tick = chance.choice([5 * HOUR_US, 40 * HOUR_US])
    logs, _, _ = lake_of_logs(chance)
    logs = {log: [event._replace(time=event.time // HOUR_US * tick) for event in mine] for log, mine in logs.items()}
    events = as_dicts([Event(0, 0, name) for name in "ABCX"], "none-", log="none")
    for log, mine in logs.items():
        events += as_dicts(mine, f"{log}-", log=log)
    zone = chance.choice(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"])
    asked = {
        "interval": chance.choice(["day", "week", "month"]),
        "mode": chance.choice(["calendar", "rolling"]),
        "periods": chance.choice([1, 4, 30]),
    }
    asked |= {"returning": chance.choice(["on", "on_or_after"]), "breakdown": "log", "where": ["log!=none"]}
    asked |= {
        "start_event": chance.choice([None, "A"]),
        "return_event": chance.choice([None, "A", "B"]),
        "first": chance.choice(["ever", "in_range"]),
    }
    since = chance.choice([None, 2 * tick])
    if since is not None:
        asked["since"] = datetime.fromtimestamp((T0 + since) // 1_000_000, UTC).isoformat()
    engine = engine_of(events, time_zone=zone, compact=chance.random() < 0.5)
    found = defaultdict(dict)
    for row in build(Retention, asked).answer(engine).rows:
        found[row["breakdown"]][row["cohort"], row["period"]] = row
    as_of, day_of, everybody = engine.as_of_us() - T0, local_day(zone), defaultdict(list)
    rolling = ROLLING_US[asked["interval"]] if asked["mode"] == "rolling" else 0
    for log, mine in logs.items():
        for person in histories(mine):
            known = [event for event in person if asked["first"] == "ever" or since is None or event.time >= since]
            entries = range(-1 if since is None else since, 1 << 60)
            one = retention_twin(
                known, asked["start_event"], asked["return_event"], entries, lambda time: period_number(day_of(T0 + time), asked["interval"]), rolling
            )
            everybody[log] += [] if one is None else [one]
    for log in logs:
        people, seen = expected_cells(everybody[log], asked["returning"] == "on_or_after")
        assert {cohort for cohort, _ in found[log]} == {str(first_day(period, asked["interval"])) for period in people}, f"seed {seed} {log}"
        for (cohort, n), row in found[log].items():
            period = next(period for period in people if str(first_day(period, asked["interval"])) == cohort)
            members = [one for each in everybody.values() for one in each if one.period == period]
            count = seen[period, n] if is_finished(members, period, n, asked, zone, as_of) else None
            rate = None if count is None else count / people[period]
            assert (row["people"], row["returned"], row["rate"]) == (people[period], count, rate), f"seed {seed} {log} {cohort} {n}"
            assert row["returned_so_far"] in (seen[period, n], None), f"seed {seed} {log} {cohort} {n}"


def cells(engine, **asked):
    rows = build(Retention, asked).answer(engine).rows
    return [(row["cohort"], row["period"], row["people"], row["returned"], row["returned_so_far"]) for row in rows]


def test_cells_are_null_until_their_period_has_ended(engine_of):
    log = [Event(0, 0, "A"), Event(0, DAY_US, "A"), Event(1, DAY_US, "A"), Event(1, 2 * DAY_US, "A")]
    engine = engine_of(as_dicts(log), now=datetime(2026, 9, 23, 18, tzinfo=UTC))
    assert cells(engine, periods=9) == [
        ("2026-09-21", 0, 1, 1, 1),
        ("2026-09-21", 1, 1, 1, 1),
        ("2026-09-21", 2, 1, None, 0),
        ("2026-09-22", 0, 1, 1, 1),
        ("2026-09-22", 1, 1, None, 1),
        ("2026-09-22", 2, 1, None, None),
    ]
    later = engine_of(as_dicts(log), now=datetime(2026, 9, 25, tzinfo=UTC))
    assert [row[3] for row in cells(later, periods=9)] == [1, 1, 0, 1, 1, None]


def test_rolling_cells_wait_for_the_youngest_member(engine_of):
    log = [Event(0, 0, "A"), Event(0, DAY_US, "A"), Event(1, 9 * HOUR_US, "A"), Event(1, DAY_US + 9 * HOUR_US, "B")]
    engine = engine_of(as_dicts(log), now=datetime(2026, 9, 22, 23, 30, tzinfo=UTC))
    assert cells(engine, mode="rolling") == [("2026-09-21", 0, 2, 2, 2), ("2026-09-21", 1, 2, None, 2)]


def test_first_ever_leaves_out_people_who_began_before_the_range(engine_of):
    log = [Event(0, -5 * DAY_US, "A"), Event(0, 0, "A"), Event(1, 0, "A"), Event(1, 3 * DAY_US, "A")]
    engine = engine_of(as_dicts(log))
    range_ = {"since": "2026-09-21", "until": "2026-09-22", "periods": 3}
    assert [row[2:4] for row in cells(engine, **range_)] == [(1, 1), (1, 0), (1, 0), (1, 1)]
    assert [row[2:4] for row in cells(engine, first="in_range", **range_)] == [(2, 2), (2, 0), (2, 0), (2, 1)]


def test_on_or_after_counts_later_returns_too(engine_of):
    log = [Event(0, 0, "A"), Event(0, 3 * DAY_US, "A"), Event(1, 0, "A"), Event(1, DAY_US, "A"), Event(2, 40 * DAY_US, "A")]
    engine = engine_of(as_dicts(log))
    assert [row[3] for row in cells(engine, periods=4, until="2026-09-22")] == [2, 1, 0, 1, 0]
    assert [row[3] for row in cells(engine, periods=4, until="2026-09-22", returning="on_or_after")] == [2, 2, 1, 1, 0]
    answer = build(Retention, {"returning": "on_or_after"}).answer(engine)
    assert answer.notes[-1] == "finished cells can still grow: people may come back at any later time"


@pytest.mark.parametrize(
    ("zone", "first", "second", "apart"),
    [
        ("Europe/Berlin", "2024-10-26T22:30", "2024-10-27T22:30", 0),  # 25 hours of 27 October
        ("Europe/Berlin", "2024-10-26T21:30", "2024-10-27T23:30", 2),
        ("Europe/Berlin", "2024-03-30T22:30", "2024-03-31T22:30", 2),  # 23 hours of 31 March
        ("America/New_York", "2024-11-03T04:30", "2024-11-04T04:30", 0),
        ("Asia/Kathmandu", "2024-05-01T18:14", "2024-05-01T18:15", 1),
        ("America/St_Johns", "2006-10-29T02:30:30", "2006-10-29T02:31:30", 0),  # 00:00:30, then 23:01:30 of the day before
    ],
)
def test_days_are_those_of_the_zone(engine_of, zone, first, second, apart):
    times = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, second)]
    engine = engine_of([{"user_id": "a", "name": "A", "event_time": time} for time in times], time_zone=zone)
    seen = [period for _, period, _, _, so_far in cells(engine) if so_far]
    assert seen == sorted({0, apart})


def test_breakdown_is_the_value_at_the_first_event_and_adds_up(engine_of):
    log = [
        Event(person, (person % 3) * DAY_US + step * DAY_US, "A", ["x", "y", None][(person + step) % 3]) for person in range(12) for step in range(3)
    ]
    engine = engine_of(as_dicts(log))
    plain = build(Retention, {}).answer(engine).rows
    split = build(Retention, {"breakdown": "country"}).answer(engine).rows
    for row in plain:
        mine = [one for one in split if (one["cohort"], one["period"]) == (row["cohort"], row["period"])]
        assert sum(one["people"] for one in mine) == row["people"]
        assert sum(one["returned_so_far"] or 0 for one in mine) == (row["returned_so_far"] or 0)
    assert {row["breakdown"] for row in split} == {"x", "y", None}


def test_an_empty_lake_and_an_empty_range_have_no_rows(engine_of):
    names = ["cohort", "period", "people", "returned", "rate", "returned_so_far"]
    nothing = Retention().answer(engine_of([]))
    assert nothing.rows == []
    assert nothing.table.schema.names == names
    assert nothing.as_of is None
    engine = engine_of(as_dicts([Event(0, 0, "A")]))
    assert build(Retention, {"until": "2020-01-01", "breakdown": "country"}).answer(engine).table.schema.names == ["breakdown", *names]


def test_bad_questions_are_user_errors(engine_of):
    with pytest.raises(InvalidQuery, match=r"^periods: expected `int` >= 1$"):
        build(Retention, {"periods": 0})
    with pytest.raises(InvalidQuery, match=r"^interval: invalid enum value 'hour'$"):
        build(Retention, {"interval": "hour"})
    with pytest.raises(UnknownEvent, match=r"^there is no event named 'B'$") as unknown:
        build(Retention, {"start_event": "A", "return_event": "B"}).answer(engine_of(as_dicts([Event(0, 0, "A")])))
    assert unknown.value.field == "return_event"
