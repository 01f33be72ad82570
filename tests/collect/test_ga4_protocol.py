"""GA4's limits, what the validation path says of them, and answers that say nothing."""

from __future__ import annotations

import json

import pytest
from examples_support import RECEIVED_US, post

from footfall.collect.protocols.ga4 import BODY_BYTES_MAX, Ga4
from footfall.collect.wire.contract import BadRequest, Problem
from footfall.event.drop import DropReason

PROTOCOL = Ga4()
VALIDATE = next(route.reply for route in PROTOCOL.routes if route.path.startswith("/debug"))


def asked(path="/mp/collect", **members):
    return post(path, {"client_id": "c1", "events": [{"name": "a"}]} | members)


@pytest.mark.parametrize(
    ("name", "params", "taken"),
    [
        ("a" * 40, {}, True),
        ("a" * 41, {}, False),
        ("a-b", {}, False),
        ("1a", {}, False),
        ("a", {"p" * 40: "v" * 100}, True),
        ("a", {"p" * 41: 1}, False),
        ("a", {"p": "v" * 101}, False),
        ("a", {"page_title": "v" * 300}, True),
        ("a", {"page_location": "v" * 1_001}, False),
        ("a", {str(number): number for number in range(25)}, True),
        ("a", {str(number): number for number in range(26)}, False),
    ],
)
def test_the_limits_of_an_event_are_exact(name, params, taken):
    batch = PROTOCOL.read(asked(events=[{"name": name, "params": params}]))
    assert (len(batch.items), len(batch.refused)) == ((1, 0) if taken else (0, 1))
    assert not taken or json.loads(bytes(batch.items[0].properties) or b"{}").keys() == params.keys() - {"page_location"}


@pytest.mark.parametrize(("hours", "taken"), [(0, True), (71.99, True), (72.01, False)])
def test_events_may_be_three_days_late(hours, taken):
    batch = PROTOCOL.read(asked(timestamp_micros=RECEIVED_US - int(hours * 3_600_000_000)))
    assert len(batch.items) == taken
    assert [one.reason for one in batch.refused] == ([] if taken else [DropReason.INVALID_TIME])


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"client_id": ""}, DropReason.MISSING_PERSON),
        ({"events": []}, DropReason.MALFORMED_BODY),
        ({"user_properties": {"p" * 25: {"value": 1}}}, DropReason.INVALID_FIELD),
        ({"user_properties": {"p": {"value": "v" * 37}}}, DropReason.INVALID_FIELD),
        ({"user_properties": {"p": "v"}}, DropReason.INVALID_FIELD),
        ({"user_properties": {str(number): {"value": 1} for number in range(26)}}, DropReason.INVALID_FIELD),
        ({"filler": "a" * BODY_BYTES_MAX}, DropReason.BODY_TOO_LARGE),
    ],
)
def test_what_holds_for_the_whole_request_refuses_it(members, reason):
    with pytest.raises(BadRequest) as problem:
        PROTOCOL.read(asked(**members))
    assert problem.value.reason == reason


def test_the_validation_path_names_what_is_wrong():
    def told(**members):
        return json.loads(VALIDATE(asked("/debug/mp/collect", **members)).body)["validationMessages"]

    assert told() == []
    assert [
        (one["fieldPath"], one["validationCode"]) for one in told(events=[{"name": "_a"}, {"name": ""}, {"name": "a", "params": {"b": "c" * 101}}])
    ] == [
        ("name", "NAME_INVALID"),
        ("name", "VALUE_REQUIRED"),
        ("params.b", "VALUE_INVALID"),
    ]
    assert [(one["fieldPath"], one["validationCode"]) for one in told(client_id=None)] == [("client_id", "VALUE_REQUIRED")]
    assert {one["validationCode"] for one in told(events=[{"name": "a"}] * 26)} == {"EXCEEDED_MAX_ENTITIES"}


@pytest.mark.parametrize(("status", "told"), [(400, 204), (413, 204), (401, 401), (429, 429), (503, 503)])
def test_only_what_the_sender_can_mend_is_told(status, told):
    answer = PROTOCOL.refuse(asked(), Problem(status, "code", "sentence"))
    assert (answer.status, answer.body) == (told, b"")


def test_the_key_is_the_secret_before_the_stream():
    query = {"measurement_id": "G-1", "api_secret": "s"}
    keys = [
        PROTOCOL.read(post("/mp/collect", {"client_id": 1.5, "user_id": "u", "events": [{"name": "a"}]}, query=one)).key
        for one in (query, {"measurement_id": "G-1"}, {})
    ]
    assert keys == ["s", "G-1", None]
