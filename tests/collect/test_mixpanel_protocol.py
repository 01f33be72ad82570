"""Mixpanel: where data may stand in a request, what a switch of the query changes, and the limits of imports."""

from __future__ import annotations

import base64
import json
import runpy
from urllib.parse import quote

import pytest
from examples_support import ANYTHING, get, post
from hypothesis import given
from hypothesis import strategies as st
from protocol_battery import EXAMPLES, check_addresses, check_lines, check_meaning

from footfall.collect.protocols.mixpanel import Mixpanel, microseconds, person_of
from footfall.collect.protocols.mixpanel_import import MixpanelImport
from footfall.collect.wire.contract import BadRequest, Outcome, Problem
from footfall.collect.wire.pixel import GIF
from footfall.event.drop import DropReason

TRACK = Mixpanel()
IMPORT = MixpanelImport()
EVENT = {"event": "café", "properties": {"distinct_id": "u1", "token": "k"}}


def event(**properties):
    return {"event": "paid", "properties": {"time": 1795000000, "distinct_id": "u1", "$insert_id": "i1"} | properties}


def dressed(told):
    text = json.dumps(told, ensure_ascii=False).encode()
    coded = base64.b64encode(text)
    return {
        "body": post("/track", text),
        "body of one": post("/track", b" \n" + text),
        "form": post("/track", b"ip=1&data=" + quote(text).encode()),
        "coded": post("/track", b"data=" + quote(coded).encode() + b"&verbose=1"),
        "coded, not escaped": post("/track", b"data=" + coded),
        "query": get("/track", query={"data": text.decode()}),
        "coded query": get("/track", query={"data": coded.decode()}),
    }


@pytest.mark.parametrize("told", [EVENT, [EVENT]], ids=["one", "array"])
def test_every_dress_means_the_same(told):
    read = {name: TRACK.read(asked) for name, asked in dressed(told).items()}
    assert {name: [event.name for event in TRACK.events(batch)] for name, batch in read.items()} == {name: ["café"] for name in read}
    assert {batch.key for batch in read.values()} == {"k"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", DropReason.MALFORMED_BODY),
        (b"ip=1", DropReason.MALFORMED_BODY),
        (b"data=%%%", DropReason.MALFORMED_BODY),
        (b"data=%5B", DropReason.MALFORMED_BODY),
        (b"[]", DropReason.MALFORMED_BODY),
        (b'[{"event":"\xff"}]', DropReason.INVALID_ENCODING),
        (b"[" * 100_000, DropReason.MALFORMED_BODY),
    ],
)
@pytest.mark.parametrize("path", ["/track", "/engage", "/import"])
def test_a_request_without_data_is_refused_whole(path, body, reason):
    protocol = IMPORT if path == "/import" else TRACK
    with pytest.raises(BadRequest) as caught:
        protocol.read(post(path, body))
    assert caught.value.reason is reason


def test_what_is_verbose_and_what_is_a_picture():
    one = json.dumps(EVENT).encode()
    form = b"data=" + quote(one).encode()
    asked = {
        b"1": [post("/track", one), post("/track", form), post("/track", form, query={"verbose": "0"})],
        b'{"status":1,"error":null}': [post("/track", one, query={"verbose": "1"}), post("/track", form + b"&verbose=1")],
        GIF: [post("/track", form + b"&img=1"), get("/track", query={"data": one.decode(), "img": "1"})],
    }
    got = {body: {TRACK.answer(one, Outcome(TRACK.read(one))).body for one in requests} for body, requests in asked.items()}
    assert got == {body: {body} for body in asked}


def test_a_refused_request_is_told_so_in_the_words_that_were_asked_for():
    problem = Problem(429, "busy", "the log is full", retry_after_s=3)
    short, verbose = (TRACK.refuse(post("/track", b"[]", query=query), problem) for query in (None, {"verbose": "1"}))
    assert (short.status, short.body) == (429, b"0")
    assert (verbose.status, verbose.body) == (429, b'{"status":0,"error":"the log is full"}')
    by_form, by_json = IMPORT.refuse(post("/import", b"data=%5B%5D"), problem), IMPORT.refuse(post("/import", b"[]"), problem)
    assert (by_form.status, json.loads(by_form.body)["status"]) == (429, 0)
    assert json.loads(by_json.body) == {
        "code": 429, "error": "the log is full", "status": "busy", "num_records_imported": 0, "failed_records": []
    }  # fmt: skip


def test_what_the_browser_asks_beside_events_is_answered_without_storing():
    replies = {route.path: json.loads(route.reply(get(route.path)).body) for route in TRACK.routes if route.reply is not None}
    assert sorted(replies) == ["/decide", "/flags", "/flags/definitions", "/record", "/settings"]
    assert replies["/flags"] == {"code": 200, "flags": {}}  # the Python SDK reads both members


def test_a_path_that_openpanel_also_uses_is_left_to_it():
    route = next(route for route in TRACK.routes if route.path == "/track")
    assert route.when(post("/track", b"{}"))
    assert not route.when(post("/track", b"{}", headers={"openpanel-client-id": "x"}))


@given(st.integers(0, 4_000_000_000), st.integers(0, 999))
def test_seconds_and_milliseconds(seconds, milliseconds):
    expected = seconds * 1_000_000 + milliseconds * 1_000
    assert microseconds(seconds + milliseconds / 1_000) == expected
    assert microseconds(str(seconds)) == seconds * 1_000_000
    if seconds > 100_000_000:  # milliseconds of earlier moments cannot be told from seconds
        assert microseconds(seconds * 1_000 + milliseconds) == expected
        assert microseconds(expected) == expected


