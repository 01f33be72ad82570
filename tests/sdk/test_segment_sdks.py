"""The published SDKs that speak Segment's words, unchanged but for the host: Segment for Python and Node, RudderStack, Jitsu in Node and a browser."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

WHEN = datetime(2026, 11, 20, 8, 30, 15, 123000, tzinfo=UTC)

# Every call of the two Python SDKs, which share their signatures.  {0} is the module's name.
EVERY_CALL = """
import datetime, os
from {0} import Client
when = datetime.datetime.fromisoformat(os.environ["WHEN"])
client = Client(os.environ["KEY"], host=os.environ["DOOR"], on_error=lambda error, items: print("ERROR", error), {1})
client.identify("u1", {{"plan": "pro", "seats": 3}}, timestamp=when, anonymous_id="a1", message_id="m0")
client.track("u1", "Order Completed", {{"price": 9.5, "items": ["ä", None], "at": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)}},
             context={{"ip": "198.51.100.7", "page": {{"url": "https://shop.example/cart?a=1", "path": "/cart", "referrer": "https://news.example/"}},
                      "campaign": {{"source": "mail", "medium": "letter", "name": "autumn", "term": "x"}}}},
             timestamp=when, anonymous_id="a1", message_id="m1")
client.page("u1", "Docs", "Home", {{"path": "/home"}}, timestamp=when, message_id="m2")
client.screen("u1", "Settings", "Privacy", {{"dark": True}}, timestamp=when, message_id="m3")
client.group("u1", "g1", {{"size": 12}}, timestamp=when, message_id="m4")
client.alias("a0", "u1", timestamp=when, message_id="m5")
client.track(anonymous_id="a2", event="no time", message_id="m6")
client.flush()
client.join()
"""

MANY = """
import os, sys, time
from {0} import Client
client = Client(os.environ["KEY"], host=os.environ["DOOR"], on_error=lambda error, items: print("ERROR", error), upload_size=10, upload_interval=0.2, {1})
for number in range(int(os.environ["COUNT"])):
    client.track("u1", "step", {{"number": number}}, message_id=f"m{{number}}")
