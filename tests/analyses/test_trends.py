"""Trends against a brute-force twin on 1,000 random logs, and its edges one by one."""

from __future__ import annotations

import statistics
from datetime import UTC, date, datetime

import pytest

from footfall.analyses.spec.build import build
from footfall.analyses.trends import Trends
from footfall.errors import InvalidQuery, UnknownColumn, UnknownEvent
from log_support import ZONES, period_of, periods_between, random_logs, span, us

MEASURES = {
    "count": (0, len),
    "people": (0, lambda rows: len({row["user_id"] for row in rows})),
    "per_person": (None, lambda rows: len(rows) / len({row["user_id"] for row in rows})),
    "sum:price": (0, lambda rows: sum(numbers(rows))),
    "mean:price": (None, lambda rows: statistics.mean(numbers(rows)) if numbers(rows) else None),
    "min:price": (None, lambda rows: min(numbers(rows), default=None)),
    "max:price": (None, lambda rows: max(numbers(rows), default=None)),
    "median:price": (None, lambda rows: statistics.median(numbers(rows)) if numbers(rows) else None),
    "distinct:country": (0, lambda rows: len({row["country"] for row in rows} - {None})),
}


def numbers(rows):
    return [row["price"] for row in rows if row["price"] is not None]


def twin(events, measure, interval, zone, end_us, *, series=(), breakdown=None, top=0):
    """(period, series, breakdown) -> value, computed by looking at every event for every cell."""
    zero, compute = MEASURES[measure]
    periods = periods_between(span(events)[0], end_us, interval, zone)
    events = [event for event in events if not series or event["name"] in series]
    parts = {None: bool}
    if breakdown:
        ranking = (lambda rows: compute(rows) or 0) if zero == 0 else len
        values = {event[breakdown] or "(none)" for event in events}
        of = {value: [event for event in events if (event[breakdown] or "(none)") == value] for value in values}
        shown = sorted(values, key=lambda value: (-ranking(of[value]), value))[:top]
        parts = {value: lambda event, value=value: (event[breakdown] or "(none)") == value for value in shown}
        if len(values) > top:
            parts["(other)"] = lambda event: (event[breakdown] or "(none)") not in shown
    cells = {}
    for event in events:
        for part, holds in parts.items():
            if holds(event):
                key = (period_of(event["event_time"], interval, zone), event["name"] if series else "all events", part)
                cells.setdefault(key, []).append(event)
    keys = [(period, name, part) for period in periods for part in parts for name in series or ["all events"]]
    return {key: compute(cells[key]) if key in cells else zero for key in keys}


def assert_close(answered, expected, what):
    assert answered.keys() == expected.keys(), what
    for key, value in expected.items():
        assert answered[key] == (value if value is None else pytest.approx(value)), f"{what} {key}"


def answered(answer):
    return {(row["period"], row["series"], row.get("breakdown")): row["value"] for row in answer.rows}


@pytest.mark.parametrize("zone", ZONES)
def test_trends_equal_their_twin_on_random_logs(engine_of, zone):
    seed = ZONES.index(zone)
    events = random_logs(seed, days=8)
    engine = engine_of(events, time_zone=zone)
    for number, measure in enumerate(MEASURES):
        interval = ("day", "week", "month")[(number + seed) % 3]
        series = (("view", "purchase"), ())[(number + seed) % 2]
        spec = build(Trends, {"measure": measure, "interval": interval, "events": list(series)})
        expected = twin(events, measure, interval, zone, engine.as_of_us(), series=series)
        assert_close(answered(spec.answer(engine)), expected, f"seed {seed} {measure} {interval}")


@pytest.mark.parametrize("zone", ZONES)
def test_breakdowns_equal_their_twin_on_random_logs(engine_of, zone):
    seed = 10 + ZONES.index(zone)
    events = random_logs(seed, days=8)
    engine = engine_of(events, time_zone=zone)
    for measure in MEASURES:
        breakdown, top = ("country", 2) if measure != "distinct:country" else ("session_id", 1)
        spec = build(Trends, {"measure": measure, "interval": "month", "breakdown": breakdown, "top": top})
        expected = twin(events, measure, "month", zone, engine.as_of_us(), breakdown=breakdown, top=top)
        assert_close(answered(spec.answer(engine)), expected, f"seed {seed} {measure}")


@pytest.mark.parametrize("zone", [*ZONES, "Australia/Sydney"])
def test_hours_equal_their_twin_over_clock_changes(engine_of, zone):
    seed = 20
    events = random_logs(seed, logs=250, days=1, start="2025-09-20")
    engine = engine_of(events, time_zone=zone)
    answer = Trends(interval="hour").answer(engine)
    assert answered(answer) == twin(events, "count", "hour", zone, engine.as_of_us()), f"seed {seed}"


def test_the_hour_that_comes_twice_stays_two_hours(engine_of):
    first, second = us("2026-10-25T00:30"), us("2026-10-25T01:30")
    rows = Trends(interval="hour").answer(engine_of(at([first, second, second]), time_zone="Europe/Berlin")).rows
    assert [(row["period"], row["value"]) for row in rows[:3]] == [
        ("2026-10-25T02:00+02:00", 1),
        ("2026-10-25T02:00+01:00", 2),
        ("2026-10-25T03:00+01:00", 0),
    ]