@pytest.mark.parametrize("time", [-1, True, None, "", "nan", "inf", "x", [], 1e300, 10**30, 99_000_000_000])
def test_what_is_no_time(time):
    assert microseconds(time) is None


@pytest.mark.parametrize(
    ("ids", "person"),
    [
        (("u", None, None), ("u", None)),
        (("$device:d", "d", None), (None, "d")),
        (("$device:d", None, None), (None, "d")),
        (("d", "d", None), (None, "d")),
        (("u", "d", None), ("u", "d")),
        (("u", "d", "v"), ("v", "d")),
        ((None, "$device:d", None), (None, "d")),
        ((12, None, None), ("12", None)),
        ((12.0, None, None), ("12", None)),
        (("", None, None), (None, None)),
        (([], {}, True), (None, None)),
    ],
)
def test_who_is_a_user_and_who_a_device(ids, person):
    assert person_of(*ids) == person


def test_no_more_than_2000_events_in_a_strict_import():
    told = [event(**{"$insert_id": f"i{number}"}) for number in range(2_003)]
    strict = IMPORT.read(post("/import", told, query={"strict": "1"}))
    assert len(strict.items) == 2_000
    assert [(refusal.place, refusal.reason) for refusal in strict.refused] == [(place, DropReason.TOO_MANY_EVENTS) for place in (2000, 2001, 2002)]
    answer = json.loads(IMPORT.answer(post("/import", told, query={"strict": "1"}), Outcome(strict, frozenset(), strict.refused)).body)
    assert [one["insert_id"] for one in answer["failed_records"]] == ["i2000", "i2001", "i2002"]
    assert len(IMPORT.read(post("/import", told)).items) == 2_003


@pytest.mark.parametrize(("members", "stored"), [(251, 1), (252, 0)])
def test_fewer_than_255_members(members, stored):
    batch = IMPORT.read(post("/import", [event(**{f"p{number}": 1 for number in range(members)})], query={"strict": "1"}))
    assert len(batch.items) == stored


@pytest.mark.parametrize(("value", "stored"), [({"a": {"b": {"c": 1}}}, 1), ({"a": {"b": {"c": {}}}}, 0), ([[[1]]], 1), ([[[[1]]]], 0)])
def test_at_most_three_levels(value, stored):
    assert len(IMPORT.read(post("/import", [event(deep=value)], query={"strict": "1"})).items) == stored


def test_an_event_of_a_megabyte_is_too_large_for_a_strict_import():
    batch = IMPORT.read(post("/import", [event(x="a" * 1_000_000), event()], query={"strict": "1"}))
    assert [refusal.reason for refusal in batch.refused] == [DropReason.EVENT_TOO_LARGE]
    assert batch.places == [1]


def test_who_sent_an_import():
    def key(properties, header, query):
        headers = {"Authorization": "Basic " + base64.b64encode(header).decode()} if header is not None else None
        return IMPORT.read(post("/import", [event(**properties)], headers=headers, query=query)).key

    assert key({"token": "t"}, b"user:secret", {"project_id": "9"}) == "t"
    assert key({}, b"user:secret", {"project_id": "9"}) == "user"
    assert key({}, b":secret", {"project_id": "9"}) == "9"
    assert key({}, b"\xff", {}) is None
    assert key({}, None, {}) is None
    assert IMPORT.read(post("/import", [event()], headers={"Authorization": "Basic ?"})).key is None


def test_a_strict_form_that_failed_is_told_so():
    asked = post("/import", b"data=" + quote(json.dumps([event(time=None)])).encode(), query={"strict": "1"})
    batch = IMPORT.read(asked)
    answer = IMPORT.answer(asked, Outcome(batch, frozenset(), batch.refused))
    assert (answer.status, json.loads(answer.body)["status"]) == (400, 0)


def test_a_row_without_an_id_has_none_in_the_list():
    asked = post("/import", [7, {"event": "x", "properties": 3}], query={"strict": "1"})
    batch = IMPORT.read(asked)
    answer = json.loads(IMPORT.answer(asked, Outcome(batch, frozenset(), batch.refused)).body)
    assert [one["insert_id"] for one in answer["failed_records"]] == [None, None]
    assert answer["num_records_imported"] == 0


def test_events_can_be_asked_for_twice():
    batch = TRACK.read(post("/track", [EVENT | {"properties": EVENT["properties"] | {"a": 1, "ip": "198.51.100.1"}}]))
    assert TRACK.events(batch) == TRACK.events(batch)
    assert batch.items[0].time_us is None


PARTLY = runpy.run_path(str(EXAMPLES / "mixpanel_import.py"))["PARTLY"]


@pytest.mark.parametrize("example", PARTLY, ids=[example.title for example in PARTLY])
def test_a_strict_import_stores_the_good_ones_and_says_400(example):
    check_meaning(IMPORT, example)
    check_lines(IMPORT, example.asked)
    check_addresses(IMPORT, example)
    batch = IMPORT.read(example.asked)
    answer = IMPORT.answer(example.asked, Outcome(batch, frozenset(), batch.refused))
    assert answer.status == example.status == 400
    told = json.loads(answer.body)
    assert example.answer is ANYTHING or told == example.answer
    assert [one["index"] for one in told["failed_records"]] == [place for place, _ in example.refused]
    assert told["num_records_imported"] == len(example.names)
