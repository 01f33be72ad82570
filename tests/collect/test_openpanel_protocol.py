"""OpenPanel's visitors, and its path beside Mixpanel's."""

from __future__ import annotations

import json

import pytest
from examples_support import get, post

from footfall.collect.protocols.openpanel import OpenPanel
from footfall.collect.routing import Routing, every_protocol
from footfall.collect.wire.contract import BadRequest, Outcome, Problem

PROTOCOL = OpenPanel()
HEADERS = {"openpanel-client-id": "client-1", "User-Agent": "Mozilla/5.0"}


def track(payload, headers=HEADERS, kind="track"):
    return post("/track", {"type": kind, "payload": payload}, headers=headers)


def test_the_header_tells_it_from_mixpanel():
    routing = Routing(every_protocol())
    for asked, name in ((track({"name": "a"}), "openpanel"), (track({"name": "a"}, {}), "mixpanel")):
        assert routing.choose(asked, *routing.first("POST", "/track"))[0].name == name


def test_a_made_id_is_told_and_never_joined_to_a_profile():
    asked = track({"name": "a"})
    batch = PROTOCOL.read(asked)
    made = batch.items[0].anonymous_id
    assert len(made) == 36
    assert json.loads(PROTOCOL.answer(asked, Outcome(batch)).body) == {"deviceId": made, "sessionId": ""}
    assert PROTOCOL.read(track({"name": "a", "profileId": "p"})).items[0].anonymous_id is None
    assert PROTOCOL.read(track({"name": "a"}, HEADERS | {"openpanel-client-id": "client-2"})).items[0].anonymous_id != made
    (device,) = (route.reply for route in PROTOCOL.routes if route.reply)
    assert json.loads(device(get("/track/device-id", headers=HEADERS)).body)["deviceId"] == made


def test_a_user_agent_is_required():
    with pytest.raises(BadRequest, match="User-Agent"):
        PROTOCOL.read(track({"name": "a"}, {"openpanel-client-id": "client-1"}))


def test_refusals_are_text():
    answer = PROTOCOL.refuse(track({}), Problem(400, "code", "what is wrong"))
    assert (answer.status, answer.body, dict(answer.headers)[b"content-type"]) == (400, b"what is wrong", b"text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("sent", "time"), [("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"), (1795341600123, 1_795_341_600_123_000), (None, None), ([], None)]
)
def test_times(sent, time):
    assert PROTOCOL.read(track({"name": "a", "properties": {"__timestamp": sent}})).items[0].event_time == time
