"""Umami: sessions, visits and the token that carries them, and what a single wrong event is answered with."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from uuid import UUID

import pytest
from examples_support import RECEIVED_US, post

from footfall.collect.protocols.umami import Umami
from footfall.collect.wire.contract import BadRequest, Outcome, Problem, Refusal
from footfall.event.drop import DropReason

UMAMI = Umami()
SITE = "0198a1f0-6d4e-7a3b-9c55-6f1f0b1d2e3f"
OTHER = "0198a1f0-6d4e-7a3b-9c55-000000000000"
MINUTE = 60_000_000


def send(*, at_us=RECEIVED_US, site=SITE, agent="Firefox", address="203.0.113.9", token=None, **payload):
    headers = ({"User-Agent": agent} if agent else {}) | ({"x-umami-cache": token} if token else {})
    asked = post("/api/send", {"type": "event", "payload": {"website": site} | payload}, headers=headers)
    return replace(asked, received_us=at_us, address=address)


def answered(asked):
    batch = UMAMI.read(asked)
    return json.loads(UMAMI.answer(asked, Outcome(batch)).body)


def test_session_and_visit_come_back_and_are_in_the_event():
    asked = send()
    told = answered(asked)
    event = UMAMI.events(UMAMI.read(asked))[0]
    assert (told["sessionId"], told["visitId"]) == (event.anonymous_id, event.session_id)
    assert [str(UUID(told[name])) for name in ("sessionId", "visitId")] == [told["sessionId"], told["visitId"]]


def test_a_visit_goes_on_for_half_an_hour_with_the_token():
    first = answered(send(at_us=RECEIVED_US + 50 * MINUTE))
    goes_on = answered(send(at_us=RECEIVED_US + 79 * MINUTE, token=first["cache"]))
    assert goes_on["visitId"] == first["visitId"]
    assert answered(send(at_us=RECEIVED_US + 81 * MINUTE, token=goes_on["cache"]))["visitId"] != first["visitId"]
    # Without the token a visit is the hour.
    assert answered(send(at_us=RECEIVED_US + 59 * MINUTE))["visitId"] == first["visitId"]
    assert answered(send(at_us=RECEIVED_US + 61 * MINUTE))["visitId"] != first["visitId"]


def test_a_token_counts_for_its_visitor_and_site_alone():
    first = answered(send(at_us=RECEIVED_US + 59 * MINUTE))
    later = {"at_us": RECEIVED_US + 61 * MINUTE, "token": first["cache"]}
    assert answered(send(**later))["visitId"] == first["visitId"]
    others = [send(**later, agent="Safari"), send(**later, address="203.0.113.10"), send(**later, site=OTHER)]
    assert first["visitId"] not in [answered(asked)["visitId"] for asked in others]


def test_a_token_that_was_changed_is_no_token():
    first = answered(send(at_us=RECEIVED_US + 59 * MINUTE))
    told, _, seal = first["cache"].partition(".")
    members = json.loads(base64.urlsafe_b64decode(told))
    forged = base64.urlsafe_b64encode(json.dumps([*members[:2], OTHER, members[3]]).encode()).decode()
    for token in (f"{forged}.{seal}", f"{told}.", told, ".", "x.y", "\xff"):
        assert answered(send(at_us=RECEIVED_US + 61 * MINUTE, token=token))["visitId"] not in (OTHER, first["visitId"])


def test_a_server_says_whose_event_it_passes_on():
    passed_on = answered(send(agent="node", address="10.0.0.1", ip="203.0.113.9", userAgent="Firefox"))
    assert passed_on["sessionId"] == answered(send())["sessionId"]
    robot = send(agent="Firefox", userAgent="Googlebot/2.1")
    assert answered(robot) == {"beep": "boop"}


@pytest.mark.parametrize(
    ("payload", "reason", "field"),
    [
        ({"agent": None}, DropReason.INVALID_FIELD, "user-agent"),
        ({"site": "shop"}, DropReason.INVALID_FIELD, "payload.website"),
        ({"site": None}, DropReason.INVALID_FIELD, "payload.website"),
        ({"pixel": SITE}, DropReason.INVALID_FIELD, "payload.website"),
        ({"hostname": "x" * 101}, DropReason.INVALID_FIELD, "payload.hostname"),
        ({"name": "x" * 51}, DropReason.INVALID_FIELD, "payload.name"),
        ({"tag": "x" * 51}, DropReason.INVALID_FIELD, "payload.tag"),
        ({"screen": "x" * 12}, DropReason.INVALID_FIELD, "payload.screen"),
        ({"language": "x" * 36}, DropReason.INVALID_FIELD, "payload.language"),
        ({"timestamp": 1e12}, DropReason.INVALID_TIME, "payload.timestamp"),
        ({"timestamp": -1}, DropReason.INVALID_TIME, "payload.timestamp"),
        ({"data": "x"}, DropReason.INVALID_FIELD, "payload.data"),
        ({"url": 7}, DropReason.MALFORMED_BODY, "body"),
    ],
)
def test_a_wrong_event_is_a_400(payload, reason, field):
    with pytest.raises(BadRequest) as caught:
        UMAMI.read(send(**payload))
    assert (caught.value.reason, caught.value.field, caught.value.status) == (reason, field, 400)


def test_lengths_are_characters_and_their_limit_is_allowed():
    batch = UMAMI.read(send(hostname="é" * 100, name="é" * 50, tag="é" * 50, screen="é" * 11, language="é" * 35))
    assert len(batch.items) == 1


def test_a_list_is_told_what_became_of_each():
    told = [{"type": "event", "payload": {"website": SITE}}, 7]
    asked = post("/api/batch", told, headers={"User-Agent": "Firefox"})
    batch = UMAMI.read(asked)
    answer = json.loads(UMAMI.answer(asked, Outcome(batch, frozenset(), batch.refused)).body)
    assert {name: answer[name] for name in ("size", "processed", "errors")} == {"size": 2, "processed": 1, "errors": 1}
    assert [one["index"] for one in answer["details"]] == [1]
    with pytest.raises(BadRequest, match="no events"):
        UMAMI.read(post("/api/batch", []))


def test_a_single_event_that_a_later_step_refused_is_a_400():
    asked = send()
    batch = UMAMI.read(asked)
    batch.items, batch.ids = [], []
    refused = [Refusal(0, DropReason.EVENT_TOO_LARGE, "the event is too large", "{}")]
    answer = UMAMI.answer(asked, Outcome(batch, frozenset(), refused))
    assert (answer.status, json.loads(answer.body)["error"]["message"]) == (400, "the event is too large")


def test_a_recording_is_taken_and_forgotten():
    route = next(route for route in UMAMI.routes if route.path == "/api/record")
    assert json.loads(route.reply(post("/api/record", b"\xff")).body) == {"ok": True}


def test_a_refusal_is_an_error_in_umamis_form():
    answer = UMAMI.refuse(send(), Problem(429, "busy", "the log is full", retry_after_s=3))
    assert (answer.status, dict(answer.headers)[b"retry-after"]) == (429, b"3")
    assert json.loads(answer.body) == {"error": {"message": "the log is full", "code": "busy", "status": 429}}
