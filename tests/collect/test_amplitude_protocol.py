"""Amplitude beside the battery: what its SDKs do with a refusal, and who shares an id."""

from __future__ import annotations

import json

import pytest
from examples_support import post

from footfall.collect.protocols import Amplitude
from footfall.collect.routing import Routing, every_protocol
from footfall.collect.wire.contract import BadRequest, Problem

BODY = {"api_key": "key-1", "events": [{"event_type": "a", "user_id": "user-1"}, {"event_type": "b", "user_id": "user-1"}, 5]}


def refused(status, *, batch=None):
    answer = Amplitude().refuse(post("/2/httpapi", BODY), Problem(status, "code", "sentence", retry_after_s=4, batch=batch))
    return answer.status, json.loads(answer.body), dict(answer.headers)


@pytest.mark.parametrize("status", [400, 403, 415])
def test_a_400_makes_the_sdk_drop_instead_of_repeating_itself(status):
    found, body, headers = refused(status)
    assert (found, body["code"], body["missing_field"], body["error"]) == (status, status, "events", "sentence")
    assert body["events_with_invalid_fields"] == body["events_with_missing_fields"] == {}
    assert b"retry-after" not in headers


def test_a_wrong_key_is_said_in_amplitudes_words():
    batch = Amplitude().read(post("/2/httpapi", BODY))
    status, body, _ = refused(401, batch=batch)
    assert (status, body) == (400, {"code": 400, "error": "Invalid API key: key-1"})


def test_a_throttled_sdk_waits_with_all_of_its_events():
    batch = Amplitude().read(post("/2/httpapi", BODY))
    status, body, headers = refused(429, batch=batch)
    assert (status, body["code"], body["throttled_events"], headers[b"retry-after"]) == (429, 429, [0, 1, 2], b"4")
    assert len(refused(429)[1]["throttled_events"]) == 2_000


def test_too_large_lets_the_sdk_shrink_its_batches():
    status, body, _ = refused(413)
    assert (status, body["code"], "missing_field" in body) == (413, 413, False)


def test_a_server_in_trouble_is_tried_again():
    status, body, headers = refused(503)
    assert (status, body["code"], headers[b"retry-after"]) == (503, 503, b"4")


def test_the_same_insert_id_of_two_devices_is_two_events():
    events = [{"event_type": "a", "device_id": f"device-{n}", "insert_id": "1"} for n in (1, 2, 1)]
    ids = Amplitude().read(post("/batch", {"api_key": "k", "events": events})).ids
    assert (ids[0] == ids[2], ids[0] == ids[1]) == (True, False)


@pytest.mark.parametrize("body", [{"api_key": "k", "events": []}, {"api_key": "k"}, {"events": 5}, [], {"api_key": 5, "events": [{}]}])
def test_nothing_to_store_is_a_bad_request(body):
    with pytest.raises(BadRequest):
        Amplitude().read(post("/2/httpapi", body))


@pytest.mark.parametrize("body", [b"", b"api_key=k", b"api_key=k&identification=", b"api_key=k&identification=%5B", {"api_key": "k"}])
def test_an_identify_without_identification_is_a_bad_request(body):
    with pytest.raises(BadRequest):
        Amplitude().read(post("/identify", body))


def test_a_path_that_posthog_has_too():
    routing = Routing(every_protocol())

    def taker(path, body):
        asked = post(path, body)
        return routing.choose(asked, *routing.first("POST", path))[0].name

    event = {"event": "events", "distinct_id": "d"}
    assert taker("/batch", BODY) == "amplitude"
    assert taker("/batch", BODY | {"events": [{"event_type": '"batch"', "user_id": "user-1"}]}) == "amplitude"
    assert taker("/batch", b"{") == "amplitude"
    assert taker("/batch/", {"api_key": "k", "batch": [event]}) == "posthog"
    assert taker("/batch", {"api_key": "k", "batch": [event]}) == "posthog"
