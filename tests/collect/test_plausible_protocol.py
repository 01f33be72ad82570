"""Plausible: visitors, what is refused and how it is told, and properties of every shape."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from examples_support import RECEIVED_US, post

from footfall.collect.protocols.plausible import Plausible
from footfall.collect.wire.contract import Outcome, Problem
from footfall.event.drop import DropReason

PLAUSIBLE = Plausible()
GOOD = {"name": "pageview", "url": "https://shop.example/", "domain": "shop.example"}
DAY = 86_400_000_000


def asked_for(**members):
    return post("/api/event", {name: value for name, value in (GOOD | members).items() if value is not None}, headers={"User-Agent": "Firefox"})


def event_of(asked):
    return PLAUSIBLE.events(PLAUSIBLE.read(asked))[0]


@pytest.mark.parametrize(
    ("members", "reason", "field"),
    [
        ({"name": None}, DropReason.MISSING_NAME, "name"),
        ({"name": " "}, DropReason.MISSING_NAME, "name"),
        ({"name": 7}, DropReason.MISSING_NAME, "name"),
        ({"url": None}, DropReason.INVALID_FIELD, "url"),
        ({"url": ["x"]}, DropReason.INVALID_FIELD, "url"),
        ({"url": "https://a.example/" + "x" * 2_000}, DropReason.INVALID_FIELD, "url"),
        ({"url": "data:text/html,x"}, DropReason.INVALID_FIELD, "url"),
        ({"url": "https://[x/"}, DropReason.INVALID_FIELD, "url"),
        ({"domain": " , "}, DropReason.INVALID_FIELD, "domain"),
        ({"domain": None, "url": "/cart"}, DropReason.INVALID_FIELD, "domain"),
    ],
)
def test_what_is_refused_and_how_it_is_told(members, reason, field):
    asked = asked_for(**members)
    batch = PLAUSIBLE.read(asked)
    assert [(refusal.place, refusal.reason, refusal.field) for refusal in batch.refused] == [(0, reason, field)]
    answer = PLAUSIBLE.answer(asked, Outcome(batch, frozenset(), batch.refused))
    assert (answer.status, dict(answer.headers)[b"x-plausible-dropped"]) == (400, b"1")
    assert json.loads(answer.body) == {"errors": {field: [batch.refused[0].detail]}}


def test_a_refused_request_is_told_so():
    answer = PLAUSIBLE.refuse(asked_for(), Problem(429, "busy", "the log is full", retry_after_s=3))
    assert (answer.status, dict(answer.headers)) == (
        429,
        {b"content-type": b"application/json", b"x-plausible-dropped": b"1", b"retry-after": b"3"},
    )


def test_a_visitor_is_the_same_on_one_site_and_day():
    first = event_of(asked_for()).anonymous_id
    assert event_of(asked_for(url="https://shop.example/cart")).anonymous_id == first
    others = [
        asked_for(domain="other.example"),
        replace(asked_for(), received_us=RECEIVED_US + DAY),
        replace(asked_for(), address="203.0.113.10"),
    ]
    assert first not in [event_of(asked).anonymous_id for asked in others]


@pytest.mark.parametrize(
    ("members", "properties"),
    [
        ({}, {}),
        ({"props": {"a": 1}}, {"a": 1}),
        ({"p": {"a": 1}, "props": {"b": 2}}, {"a": 1}),
        ({"m": '{"a":1}', "p": {"b": 2}}, {"a": 1}),
        ({"meta": "[1]"}, {"props": "[1]"}),
        ({"props": "{"}, {"props": "{"}),
        ({"props": [1]}, {"props": [1]}),
        ({"$": {"currency": "EUR", "amount": 1}}, {"revenue": {"currency": "EUR", "amount": 1}}),
        ({"revenue": {"currency": "EUR"}, "props": {"revenue": 3}}, {"revenue": 3}),
        ({"interactive": False}, {"interactive": False}),
        ({"i": True}, {}),
    ],
)
def test_properties_of_every_shape(members, properties):
    raw = bytes(event_of(asked_for(**members)).properties)
    assert (json.loads(raw) if raw else {}) == properties


@pytest.mark.parametrize(
    ("url", "mode", "page"),
    [
        ("https://a.example/x#y", 1, "/x#y"),
        ("https://a.example/x#y", 0, None),
        ("https://a.example/x", 1, None),
        ("https://a.example#y", True, "/#y"),
    ],
)
def test_pages_behind_the_hash(url, mode, page):
    assert event_of(asked_for(url=url, h=mode)).page == page
    assert event_of(asked_for(url=url, hashMode=mode)).page == page
