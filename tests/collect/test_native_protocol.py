"""footfall's own endpoints: bodies of every form mean the same, wrong members are named, cookieless visitors get an id of the day."""

from __future__ import annotations

import json

import pytest
from examples_support import post
from hypothesis import given
from hypothesis import strategies as st

from footfall.collect.protocols.native import Native, NativeLogs
from footfall.collect.wire.contract import BadRequest, Outcome, Problem
from footfall.event.canonical import Event
from footfall.event.drop import DropReason

EVENTS, LOGS = Native(), NativeLogs()
PATH = "/api/v1/events"


def read(body, **rest):
    return EVENTS.read(post(PATH, body, **rest))


@given(
    st.lists(
        st.fixed_dictionaries(
            {"name": st.text("abc", min_size=1), "user_id": st.text("uv", min_size=1)},
            optional={"event_id": st.text("xy", min_size=1), "properties": st.dictionaries(st.text(max_size=3), st.integers()), "page": st.none()},
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_form_of_body_means_the_same(told):
    lines = "\n".join(json.dumps(one) for one in told).encode()
    spread = "\n".join(json.dumps(one, indent=1) for one in told).encode()
    bodies = [lines, spread, json.dumps(told).encode(), json.dumps({"events": told}).encode()]
    meanings = [[(one.name, one.user_id, one.event_id, json.loads(bytes(one.properties) or b"{}")) for one in read(body).items] for body in bodies]
    assert meanings[0] == [(one["name"], one["user_id"], one.get("event_id"), one.get("properties", {})) for one in told]
    assert all(meaning == meanings[0] for meaning in meanings)


@pytest.mark.parametrize("field", [field for field in Event.__struct_fields__ if len(field) > 3])
def test_a_member_that_is_misspelt_is_refused_with_the_nearest_name(field):
    wrong = field[:-1] + "_" + field[-1]
    batch = read({"name": "a", "user_id": "u", wrong: "x"})
    assert batch.items == []
    (refusal,) = batch.refused
    assert (refusal.reason, refusal.field) == (DropReason.INVALID_FIELD, wrong)
    assert refusal.detail == f"{wrong!r} is no member of an event; did you mean {field!r}? put what is your own inside properties"
    assert json.loads(refusal.row)[wrong] == "x"


def test_a_wrong_choice_is_told_the_right_ones():
    (refusal,) = LOGS.read(post("/api/v1/logs", {"kind": "gossip"})).refused
    assert refusal.detail == "kind: Invalid enum value 'gossip'; it is one of access, error, performance, log"


@pytest.mark.parametrize(
    "body", [b"", b" \n", b"7", b'"x"', b"[]", b'{"events":[]}', b"{", b"[{]", b'{"events":[{"name":"a","user_id":"u"}],"when":1}']
)
def test_a_body_that_holds_nothing_is_a_bad_request(body):
    with pytest.raises(BadRequest) as problem:
        read(body)
    assert problem.value.status == 400
    assert problem.value.field is not None


def test_an_event_that_names_nobody_gets_an_id_of_the_day_only_where_it_asks_for_that():
    told = {"events": [{"name": "a"}, {"name": "b", "user_id": "u"}], "key": "k", "cookieless": True}
    agents = {"User-Agent": "Mozilla/5.0"}
    batch = read(told, headers=agents)
    assert [len(one.anonymous_id or "") for one in batch.items] == [36, 0]
    assert batch.private  # the body as it came does not say who it was
    again, other = read(told, headers=agents), read(told | {"key": "l"}, headers=agents)
    assert again.items[0].anonymous_id == batch.items[0].anonymous_id != other.items[0].anonymous_id
    del told["cookieless"]
    assert [one.reason for one in read(told).refused] == [DropReason.MISSING_PERSON]


def test_an_address_keeps_the_body_out_of_the_log():
    assert not read({"name": "a", "user_id": "u"}).private
    assert read({"name": "a", "user_id": "u", "\u0069p": "192.0.2.1"}).private


def test_duplicates_and_drops_are_told_apart():
    asked = post(PATH, [{"name": "a", "user_id": "u", "event_id": "1"}, {"name": "a", "event_id": "2"}, {"name": "b", "user_id": "u"}])
    batch = EVENTS.read(asked)
    told = json.loads(EVENTS.answer(asked, Outcome(batch, frozenset({0}), batch.refused)).body)
    assert [(one["place"], one["result"], one.get("event_id"), one.get("reason")) for one in told["results"]] == [
        (0, "duplicate", "1", None),
        (1, "drop", "2", "missing_person"),
        (2, "ok", None, None),
    ]
    assert (told["stored"], told["duplicate"], told["dropped"]) == (1, 1, 1)


@pytest.mark.parametrize(("status", "retryable"), [(400, False), (401, False), (413, False), (429, True), (503, True)])
def test_a_refusal_says_whether_to_come_back(status, retryable):
    answer = EVENTS.refuse(post(PATH, {}), Problem(status, "code", "what is wrong", "what to do", 9 if retryable else None))
    assert json.loads(answer.body) == {"error": {"code": "code", "sentence": "what is wrong", "hint": "what to do", "retryable": retryable}}
    assert dict(answer.headers).get(b"retry-after") == (b"9" if retryable else None)


def test_an_unreadable_line_keeps_the_reason_of_its_sender():
    (refusal,) = LOGS.read(post("/api/v1/logs", b'{"line":"\\u00ff junk","reason":"invalid_encoding","detail":"byte 3"}')).refused
    assert (refusal.reason, refusal.detail, refusal.row) == (DropReason.INVALID_ENCODING, "byte 3", "\u00ff junk")


def test_an_unreadable_line_without_text_is_kept_as_it_was_sent():
    row = '{"line":"","reason":"malformed_row"}'
    (refusal,) = LOGS.read(post("/api/v1/logs", row.encode())).refused
    assert (refusal.reason, refusal.row) == (DropReason.MALFORMED_ROW, row)
