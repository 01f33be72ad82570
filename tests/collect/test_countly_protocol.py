"""Countly's requests: its path beside Snowplow's, sessions, merges, and lists in every disguise."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from examples_support import get, post, request

from footfall.collect.protocols.countly import Countly
from footfall.collect.routing import Routing, every_protocol
from footfall.collect.wire.contract import BadRequest, Problem

PROTOCOL = Countly()
KNOWN = {"app_key": "k", "device_id": "d"}


def names(**params):
    return [event.name for event in PROTOCOL.read(get("/i", query=KNOWN | params)).items]


def test_the_key_tells_it_from_snowplow():
    routing = Routing(every_protocol())
    for asked, name in ((get("/i", query=KNOWN), "countly"), (get("/i", query={"e": "pv", "aid": "a"}), "snowplow"), (post("/i", KNOWN), "countly")):
        assert routing.choose(asked, *routing.first(asked.method, "/i"))[0].name == name


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"begin_session": "1"}, ["session_start"]),
        ({"begin_session": "1", "session_duration": "1"}, ["session_start"]),
        ({"session_duration": "60"}, ["session_update"]),
        ({"end_session": "1"}, ["session_end"]),
        ({"end_session": "1", "session_duration": "5"}, ["session_end"]),
        ({"old_device_id": "c"}, ["merge"]),
        ({"old_device_id": "d"}, []),
        ({"begin_session": "0"}, []),
        ({"events": "[]"}, []),
    ],
)
def test_what_a_request_becomes(params, expected):
    assert names(**params) == expected


def test_lists_mean_the_same_as_text_and_as_json():
    requests = [KNOWN | {"events": [{"key": "a"}, {"key": "b"}]}]
    bodies = [
        post("/i/bulk", requests),
        post("/i/bulk", {"requests": requests}),
        post("/i/bulk", {"requests": json.dumps(requests)}),
        request("POST", "/i/bulk", urlencode({"requests": json.dumps([KNOWN | {"events": json.dumps(requests[0]["events"])}])}).encode()),
        get("/i/bulk", query={"requests": json.dumps(requests)}),
    ]
    assert [[event.name for event in PROTOCOL.read(asked).items] for asked in bodies] == [["a", "b"]] * 5


@pytest.mark.parametrize(
    "asked", [post("/i/bulk", {}), post("/i/bulk", []), post("/i/bulk", {"requests": "x"}), post("/i", b"{"), post("/i", b"\xff")]
)
def test_a_body_that_is_no_list_is_bad(asked):
    with pytest.raises(BadRequest):
        PROTOCOL.read(asked)


def test_a_refusal_is_a_result_that_is_no_success():
    answer = PROTOCOL.refuse(get("/i", query=KNOWN), Problem(503, "storage", "the disk is full", None, 3))
    assert (answer.status, json.loads(answer.body), dict(answer.headers)[b"retry-after"]) == (503, {"result": "the disk is full"}, b"3")