def test_days_of_23_and_25_hours_are_one_day(engine_of):
    moments = [us("2026-03-29T00:00", "Europe/Berlin"), us("2026-03-29T23:59", "Europe/Berlin"), us("2026-10-25T23:59", "Europe/Berlin")]
    rows = Trends().answer(engine_of(at(moments), time_zone="Europe/Berlin")).rows
    assert (rows[0]["period"], rows[0]["value"]) == (date(2026, 3, 29), 2)
    assert (rows[-1]["period"], rows[-1]["value"]) == (date(2026, 10, 25), 1)
    assert len(rows) == 211


def at(moments, name="view", **columns):
    return [{"user_id": "ann", "name": name, "event_time": moment, **columns} for moment in moments]


def test_a_period_is_open_until_it_has_ended(engine_of):
    moments = [us("2026-11-02T10:00"), us("2026-11-12T10:00")]
    engine = engine_of(at(moments), now=datetime(2026, 11, 12, 12, tzinfo=UTC))
    for interval, expected in {"day": [False] * 10 + [True], "week": [False, True], "month": [True], "total": [False]}.items():
        assert [row["open"] for row in Trends(interval=interval).answer(engine).rows] == expected, interval
    assert [row["open"] for row in Trends(interval="hour").answer(engine).rows][-2:] == [False, False]


def test_total_is_one_row_named_by_its_first_day(engine_of):
    moments = [us("2026-11-02T10:00"), us("2026-11-12T10:00")]
    rows = Trends(interval="total", measure="people").answer(engine_of(at(moments))).rows
    assert rows == [{"period": date(2026, 11, 2), "series": "all events", "value": 1, "open": False}]


def test_since_and_until_cut_the_calendar_and_say_so(engine_of):
    moments = [us("2026-11-02T10:00"), us("2026-11-12T10:00"), us("2026-11-19T10:00")]
    engine = engine_of(at(moments))
    answer = build(Trends, {"since": "2026-11-11", "until": "2026-11-18", "interval": "week"}).answer(engine)
    assert [(row["period"], row["value"]) for row in answer.rows] == [(date(2026, 11, 9), 1), (date(2026, 11, 16), 0)]
    assert answer.notes == ("the first week is not whole: it is cut by since", "the last week is not whole: it is cut by until")
    assert build(Trends, {"since": "2027-01-01"}).answer(engine).rows == []


def test_a_formula_computes_with_the_series(engine_of):
    moment = us("2026-11-02T10:00")
    events = at([moment] * 4, "view", country="DE") + at([moment], "purchase", country="DE") + at([moment], "purchase", country="FR")
    answer = build(Trends, {"events": ["view", "purchase"], "formula": "B / A * 100", "breakdown": "country"}).answer(engine_of(events))
    assert [(row["series"], row["breakdown"], row["value"]) for row in answer.rows] == [("B / A * 100", "DE", 25.0), ("B / A * 100", "FR", None)]


def test_a_number_in_the_properties_is_measured(engine_of):
    moment = us("2026-11-02T10:00")
    events = [*at([moment], properties='{"stars": 4}'), *at([moment], properties='{"stars": "5"}'), *at([moment], properties='{"stars": "many"}')]
    engine = engine_of(events)
    assert Trends(measure="mean:properties.stars").answer(engine).rows[0]["value"] == 4.5
    broken = Trends(breakdown="properties.stars", top=1).answer(engine)
    assert [(row["breakdown"], row["value"]) for row in broken.rows] == [("4", 1), ("(other)", 2)]


def test_a_value_called_other_is_not_the_rest(engine_of):
    moment = us("2026-11-02T10:00")
    events = at([moment] * 3, country="other") + at([moment], country="DE") + at([moment])
    rows = Trends(breakdown="country", top=1).answer(engine_of(events)).rows
    assert [(row["breakdown"], row["value"]) for row in rows] == [("other", 3), ("(other)", 2)]


def test_an_empty_lake_has_no_rows(engine_of):
    assert Trends().answer(engine_of([])).rows == []
    assert Trends(breakdown="country", interval="hour").answer(engine_of([])).rows == []


def test_one_event(engine_of):
    rows = Trends(interval="hour", measure="people").answer(engine_of(at([us("2026-11-02T23:10")]))).rows
    assert rows == [{"period": "2026-11-02T23:00+00:00", "series": "all events", "value": 1, "open": False}]


def test_refusals_say_what_to_do(engine_of):
    engine = engine_of(at([us("2026-11-02T10:00")], price=1.5))
    with pytest.raises(UnknownEvent, match="'veiw'") as unknown:
        Trends(events=("veiw",)).answer(engine)
    assert unknown.value.hint == "did you mean 'view'?"
    with pytest.raises(InvalidQuery, match="'sum' is not a measure") as half:
        build(Trends, {"measure": "sum"})
    assert half.value.hint == "did you mean 'sum:COLUMN'?"
    with pytest.raises(InvalidQuery, match="'country' holds string"):
        Trends(measure="sum:country").answer(engine)
    with pytest.raises(UnknownColumn, match="'prise'"):
        Trends(measure="sum:prise").answer(engine)
    with pytest.raises(InvalidQuery, match="uses B, and there is no such series"):
        build(Trends, {"events": ["view"], "formula": "B / A"})
    with pytest.raises(InvalidQuery, match="given twice"):
        build(Trends, {"events": ["view", "view"]})
    with pytest.raises(InvalidQuery, match="at most 26 series"):
        build(Trends, {"events": [f"e{number}" for number in range(27)]})
    with pytest.raises(InvalidQuery, match="more than one answer holds"):
        Trends(interval="hour").answer(engine_of(at([us("1980-11-02T10:00"), us("2026-11-02T10:00")])))
