"""Snowplow: the visitor's cookie, answers to nonsense, and numbers and times that are written as text."""

from __future__ import annotations

import re
import uuid

import pytest
from examples_support import get, post
from hypothesis import given
from hypothesis import strategies as st

from footfall.collect.protocols.snowplow import Snowplow, _number
from footfall.collect.wire.contract import BadRequest, Outcome, Problem
from footfall.collect.wire.pixel import GIF

SNOWPLOW = Snowplow()
TP2 = "/com.snowplowanalytics.snowplow/tp2"
COOKIE = re.compile(r"sp=([0-9a-f-]{36}); Max-Age=31536000; Path=/; SameSite=None; Secure; HttpOnly")


def answered(asked):
    batch = SNOWPLOW.read(asked)
    return batch, SNOWPLOW.answer(asked, Outcome(batch))


def pageview(headers=None):
    return post(TP2, {"schema": "x", "data": [{"e": "pv"}]}, headers=headers)


def cookie_of(answer):
    return dict(answer.headers).get(b"set-cookie", b"").decode()


@pytest.mark.parametrize("asked", [pageview(), get("/i", query={"e": "pv"})], ids=["post", "pixel"])
def test_a_new_visitor_gets_a_cookie_and_is_that_cookie(asked):
    batch, answer = answered(asked)
    given_id = COOKIE.fullmatch(cookie_of(answer))[1]
    assert str(uuid.UUID(given_id)) == given_id
    assert [event.anonymous_id for event in SNOWPLOW.events(batch)] == [given_id]
    assert answered(asked)[0].extra != given_id


def test_a_known_visitor_keeps_the_cookie():
    known = "5d79770b-015b-4af8-8c91-b2ed6faf4b1e"
    assert COOKIE.fullmatch(cookie_of(answered(pageview({"Cookie": f"x=1;sp={known}; y=2"}))[1]))[1] == known


@pytest.mark.parametrize("cookie", ["ssp=a", "sp=", "sp=%0d%0aSet-Cookie:x", "sp=<script>"])
def test_what_is_no_cookie_of_ours_is_not_sent_back(cookie):
    assert COOKIE.fullmatch(cookie_of(answered(pageview({"Cookie": cookie}))[1])) is not None


def test_who_asked_to_be_nobody_gets_no_cookie():
    assert cookie_of(answered(pageview({"SP-Anonymous": "*"}))[1]) == ""


def test_a_pixel_is_a_picture():
    batch, answer = answered(get("/i", query={"nothing": "at all"}))
    assert (answer.status, answer.body, dict(answer.headers)[b"content-type"]) == (200, GIF, b"image/gif")
    assert [refusal.field for refusal in batch.refused] == ["e"]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"data":[]}', b'{"data":{}}', b"[]", b"\xff", b"[" * 50_000])
def test_a_post_without_events_is_refused_whole_and_answered_with_200(body):
    with pytest.raises(BadRequest) as caught:
        SNOWPLOW.read(post(TP2, body))
    problem = Problem(caught.value.status, caught.value.reason.value, caught.value.sentence)
    assert SNOWPLOW.refuse(post(TP2, body), problem).status == 200


@pytest.mark.parametrize(
    ("status", "told"), [(400, 200), (413, 200), (415, 200), (401, 401), (403, 403), (429, 429), (503, 503)]
)  # trackers send again unless it is 400, 401, 403, 410, 422 or a success
def test_only_what_helps_is_answered_with_an_error(status, told):
    problem = Problem(status, "code", "a sentence", retry_after_s=5)
    assert SNOWPLOW.refuse(post(TP2, b""), problem).status == told
    picture = SNOWPLOW.refuse(get("/i"), problem)
    assert (picture.status, picture.body) == (told, GIF)


def test_a_pixel_of_countly_is_left_to_it():
    route = next(route for route in SNOWPLOW.routes if route.path == "/i")
    assert route.when(get("/i", query={"e": "pv"}))
    assert not route.when(get("/i", query={"app_key": "k", "device_id": "d"}))


@given(st.integers(-(1 << 60), 1 << 60) | st.floats())
def test_numbers_that_are_text(number):
    read = _number(repr(number))
    if isinstance(number, float) and number - number != 0:
        assert read == repr(number)
    else:
        assert read == float(number)


@pytest.mark.parametrize("dtm", ["-1", "nan", "inf", "1e300", "x", " "])
def test_what_is_no_time(dtm):
    batch = SNOWPLOW.read(post(TP2, {"data": [{"e": "pv", "dtm": dtm}]}))
    assert [refusal.field for refusal in batch.refused] == ["dtm"]


@pytest.mark.parametrize(("dtm", "stm", "sent_us"), [("1999", "1000", 1_999_000), ("1000", "1999", 1_999_000), (None, "1000", 1_000_000)])
def test_nothing_is_sent_before_it_happened(dtm, stm, sent_us):
    params = {"e": "pv", "stm": stm} | ({"dtm": dtm} if dtm else {})
    assert SNOWPLOW.events(SNOWPLOW.read(post(TP2, {"data": [params]})))[0].sent_time == sent_us
