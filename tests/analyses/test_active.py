"""Active people against a brute-force twin on 1,000 random logs, and its edges one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from footfall.analyses.active import Active
from footfall.analyses.spec.build import build
from footfall.errors import UnknownEvent
from log_support import ZONES, local, period_of, periods_between, random_logs, span, us


def twin(events, zone, end_us, mode, name=None):
    """Day -> (dau, wau, mau, new), from the sets of people of every day."""
    people, first = {}, {}
    for event in sorted(events, key=lambda event: event["event_time"]):
        if name in (None, event["name"]):
            day = local(event["event_time"], zone).date()
            people.setdefault(day, set()).add(event["user_id"])
            first.setdefault(event["user_id"], day)
    rows = {}
    for day in periods_between(span(events)[0], end_us, "day", zone):
        week, month = [day - timedelta(days=back) for back in range(7)], [day - timedelta(days=back) for back in range(30)]
        if mode == "calendar":
            monday = day - timedelta(days=day.weekday())
            week, month = [monday + timedelta(days=on) for on in range(7)], [day.replace(day=1) + timedelta(days=on) for on in range(31)]
            month = [other for other in month if other.month == day.month]
        count = [len(set().union(*(people.get(other, set()) for other in days))) for days in ([day], week, month)]
        rows[day] = (*count, sum(1 for start in first.values() if start == day))
    return rows


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("mode", ["rolling", "calendar"])
def test_active_equals_its_twin_on_random_logs(engine_of, zone, mode):
    seed = 30 + ZONES.index(zone)
    events = random_logs(seed, days=9)
    engine = engine_of(events, time_zone=zone)
    for name in (None, "purchase"):
        rows = build(Active, {"mode": mode, "event": name}).answer(engine).rows
        answered = {row["day"]: (row["dau"], row["wau"], row["mau"], row["new"]) for row in rows}
        assert answered == twin(events, zone, engine.as_of_us(), mode, name), f"seed {seed} {name}"


def on(day, *people, name="view"):
    return [{"user_id": person, "name": name, "event_time": us(f"{day}T10:00")} for person in people]


def test_people_stay_in_the_windows_for_7_and_30_days(engine_of):
    rows = Active().answer(engine_of(on("2026-10-01", "ann", "bob") + on("2026-10-03", "ann") + on("2026-11-05", "eve"))).rows
    by_day = {row["day"]: row for row in rows}
    assert [by_day[date(2026, 10, day)]["wau"] for day in (1, 7, 8, 9, 10)] == [2, 2, 1, 1, 0]
    assert [by_day[date(2026, 10, day)]["mau"] for day in (1, 30, 31)] == [2, 2, 1]
    assert [by_day[date(2026, 11, day)]["mau"] for day in (1, 2, 5)] == [1, 0, 1]
    assert by_day[date(2026, 10, 3)]["stickiness"] == 0.5
    assert by_day[date(2026, 11, 3)]["stickiness"] is None
    assert sum(row["new"] for row in rows) == 3


def test_windows_look_back_past_since_and_new_means_ever(engine_of):
    engine = engine_of(on("2026-11-01", "ann", "bob") + on("2026-11-03", "bob", "eve"))
    rows = build(Active, {"since": "2026-11-02"}).answer(engine).rows
    assert [(row["day"].day, row["dau"], row["wau"], row["new"]) for row in rows] == [(2, 0, 2, 0), (3, 2, 3, 1)]
    rows = build(Active, {"until": "2026-11-03"}).answer(engine).rows
    assert [(row["day"].day, row["wau"]) for row in rows] == [(1, 2), (2, 2)]


def test_conditions_restrict_who_is_active(engine_of):
    events = [
        {"user_id": who, "name": "view", "event_time": us("2026-11-01T10:00"), "country": where} for who, where in (("ann", "DE"), ("bob", "FR"))
    ]
    assert build(Active, {"where": ["country=DE"]}).answer(engine_of(events)).rows[0]["dau"] == 1


def test_a_day_of_the_zone_decides(engine_of):
    moment = us("2026-11-01T23:30")
    rows = Active().answer(engine_of([{"user_id": "ann", "name": "view", "event_time": moment}], time_zone="Asia/Kathmandu")).rows
    assert [row["day"] for row in rows] == [date(2026, 11, 2)] == [period_of(moment, "day", "Asia/Kathmandu")]


def test_rows_are_open_while_they_may_grow(engine_of):
    engine = engine_of(on("2026-11-15", "ann") + on("2026-11-16", "ann"), now=datetime(2026, 11, 16, 12, tzinfo=UTC))
    assert [row["open"] for row in Active().answer(engine).rows] == [False, True]
    assert [row["open"] for row in Active(mode="calendar").answer(engine).rows] == [True, True]
    assert [row["open"] for row in Active(mode="calendar").answer(engine_of(on("2026-05-31", "ann"))).rows] == [False]


def test_an_empty_lake_and_an_unknown_event(engine_of):
    assert Active().answer(engine_of([])).rows == []
    assert Active(mode="calendar").answer(engine_of([])).rows == []
    with pytest.raises(UnknownEvent, match="'purchse'"):
        Active(event="purchse").answer(engine_of(on("2026-11-01", "ann", name="purchase")))
