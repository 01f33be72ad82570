"""PostHog beside the battery: whose an event is, what the browser SDK asks for, and what refusals make the SDKs do."""

from __future__ import annotations

import json

import pytest
from examples_support import get, post

from footfall.collect.protocols import PostHog, PostHogV1
from footfall.collect.routing import Routing, every_protocol
from footfall.collect.wire.contract import BadRequest, Outcome, Problem, Refusal
from footfall.event.drop import DropReason

# (properties beside distinct_id "d", user_id, anonymous_id)
PERSONS = [
    ({}, "d", None),
    ({"$is_identified": False}, None, "d"),
    ({"$is_identified": False, "$user_id": "d"}, None, "d"),
    ({"$is_identified": True, "$device_id": "d"}, "d", None),
    ({"$is_identified": True, "$device_id": "x"}, "d", "x"),
    ({"$process_person_profile": False}, None, "d"),
    ({"$process_person_profile": True}, "d", None),
    ({"$device_id": "d"}, None, "d"),
    ({"$device_id": "d", "$user_id": "d"}, "d", None),
    ({"$device_id": "x", "$user_id": "d"}, "d", "x"),
    ({"$device_id": "undefined"}, "d", None),
]


@pytest.mark.parametrize(("properties", "user", "anonymous"), PERSONS)
def test_whose_an_event_is(properties, user, anonymous):
    batch = PostHog().read(post("/e/", {"event": "a", "distinct_id": "d", "properties": properties}))
    assert (batch.items[0].user_id, batch.items[0].anonymous_id, batch.items[0].identity) == (user, anonymous, None)


@pytest.mark.parametrize("placeholder", ["null", "UNDEFINED", "0", "guest", "anonymous", "NaN", "[object Object]", "None", "", " ", None])
@pytest.mark.parametrize("name", ["$identify", "$create_alias", "$merge_dangerously"])
def test_a_placeholder_joins_nobody(name, placeholder):
    other = "$anon_distinct_id" if name == "$identify" else "alias"
    for distinct, joined in (("d", placeholder), ((placeholder or "").strip() or "0", "d"), ("d", "d")):
        batch = PostHog().read(post("/e/", {"event": name, "distinct_id": distinct, "properties": {other: joined}}))
        assert (batch.items[0].identity, batch.items[0].previous_id, batch.items[0].anonymous_id) == (None, None, None)
        assert batch.items[0].user_id == distinct


def test_numbers_are_ids():
    batch = PostHog().read(
        post("/e/", [{"event": "a", "distinct_id": 7}, {"event": "b", "distinct_id": 1 << 70}, {"event": "c", "distinct_id": True}])
    )
    assert [event.user_id for event in batch.items] == ["7", str(1 << 70), "true"]


def test_set_beside_the_properties_does_not_stand_twice():
    event = {"event": "$identify", "distinct_id": "d", "$set": {"a": 1}, "properties": {"$set": {"b": 2}}}
    raw = bytes(PostHog().read(post("/e/", event)).items[0].properties)
    assert raw.count(b'"$set"') == 1
    assert json.loads(raw) == {"$set": {"b": 2}}


def test_what_the_browser_asks_for_is_switched_off():
    routing = Routing(every_protocol())

    def asked(method, path, body=b""):
        request = get(path) if method == "GET" else post(path, body)
        protocol, route = routing.choose(request, *routing.first(method, path))
        assert (protocol.name, route.reply is not None) == ("posthog", True)
        return route.reply(request)

    settings = json.loads(asked("GET", "/array/phc_1/config").body)
    assert settings["analytics"] == {"endpoint": "/i/v0/e/"}
    assert settings["supportedCompression"] == ["gzip-js"]
    assert not any(settings[name] for name in ("hasFeatureFlags", "sessionRecording", "heatmaps", "siteApps"))
    script = asked("GET", "/array/phc_1/config.js")
    assert dict(script.headers)[b"content-type"].startswith(b"text/javascript")
    assert b'all["phc_1"]={config:{' in script.body
    assert json.loads(asked("POST", "/flags/").body)["flags"] == {}
    assert json.loads(asked("POST", "/decide/").body)["featureFlags"] == {}
    assert json.loads(asked("POST", "/i/v1/metrics", b"{}").body) == {"status": 1}
    assert json.loads(asked("POST", "/s/", b"{}").body) == {"status": 1}
    assert json.loads(asked("GET", "/api/surveys/").body)["surveys"] == []


def test_a_token_cannot_leave_its_string_in_the_script():
    route = next(route for route in PostHog.routes if route.path == "/array/*")
    body = route.reply(get('/array/"];alert(1);"</script><script>/config.js')).body
    assert b"</script>" not in body
    assert b'all["\\"];alert(1);\\"' in body


@pytest.mark.parametrize("protocol", [PostHog(), PostHogV1()], ids=["V0", "V1"])
def test_busy_is_said_so_that_the_browser_tries_again(protocol):
    """posthog-js gives up on every 4xx."""
    answer = protocol.refuse(post("/e/", b""), Problem(429, "busy", "too much at once", retry_after_s=3))
    assert (answer.status, dict(answer.headers)[b"retry-after"]) == (503, b"3")
    final = protocol.refuse(post("/e/", b""), Problem(401, "unknown_key", "no such key"))
    assert final.status == 401
    assert b"retry-after" not in dict(final.headers)
    assert "no such key" in json.loads(final.body).values()


@pytest.mark.parametrize("body", [{"api_key": "k", "batch": []}, [], {"api_key": "k", "batch": 5}, {"event": 5}])
def test_nothing_to_store_is_a_bad_request(body):
    with pytest.raises(BadRequest) as caught:
        PostHog().read(post("/batch/", body))
    assert caught.value.reason is DropReason.MALFORMED_BODY


def test_results_name_duplicates_as_stored_and_what_the_door_refused():
    asked = post("/i/v1/analytics/events", {"batch": [{"event": "a", "uuid": f"u{n}", "distinct_id": "d"} for n in range(3)]})
    protocol = PostHogV1()
    batch = protocol.read(asked)
    del batch.items[1], batch.ids[1]
    batch.places = [0, 2]
    batch.refused.append(Refusal(1, DropReason.EVENT_TOO_LARGE, "the event has 9 bytes, more than 5", "{}"))
    answer = protocol.answer(asked, Outcome(batch, frozenset([0]), batch.refused))
    assert json.loads(answer.body)["results"] == {
        "u0": {"result": "ok"},
        "u1": {"result": "drop", "details": "event_too_large: the event has 9 bytes, more than 5"},
        "u2": {"result": "ok"},
    }


@pytest.mark.parametrize(("sent", "echoed"), [("5b9e-1", True), ("", False), ("a b", False), ("x" * 65, False)])
def test_the_id_of_a_request_is_echoed(sent, echoed):
    asked = post("/i/v1/analytics/events", {"batch": [{"event": "a", "uuid": "u", "distinct_id": "d"}]}, headers={"PostHog-Request-Id": sent})
    headers = dict(PostHogV1().refuse(asked, Problem(503, "storage_failed", "the disk is full")).headers)
    assert (headers.get(b"posthog-request-id") == sent.encode()) is echoed
