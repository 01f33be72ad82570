"""Snowplow's published tracker for Python, unchanged but for the collector's address: by POST, by GET, and in trouble."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

EVERY_CALL = """
import os
from snowplow_tracker import Snowplow, EmitterConfiguration, Subject, TrackerConfiguration, SelfDescribingJson
from snowplow_tracker import PageView, PagePing, SelfDescribing, StructuredEvent
subject = Subject().set_user_id("u1").set_domain_user_id("d-1").set_domain_session_id("s-1").set_ip_address("198.51.100.7").set_lang("de")
subject.set_platform("web").set_timezone("Europe/Berlin").set_useragent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
tracker = Snowplow.create_tracker(
    namespace="sp", endpoint=os.environ["DOOR"], method=os.environ["METHOD"], app_id="shop", subject=subject,
    tracker_config=TrackerConfiguration(encode_base64=os.environ["CODED"] == "1"), emitter_config=EmitterConfiguration(batch_size=4),
)
page = SelfDescribingJson("iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0", {"id": "w-1"})
tracker.track(PageView("https://shop.example/cart?utm_source=mail", "Cart", "https://news.example/", context=[page]))
tracker.track(PagePing("https://shop.example/cart", "Cart", min_y=10, max_y=640))
tracker.track(StructuredEvent("shop", "add-to-basket", "red", "pcs", 2.5))
link = SelfDescribingJson("iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1", {"targetUrl": "https://ä.example"})
tracker.track(SelfDescribing(link, true_timestamp=1600000000000))
tracker.flush()
"""
MANY = """
import os, threading
from snowplow_tracker import Snowplow, EmitterConfiguration, StructuredEvent
sent = threading.Semaphore(0)
told = EmitterConfiguration(batch_size=10, on_success=lambda events: sent.release(len(events)))
tracker = Snowplow.create_tracker(namespace="many", endpoint=os.environ["DOOR"], app_id="shop", emitter_config=told)
for number in range(40):
    tracker.track(StructuredEvent("shop", "step", value=number))
for number in range(40):
    if not sent.acquire(timeout=1):
        tracker.flush()
        assert sent.acquire(timeout=60), f"{number} of 40 were sent"
"""


@pytest.mark.parametrize(("method", "coded"), [("post", "1"), ("post", "0"), ("get", "1")])
def test_every_call_arrives_as_it_was_made(door, run_python, method, coded):
    assert run_python(EVERY_CALL, DOOR=door.url, METHOD=method, CODED=coded) == ""
    events = door.events(4)
    assert [event["name"] for event in events] == ["page_view", "page_ping", "add-to-basket", "link_click"]
    assert {(event["user_id"], event["anonymous_id"], event["session_id"], event["source"]) for event in events} == {("u1", "d-1", "s-1", "shop")}
    assert len({event["event_id"] for event in events}) == 4
    view, ping, struct, link = events
    assert (view["url"], view["page"], view["referrer"]) == ("https://shop.example/cart?utm_source=mail", "/cart", "https://news.example/")
    assert (view["utm_source"], view["os"], view["browser"]) == ("mail", "Linux", "Firefox")
    assert view["properties"]["page_title"] == "Cart"
    context = view["properties"]["$context"]
    assert (context["tna"], context["tz"], context["lang"]) == ("sp", "Europe/Berlin", "de")
    assert [one["data"] for one in context["contexts"]] == [{"id": "w-1"}]
    assert (ping["properties"]["y_offset_min"], ping["properties"]["y_offset_max"]) == (10, 640)
    said = {name: struct["properties"][name] for name in ("category", "action", "label", "property", "value")}
    assert said == {"category": "shop", "action": "add-to-basket", "label": "red", "property": "pcs", "value": 2.5}
    assert link["properties"]["targetUrl"] == "https://ä.example"
    assert link["event_time"] == datetime.fromtimestamp(1600000000, UTC)
    waits = [event["received_time"] - event["event_time"] for event in events[:3]]
    assert all(timedelta(0) <= wait < timedelta(minutes=1) for wait in waits), waits
    assert "198.51.100.7" not in str(events)
    assert door.letters() == []


def test_a_tracker_in_trouble_tries_again_and_nothing_arrives_twice(door, gate, run_python):
    way = gate([503, "lose"])
    assert run_python(MANY, DOOR=way.url) == ""
    events = door.events(40)
    assert sorted(event["properties"]["value"] for event in events) == list(range(40))
    assert {event["user_id"] for event in events} == {None}
    assert [status for *_, status in way.seen][:2] == [503, 0]
    assert door.letters() == []


def test_nonsense_is_answered_with_200_and_becomes_a_dead_letter(door):
    path = "/com.snowplowanalytics.snowplow/tp2"
    assert [door.post(path, body)[0] for body in (b"nonsense", b'{"data":[{"e":"??"},{"e":"pv"}]}')] == [200, 200]
    assert sorted(letter["reason"] for letter in door.letters(2)) == ["invalid_field", "malformed_body"]
    assert [event["name"] for event in door.events(1)] == ["page_view"]
