"""Threshold against its definition: every window's records as they are when each record is taken."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from footfall.errors import InvalidConfig
from footfall.event.filters import Filter
from footfall.event.span import Span
from footfall.rules.menu import rule_of
from footfall.rules.threshold import Threshold
from live_streams import LATENESS_US, T0, Record, Run, S, accepted, in_order, random_stream, run, stored_run, taken

LIMITS = {
    "count": (1, 2, 4), "count(name=a)": (0, 1, 2), "sum(price)": (2.5, 8.0, 40.0), "mean(price)": (0.9, 2.1, 6.5), "min(price)": (0.4, 0.9, 1.5),
    "max(price)": (1.5, 6.0, 7.5), "share(name=a)": (0.2, 0.4, 0.6), "distinct(name)": (0, 1, 2), "p90(price)": (0.75, 1.5, 7.0),
}  # fmt: skip
WINDOWS = [
    {"tumbling": "10s"},
    {"sliding": "30s", "every": "10s"},
    {"session": "12s"},
    {"tumbling": "1m"},
    {"session": "1m"},
    {"sliding": "25s", "every": "10s"},
]


def value_of(measure: str, records: list[Record]) -> float:
    """The measure of a window's records; NaN where it has none, which is above nothing."""
    prices = sorted(record.price for record in records if record.price is not None) or [math.nan]
    hits = sum(record.name == "a" for record in records)
    return {
        "count": len(records), "count(name=a)": hits, "sum(price)": sum(prices), "mean(price)": sum(prices) / len(prices), "min(price)": prices[0],
        "max(price)": prices[-1], "share(name=a)": hits / len(records), "distinct(name)": len({record.name for record in records}),
        "p90(price)": prices[math.ceil(0.9 * len(prices)) - 1],
    }[measure]  # fmt: skip


@dataclass
class Watched:
    """One window: its records, which levels it came over, whether it raised an alert."""

    start: int
    end: int
    records: list[Record] = field(default_factory=list)
    over: set[int] = field(default_factory=set)
    raised: bool = False


