"""Abandonment against a brute-force twin on 1,000 random logs, and its edges one by one."""

from __future__ import annotations

from datetime import date

import pytest

from footfall.analyses.abandonment import Abandonment
from footfall.analyses.spec.build import build
from footfall.errors import InvalidQuery, UnknownEvent
from footfall.event.span import Span
from log_support import ZONES, period_of, periods_between, random_logs, span, us


def twin(events, zone, as_of_us, interval, within, item):
    """Period -> [started, finished, open], attempt by attempt; the order of the list breaks ties."""
    rows = {period: [0, 0, 0] for period in periods_between(span(events)[0], as_of_us, interval, zone)}
    attempts = {}
    for event in sorted(events, key=lambda event: event["event_time"]):
        key = (event["user_id"], event["session_id"] if within == "session" else "", event[item] if item else "")
        attempts.setdefault(key, []).append(event)
    limit = 1 << 62 if within == "session" else Span(within).us
    for moves in attempts.values():
        starts = [place for place, event in enumerate(moves) if event["name"] == "cart"]
        if not starts:
            continue
        start_us = moves[starts[0]]["event_time"]
        later = [event for event in moves[starts[0] + 1 :] if event["name"] == "purchase" and event["event_time"] - start_us <= limit]
        row = rows[period_of(start_us, interval, zone)]
        row[0] += 1
        row[1] += bool(later)
        row[2] += not later and within not in ("session", "none") and start_us + limit >= as_of_us
    return rows


@pytest.mark.parametrize("zone", ZONES)
def test_abandonment_equals_its_twin_on_random_logs(engine_of, zone):
    seed = 50 + ZONES.index(zone)
    events = random_logs(seed, days=9)
    engine = engine_of(events, time_zone=zone)
    for interval, within, item in [
        ("day", "session", "product_id"),
        ("week", "24h", "country"),
        ("month", "9d", "product_id"),
        ("day", "none", "name"),
    ]:
        answer = build(Abandonment, {"interval": interval, "within": within, "item": item}).answer(engine)
        expected = twin(events, zone, engine.as_of_us(), interval, within, item)
        assert {row["period"]: [row["started"], row["finished"], row["open"]] for row in answer.rows} == expected, f"seed {seed} {within}"
        assert all(row["started"] == row["finished"] + row["abandoned"] + row["open"] for row in answer.rows)


def moves(*steps, person="ann", **columns):
    return [{"user_id": person, "name": name, "event_time": us(f"2026-11-{moment}"), **columns} for name, moment in steps]


def test_a_purchase_before_the_cart_finishes_nothing(engine_of):
    events = moves(("purchase", "02T10:00"), ("cart", "02T11:00"))
    assert rates(Abandonment().answer(engine_of(events))) == [(1, 0, 1, 1.0)]


def rates(answer):
    return [(row["started"], row["finished"], row["abandoned"], row["rate"]) for row in answer.rows]


def test_equal_times_go_by_position(engine_of):
    bought = moves(("cart", "02T10:00"), ("purchase", "02T10:00"), person="ann")
    lost = moves(("purchase", "02T10:00"), ("cart", "02T10:00"), person="bob")
    assert rates(Abandonment().answer(engine_of(bought + lost))) == [(2, 1, 1, 0.5)]


def test_items_and_sessions_are_told_apart(engine_of):
    events = (
        moves(("cart", "02T10:00"), ("cart", "02T10:05"), ("purchase", "02T11:00"), product_id=1, session_id="a")
        + moves(("cart", "02T10:00"), product_id=2, session_id="a")
        + moves(("cart", "02T12:00"), product_id=1, session_id="b")
        + moves(("cart", "02T12:00"), ("purchase", "02T13:00"), product_id=3)
    )
    engine = engine_of(events)
    answer = Abandonment().answer(engine)
    assert rates(answer) == [(4, 2, 2, 0.5)]
    assert answer.to_dict()["parameters"]["item"] == "product_id"
    assert rates(Abandonment(within="2h").answer(engine)) == [(3, 2, 1, 1 / 3)]


def test_a_span_is_inclusive_and_attempts_that_may_still_finish_are_open(engine_of):
    events = moves(("cart", "02T10:00"), ("purchase", "03T10:00"), person="ann") + moves(("cart", "03T10:00"), person="bob")
    answer = Abandonment(within="24h").answer(engine_of(events))
    assert [(row["period"], row["finished"], row["abandoned"], row["open"], row["rate"]) for row in answer.rows] == [
        (date(2026, 11, 2), 1, 0, 0, 0.0),
        (date(2026, 11, 3), 0, 0, 1, None),
    ]


def test_the_start_must_be_in_the_range_and_the_finish_may_come_later(engine_of):
    events = moves(("cart", "02T10:00"), ("purchase", "05T10:00")) + moves(("cart", "04T10:00"), person="bob")
    answer = build(Abandonment, {"until": "2026-11-04", "within": "none", "interval": "total"}).answer(engine_of(events))
    assert rates(answer) == [(1, 1, 0, 0.0)]
    assert rates(build(Abandonment, {"since": "2026-11-03", "within": "none", "interval": "total"}).answer(engine_of(events))) == [(1, 0, 1, 1.0)]


def test_refusals_say_what_to_do(engine_of):
    with pytest.raises(InvalidQuery, match="'7x' is not a span"):
        build(Abandonment, {"within": "7x"})
    with pytest.raises(InvalidQuery, match="cannot finish itself"):
        build(Abandonment, {"start": "cart", "finish": "cart"})
    with pytest.raises(UnknownEvent, match="'purchase'"):
        Abandonment().answer(engine_of(moves(("cart", "02T10:00"))))
    with pytest.raises(UnknownEvent, match="'cart'"):
        Abandonment().answer(engine_of([]))