print("queued", flush=True)
client.flush()
client.join()
"""

PYTHON_SDKS = pytest.mark.parametrize(
    ("module", "options"),
    [("segment.analytics.client", "gzip=True"), ("segment.analytics.client", ""), ("rudderstack.analytics.client", "")],
    ids=["segment-gzip", "segment", "rudder"],
)


def properties_of(event):
    return {name: value for name, value in event["properties"].items() if name != "$context"}


def numbers_of(events):
    return sorted(event["properties"]["number"] for event in events)


@PYTHON_SDKS
def test_python_sdks_every_call_arrives_as_it_was_made(door, gate, run_python, module, options):
    way = gate()
    assert run_python(EVERY_CALL.format(module, options), KEY=door.key, DOOR=way.url, WHEN=WHEN.isoformat()) == ""
    packed = "gzip" in options or module.startswith("rudder")
    assert all((body[:2] == b"\x1f\x8b") == packed for body in way.bodies)
    events = door.events(7)
    assert [event["name"] for event in events] == ["identify", "Order Completed", "page_view", "screen_view", "group", "alias", "no time"]
    assert [event["event_id"] for event in events] == [f"m{number}" for number in range(7)]
    assert [event["user_id"] for event in events] == ["u1"] * 6 + [None]
    assert [event["anonymous_id"] for event in events] == ["a1", "a1", None, None, None, None, "a2"]
    assert [event["person_id"] for event in events] == ["u1"] * 6 + ["a2"]
    assert {event["source"] for event in events} == {door.key}
    assert [event["client_time"] for event in events[:6]] == [WHEN] * 6
    # The SDK's clock is this machine's, so the correction is the time on the way alone.
    assert all(timedelta(0) <= event["event_time"] - event["client_time"] < timedelta(minutes=1) for event in events)
    assert all(event["client_time"] <= event["sent_time"] <= event["received_time"] for event in events)
    assert [properties_of(event) for event in events[:6]] == [
        {"plan": "pro", "seats": 3},
        {"price": 9.5, "items": ["ä", None], "at": "2026-01-02T00:00:00+00:00"},
        {"category": "Docs", "name": "Home", "path": "/home"},
        {"category": "Settings", "name": "Privacy", "dark": True},
        {"groupId": "g1", "size": 12},
        {},
    ]
    order = events[1]
    assert (order["url"], order["page"], order["referrer"]) == ("https://shop.example/cart?a=1", "/cart", "https://news.example/")
    assert (order["utm_source"], order["utm_medium"], order["utm_campaign"]) == ("mail", "letter", "autumn")
    context = order["properties"]["$context"]
    assert context["library"]["name"] == "analytics-python"
    assert context["campaign"]["term"] == "x"
    assert "ip" not in context
    assert door.letters() == []


@PYTHON_SDKS
def test_python_sdks_try_again_until_the_door_has_it(door, gate, run_python, module, options):
    way = gate([503, (429, {"Retry-After": "1"}), "lose"])
    program = run_python.start(MANY.format(module, options), KEY=door.key, DOOR=way.url, COUNT="25")
    assert program.line() == "queued"
    assert "ERROR" not in program.finish()
    assert numbers_of(door.events(25)) == list(range(25))
    assert [status for _, _, status in way.seen][:3] == [503, 429, 0]
    assert door.letters() == []


@PYTHON_SDKS
def test_python_sdks_outlive_a_door_that_is_away(door, run_python, module, options):
    door.kill()
    program = run_python.start(MANY.format(module, options), KEY=door.key, DOOR=door.url, COUNT="25")
    assert program.line() == "queued"
    door.start()
    assert "ERROR" not in program.finish()
    assert numbers_of(door.events(25)) == list(range(25))


def test_python_sdks_large_batches_arrive_whole(door, run_python):
    program = MANY.format("segment.analytics.client", "gzip=True, max_queue_size=2000").replace("upload_size=10", "upload_size=100")
    run_python(program, KEY=door.key, DOOR=door.url, COUNT="1500")
    assert numbers_of(door.events(1500)) == list(range(1500))


SEGMENT_NODE = """
import {Analytics} from '@segment/analytics-node';
const analytics = new Analytics({writeKey: process.env.KEY, host: process.env.DOOR, flushAt: 3, flushInterval: 100, maxRetries: 10});
analytics.on('error', (problem) => console.log('ERROR', problem.code, problem.reason));
const timestamp = new Date(process.env.WHEN);
const context = {page: {url: 'https://shop.example/cart', path: '/cart'}, userAgent: 'Mozilla/5.0 (X11; Linux x86_64)', ip: '198.51.100.7'};
analytics.identify({userId: 'u1', anonymousId: 'a1', traits: {plan: 'pro'}, timestamp, messageId: 'm0'});
analytics.track({userId: 'u1', event: 'Order Completed', properties: {price: 9.5, items: ['ä', null]}, context, timestamp, messageId: 'm1'});
analytics.page({userId: 'u1', category: 'Docs', name: 'Home', properties: {path: '/home'}, timestamp, messageId: 'm2'});
analytics.screen({userId: 'u1', category: 'Settings', name: 'Privacy', properties: {dark: true}, timestamp, messageId: 'm3'});
analytics.group({userId: 'u1', groupId: 'g1', traits: {size: 12}, timestamp, messageId: 'm4'});
analytics.alias({userId: 'u1', previousId: 'a0', timestamp, messageId: 'm5'});
analytics.track({anonymousId: 'a2', event: 'no time', messageId: 'm6'});
await analytics.closeAndFlush({timeout: 60000});
"""


@pytest.mark.parametrize("answers", [[], [503, (429, {"Retry-After": "1"}), "lose"]], ids=["quiet", "trouble"])
def test_segment_for_node_every_call_arrives_as_it_was_made(door, gate, run_node, answers):
    way = gate(answers)
    assert run_node(SEGMENT_NODE, KEY=door.key, DOOR=way.url, WHEN=WHEN.isoformat()) == ""
    events = sorted(door.events(7), key=lambda event: event["event_id"])  # batches that are tried again overtake each other
    assert [event["name"] for event in events] == ["identify", "Order Completed", "page_view", "screen_view", "group", "alias", "no time"]
    assert [event["event_id"] for event in events] == [f"m{number}" for number in range(7)]
    assert [event["user_id"] for event in events] == ["u1"] * 6 + [None]
    assert [event["client_time"] for event in events[:6]] == [WHEN] * 6
    assert [properties_of(event) for event in events] == [
        {"plan": "pro"},
        {"price": 9.5, "items": ["ä", None]},
        {"category": "Docs", "name": "Home", "path": "/home"},
        {"category": "Settings", "name": "Privacy", "dark": True},
        {"groupId": "g1", "size": 12},
        {},
        {},
    ]
    order = events[1]
    assert (order["url"], order["page"]) == ("https://shop.example/cart", "/cart")
    assert order["os"] == "Linux"
    assert "ip" not in order["properties"]["$context"]
    assert door.letters() == []


JITSU = """
const jitsu = jitsuAnalytics({host: HOST, writeKey: 'id1:secret', %s});
await jitsu.identify('u1', {plan: 'pro'});
await jitsu.track('Order Completed', {price: 9.5, items: ['ä', null]});
await jitsu.page({name: 'Home', section: 'shop'});
await jitsu.group('g1', {size: 12});
"""


def test_jitsu_in_node_every_call_arrives(door, run_node):
    script = "import sdk from '@jitsu/js'; const {jitsuAnalytics} = sdk; const HOST = process.env.DOOR;" + JITSU % "s2s: true"
    run_node(script, DOOR=door.url)
    events = door.events(4)
    assert [event["name"] for event in events] == ["identify", "Order Completed", "page_view", "group"]
    assert [event["user_id"] for event in events] == ["u1"] * 4
    assert {event["source"] for event in events} == {"id1"}
    assert len({event["event_id"] for event in events}) == 4
    assert [properties_of(event) for event in events[:2]] == [{"plan": "pro"}, {"price": 9.5, "items": ["ä", None]}]
    assert events[2]["properties"]["section"] == "shop"
    assert properties_of(events[3]) == {"groupId": "g1", "size": 12}
    assert events[1]["properties"]["$context"]["library"]["name"] == "@jitsu/js"
    assert door.letters() == []


def test_jitsu_in_a_browser_every_call_arrives_from_another_origin(door, run_node, browser_page):
    bundle = run_node.bundle("import {jitsuAnalytics} from '@jitsu/js'; window.jitsuAnalytics = jitsuAnalytics;")
    page = browser_page(bundle, path="/cart?utm_source=mail&utm_medium=letter&utm_campaign=autumn")
    page.run(f"const HOST = '{door.url}'; const jitsuAnalytics = window.jitsuAnalytics;" + JITSU % "privacy: {ipPolicy: 'remove'}")
    events = door.events(4)
    assert page.errors == []
    assert [event["name"] for event in events] == ["identify", "Order Completed", "page_view", "group"]
    assert [event["user_id"] for event in events] == ["u1"] * 4
    assert len({event["anonymous_id"] for event in events}) == 1
    assert events[0]["anonymous_id"] in {cookie["value"] for cookie in page.cookies}
    view = events[2]
    assert view["url"].startswith(page.site.url + "/cart")
    assert view["page"] == "/cart"
    assert (view["utm_source"], view["utm_medium"], view["utm_campaign"]) == ("mail", "letter", "autumn")
    assert view["properties"]["section"] == "shop"
    sent = [json.loads(request["body"]) for request in page.requests if request["method"] == "POST"]
    assert [event["client_time"] for event in events] == [datetime.fromisoformat(body["timestamp"]) for body in sent]
    assert [event["event_id"] for event in events] == [body["messageId"] for body in sent]
    assert door.letters() == []


def test_bodies_of_the_sdks_can_be_read_twice(door, gate, run_python):
    """The same requests once more change nothing: every event is a duplicate."""
    way = gate()
    run_python(EVERY_CALL.format("rudderstack.analytics.client", ""), KEY=door.key, DOOR=way.url, WHEN=WHEN.isoformat())
    first = door.events(7)
    key = {"Authorization": "Basic " + base64.b64encode(f"{door.key}:".encode()).decode()}
    for body in way.bodies:
        assert door.post("/v1/batch", gzip.decompress(body), key) == (200, b'{"success":true}')
    assert door.post("/v1/track", '{"event":"end","userId":"u1","messageId":"end"}', key)[0] == 200
    assert [event["event_id"] for event in door.events(8)] == [*(event["event_id"] for event in first), "end"]