def windows_of(rule: Threshold, mine: list[Watched], time: int) -> list[Watched]:
    """The windows that a record belongs to, made or joined if need be."""
    spans = {name: Span(text).us for name, text in rule.window.items()}
    gap = spans.get("session")
    if gap is None:
        size, every = spans.get("sliding", spans.get("tumbling")), spans.get("every", spans.get("tumbling"))
        starts = [start for start in range((time - size) // every * every, time + 1, every) if start <= time < start + size]
        mine += [Watched(start, start + size) for start in starts if start not in {one.start for one in mine}]
        return [one for start in starts for one in mine if one.start == start]
    near = [one for one in mine if one.start - gap <= time <= one.end + gap]
    joined = Watched(min([time, *(one.start for one in near)]), max([time, *(one.end for one in near)]))
    for one in near:
        mine.remove(one)
        joined.records, joined.over, joined.raised = joined.records + one.records, joined.over | one.over, joined.raised or one.raised
    mine.append(joined)
    return [joined]


def twin(rule: Threshold, records: list[Record]) -> tuple[list[Any], dict[Any, Any]]:
    """(user, time, position, start, end, value) of alerts in order, and the recorded windows by (start, end, user)."""
    given = [rule.record_above, rule.suspicious_above, rule.alert_above]
    levels = [min(level for level in given if level is not None) if given[0] is None else given[0], *given[1:]]
    windows, alerts, rests = {}, [], {}
    cool_down = 0 if rule.cool_down is None else rule.cool_down.us
    for record in taken(records):
        for window in windows_of(rule, windows.setdefault(record.user, []), record.time):
            window.records.append(record)
            value = value_of(rule.measure, window.records)
            over = {level for level in range(3) if levels[level] is not None and value > levels[level]} - window.over
            if len(window.records) < rule.events_min:
                continue
            window.over |= over
            rested = rests.get(record.user, -math.inf) <= record.time - cool_down
            if 2 in over and record.user not in rule.allow and (rested or not cool_down):
                window.raised, rests[record.user] = True, max(rests.get(record.user, -math.inf), record.time)
                alerts.append((record.user, record.time, record.position, window.start, window.end, value))
    rows = {(one.start, one.end, user): one for user, mine in windows.items() for one in mine if 0 in one.over}
    return alerts, rows


def shown(run: Run) -> dict[Any, Any]:
    """(start, end, user) -> (value, records, level, alert) of the rows that are left."""
    left: dict[Any, Any] = {}
    for rows in run.rows:
        for gone in rows.gone:
            left.pop(gone, None)
        for start, row, end, *columns in zip(rows.start_us, rows.ids, rows.end_us, *rows.columns, strict=True):
            left[start, row] = ((start, end, columns[0]), tuple(columns[1:]))
    assert len(dict(left.values())) == len(left)
    return dict(left.values())


def check(rule: Threshold, found: Run, expected: tuple[list[Any], dict[Any, Any]], seed: int) -> None:
    exact = (lambda value: value) if rule.measure != "p90(price)" else (lambda value: pytest.approx(value, rel=0.0101, nan_ok=True))
    alerts, rows = expected
    assert [(one.key["user_id"], one.time_us, one.position, one.window_start_us, one.window_end_us) for one in found.alerts] == [
        one[:5] for one in alerts
    ], seed
    assert [one.value for one in found.alerts] == [exact(one[5]) for one in alerts], seed
    left = shown(found)
    assert left.keys() == rows.keys(), seed
    for place, (value, events, level, alert) in left.items():
        one = rows[place]
        name = "alert" if 2 in one.over else "suspicious" if 1 in one.over else "recorded"
        assert (events, level, alert) == (len(one.records), name, one.raised), (seed, place)
        assert value == exact(value_of(rule.measure, one.records)), (seed, place)


def random_rule(chance: random.Random, seed: int) -> Threshold:
    measure = list(LIMITS)[seed % len(LIMITS)]
    record, suspicious, alert = LIMITS[measure]
    return Threshold(
        name="burst", key=("user_id",), window=chance.choice(WINDOWS), measure=measure, alert_above=alert,
        record_above=chance.choice([record, None]), suspicious_above=chance.choice([suspicious, None]), events_min=chance.choice([1, 1, 3]),
        cool_down=chance.choice([None, Span("20s"), Span("2m")]), allow=chance.choice([(), ("u1",)]),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(270))
def test_threshold_agrees_with_its_twin_however_it_is_cut(seed):
    chance = random.Random(seed)
    rule = random_rule(chance, seed)
    records = random_stream(chance, chance.choice([1, 40, 80]), users=chance.choice([1, 3]), step_s=chance.choice([1, 4]))
    expected = twin(rule, records)
    whole = run(rule, records)
    check(rule, whole, expected, seed)
    cut = run(rule, records, chance)
    check(rule, cut, expected, seed)
    assert cut.alerts == whole.alerts, seed


def test_the_measures_raise_in_the_random_streams():
    """So that the test above compares something."""
    alerts = dict.fromkeys(LIMITS, 0)
    for seed in range(90):
        chance = random.Random(seed)
        rule = random_rule(chance, seed)
        alerts[rule.measure] += len(twin(rule, random_stream(chance, 80))[0])
    assert min(alerts.values()) > 5


@pytest.mark.parametrize("seed", range(6))
def test_threshold_goes_on_from_a_store(seed, tmp_path):
    chance = random.Random(seed)
    rule = random_rule(chance, seed)
    records = random_stream(chance, 80)
    assert stored_run(rule, records, chance, tmp_path / "state.db") == run(rule, records).alerts


# --- the shop's rule ------------------------------------------------------------------------------------------------------

SHOP = rule_of(
    {
        "name": "burst",
        "kind": "threshold",
        "key": ["user_id"],
        "window": {"tumbling": "10s"},
        "measure": "count",
        "record_above": 1,
        "alert_above": 10,
    }
)


@pytest.mark.parametrize(("events", "recorded", "alerts"), [(11, True, 1), (10, True, 0), (2, True, 0), (1, False, 0)])
def test_shop_rule_records_more_than_one_and_alerts_more_than_ten(events, recorded, alerts):
    records = [Record(n, T0 + n * 900_000, T0 + n * 900_000, "view", "u") for n in range(events)]
    found = run(SHOP, records, random.Random(events))
    level = "alert" if alerts else "recorded"
    assert shown(found) == ({(T0, T0 + 10 * S, "u"): (events, events, level, bool(alerts))} if recorded else {})
    assert [(one.value, one.time_us, one.position) for one in found.alerts] == [(11.0, T0 + 9 * S, 10)] * alerts


def test_an_event_exactly_ten_seconds_late_counts_and_a_later_one_does_not():
    on_time = [Record(n, T0 + n, T0 + n, "view", "u") for n in range(10)]
    clock = Record(20, T0 + 10 * S, T0 + 10 * S, "view", "v")
    late = Record(21, T0, T0 + 10 * S, "view", "u")
    found = run(SHOP, [*on_time, clock, late])
    assert [(one.key, one.position) for one in found.alerts] == [({"user_id": "u"}, 21)]
    assert found.counts["late"] == 0
    found = run(SHOP, [*on_time, clock._replace(time=clock.time + 1, received=clock.received + 1), late])
    assert (found.alerts, found.counts["late"]) == ([], 1)


# --- what is counted, looked at and refused ---------------------------------------------------------------------------------


def test_the_alert_of_a_row_says_whether_it_was_raised():
    rule = Threshold(name="x", key=("user_id",), window={"tumbling": "10s"}, alert_above=2, allow=("u1",), cool_down=Span("1h"))
    records = [Record(n, T0 + n * S, T0 + n * S, "a", f"u{n % 2}") for n in range(20)]
    found = run(rule, records)
    assert {place[::2]: row[2:] for place, row in shown(found).items()} == {
        (T0, "u0"): ("alert", True),
        (T0, "u1"): ("alert", False),
        (T0 + 10 * S, "u0"): ("alert", False),
        (T0 + 10 * S, "u1"): ("alert", False),
    }
    assert {what: found.counts[what] for what in ("taken", "alerts", "allowed", "resting")} == {"taken": 20, "alerts": 1, "allowed": 2, "resting": 1}


def test_what_it_looks_at():
    rule = Threshold(name="x", key=("country",), where=(Filter("name=a"),), window={"session": "5m"}, measure="mean(price)", alert_above=2)
    assert rule.references() == ("country", "name", "price")
    assert rule.numbers() == ("price",)
    assert rule.look_back_us() == 300 * S
    shared = Threshold(name="x", window={"tumbling": "10s"}, measure="share(price>1)", alert_above=0.5)
    assert (shared.filters(), shared.numbers()) == ((Filter("price>1"),), ())
    everybody = run(Threshold(name="all", window={"tumbling": "10s"}, alert_above=2), in_order(random_stream(random.Random(1), 40)))
    assert everybody.alerts
    assert all(alert.key == {} for alert in everybody.alerts)
    assert everybody.counts["taken"] == len(accepted(in_order(random_stream(random.Random(1), 40))))


WRONG = [
    ({"window": {}}, "rule 'x' needs a window", "window"),
    ({"measure": "path(page)"}, "rule 'x' measures a path, which is not above anything", "measure"),
    ({"alert_above": None}, "rule 'x' has no limit", "alert_above"),
    ({"record_above": 11.0}, "rule 'x' has limits out of order", "alert_above"),
]


@pytest.mark.parametrize(("more", "sentence", "field"), WRONG)
def test_what_is_no_threshold_is_refused(more, sentence, field):
    with pytest.raises(InvalidConfig) as caught:
        Threshold(**{"name": "x", "window": {"tumbling": "10s"}, "alert_above": 10.0} | more)
    assert (caught.value.sentence, caught.value.field) == (sentence, f"rule.x.{field}")


def test_a_session_shorter_than_the_lateness_is_refused():
    with pytest.raises(InvalidConfig) as caught:
        Threshold(name="x", window={"session": "5s"}, alert_above=10).operator(lateness_us=LATENESS_US)
    assert caught.value.sentence == "a session's gap cannot be shorter than the lateness of 10 s"
