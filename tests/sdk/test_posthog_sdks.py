"""PostHog's published SDKs, unchanged but for the host: Python in both capture modes, and posthog-js in a browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

WHEN = datetime(2026, 11, 20, 8, 30, 15, 123000, tzinfo=UTC)
UUID = "01995a5e-0000-7000-8000-00000000000{}"

MODES = pytest.mark.parametrize(
    "options",
    ["gzip=True", "", "capture_mode='v1'", "capture_mode='v1', capture_compression='gzip'", "capture_mode='v1', capture_compression='deflate'"],
    ids=["V0-gzip", "V0", "V1", "V1-gzip", "V1-deflate"],
)

EVERY_CALL = """
import datetime, os
from posthog import Posthog
when = datetime.datetime.fromisoformat(os.environ["WHEN"])
client = Posthog(os.environ["KEY"], host=os.environ["DOOR"], on_error=lambda error, items: print("ERROR", error), flush_at=4, flush_interval=0.2, {})
uuid = "01995a5e-0000-7000-8000-00000000000{{}}".format
client.capture("bought", distinct_id="user-1", properties={{"price": 9.5, "items": ["ä", None], "$session_id": "s-1"}}, groups={{"company": "c1"}},
               timestamp=when, uuid=uuid(0))
client.capture("$pageview", distinct_id="user-1", properties={{"$current_url": "https://shop.example/cart", "$ip": "198.51.100.7"}},
               timestamp=when, uuid=uuid(1))
client.set(distinct_id="user-1", properties={{"plan": "pro"}}, timestamp=when, uuid=uuid(2))
client.set_once(distinct_id="user-1", properties={{"first": "mail"}}, timestamp=when, uuid=uuid(3))
client.alias("device-1", "user-1", timestamp=when, uuid=uuid(4))
client.group_identify("company", "c1", {{"size": 12}}, timestamp=when, uuid=uuid(5), distinct_id="user-1")
client.capture("nobody's", timestamp=when, uuid=uuid(6))
client.capture("no time", distinct_id="user-1", uuid=uuid(7))
client.flush()
client.shutdown()
"""

MANY = """
import os
from posthog import Posthog
client = Posthog(os.environ["KEY"], host=os.environ["DOOR"], on_error=lambda error, items: print("ERROR", error), flush_at=10, flush_interval=0.2,
                 max_retries=6, {})
for number in range(int(os.environ["COUNT"])):
    client.capture("step", distinct_id="user-1", properties={{"number": number}})
client.flush()
client.shutdown()
"""


def of_the_caller(event):
    """The properties without what the SDK adds of itself."""
    own = ("$lib", "$lib_version", "$python_runtime", "$python_version", "$os", "$os_version", "$os_distro", "$is_server", "$geoip_disable")
    return {name: value for name, value in event["properties"].items() if name not in own}


@MODES
def test_python_every_call_arrives_as_it_was_made(door, gate, run_python, options):
    way = gate()
    assert run_python(EVERY_CALL.format(options), KEY=door.key, DOOR=way.url, WHEN=WHEN.isoformat()) == ""
    assert {path for _, path, _ in way.seen} == {"/i/v1/analytics/events" if "v1" in options else "/batch/"}
    assert {body[:1] for body in way.bodies} == {b"\x1f" if "gzip" in options else b"x" if "deflate" in options else b"{"}
    events = door.events(8)
    names = ["bought", "$pageview", "$set", "$set_once", "$create_alias", "$groupidentify", "nobody's", "no time"]
    assert [event["name"] for event in events] == names
    assert [event["event_id"] for event in events] == [UUID.format(number) for number in range(8)]
    assert [event["user_id"] for event in events] == ["user-1"] * 4 + ["device-1", "user-1", None, "user-1"]
    assert [event["anonymous_id"] is not None for event in events] == [False] * 6 + [True, False]
    assert {event["source"] for event in events} == {door.key}
    assert [event["client_time"] for event in events[:7]] == [WHEN] * 7
    assert all(timedelta(0) <= event["event_time"] - event["client_time"] < timedelta(minutes=1) for event in events)
    assert all(event["client_time"] <= event["sent_time"] <= event["received_time"] for event in events)
    assert of_the_caller(events[0]) == {"price": 9.5, "items": ["ä", None], "$groups": {"company": "c1"}} | (
        {} if "v1" in options else {"$session_id": "s-1"}
    )
    assert events[0]["session_id"] == "s-1"
    assert events[1]["url"] == "https://shop.example/cart"
    assert events[2]["properties"]["$set"] == {"plan": "pro"}
    assert events[3]["properties"]["$set_once"] == {"first": "mail"}
    assert events[4]["properties"]["alias"] == "user-1"
    assert {name: events[5]["properties"][name] for name in ("$group_type", "$group_key", "$group_set")} == {
        "$group_type": "company",
        "$group_key": "c1",
        "$group_set": {"size": 12},
    }
    assert {event["properties"]["$lib"] for event in events} == {"posthog-python"}
    assert "198.51.100.7" not in str(events)
    assert door.letters() == []


@MODES
def test_python_tries_again_until_the_door_has_it(door, gate, run_python, options):
    way = gate([503, (429, {"Retry-After": "1"}), "lose"])
    assert "ERROR" not in run_python(MANY.format(options), KEY=door.key, DOOR=way.url, COUNT="35")
    assert sorted(event["properties"]["number"] for event in door.events(35)) == list(range(35))
    assert [status for _, _, status in way.seen][:3] == [503, 429, 0]
    assert door.letters() == []


def test_python_is_told_what_was_dropped_and_the_rest_is_stored(door, run_python):
    program = """
import os
from posthog import Posthog
def blank(message):
    if message["event"] == "bad":
        message["distinct_id"] = ""
    return message
client = Posthog(os.environ["KEY"], host=os.environ["DOOR"], on_error=lambda error, items: print(error.drops), capture_mode="v1", before_send=blank)
client.capture("good", distinct_id="user-1")
client.capture("bad", distinct_id="user-1", uuid="01995a5e-0000-7000-8000-000000000001")
client.shutdown()
"""
    told = run_python(program, KEY=door.key, DOOR=door.url)
    assert told.strip() == "[('01995a5e-0000-7000-8000-000000000001', 'missing_person: distinct_id has no value')]"
    assert [event["name"] for event in door.events(1)] == ["good"]
    assert [letter["reason"] for letter in door.letters(1)] == ["missing_person"]


# Chromium without a screen is a bot to posthog-js, which then says nothing; the option is PostHog's own for such tests.
START = """
posthog.init('phc_1', {api_host: '%s', opt_out_useragent_filter: true, %s});
await new Promise((done) => setTimeout(done, 0));
"""


@pytest.fixture
def posthog_page(run_node, browser_page):
    bundle = run_node.bundle("import posthog from 'posthog-js'; window.posthog = posthog;")

    def start(url, options=""):
        page = browser_page(bundle, path="/cart?utm_source=mail&utm_medium=letter&utm_campaign=autumn")
        page.run(START % (url, options))
        return page

    return start


def test_browser_every_call_arrives_as_it_was_made(door, posthog_page):
    page = posthog_page(door.url, "autocapture: false, capture_pageleave: false")
    page.run("posthog.capture('bought', {price: 9.5, items: ['ä', null]});")
    device = page.run("return posthog.get_distinct_id();")
    page.run(
        "posthog.identify('user-1', {plan: 'pro'}, {first: 'mail'}); posthog.group('company', 'c1', {size: 12});"
        "posthog.capture('later'); posthog.alias('user-one'); posthog.setPersonProperties({plan: 'max'});"
    )
    # Identify does not wait for the others; their UUIDs are in the order of the calls.
    events = sorted(door.events(7), key=lambda event: event["event_id"])
    by_name = {event["name"]: event for event in events}
    assert [event["name"] for event in events] == ["$pageview", "bought", "$identify", "$groupidentify", "later", "$create_alias", "$set"]
    assert [event["user_id"] for event in events] == [None, None, *["user-1"] * 5]
    assert [event["anonymous_id"] for event in events] == [device] * 5 + [None, device]
    assert len({event["event_id"] for event in events}) == 7
    assert len({event["session_id"] for event in events}) == 1
    assert {event["source"] for event in events} == {"phc_1"}
    assert all(abs(event["event_time"] - event["received_time"]) < timedelta(minutes=1) for event in events)
    assert all(event["client_time"] <= event["sent_time"] for event in events)
    view = by_name["$pageview"]
    assert (view["url"], view["page"]) == (f"{page.site.url}/cart?utm_source=mail&utm_medium=letter&utm_campaign=autumn", "/cart")
    assert (view["utm_source"], view["utm_medium"], view["utm_campaign"]) == ("mail", "letter", "autumn")
    assert (view["platform"], view["os"]) == ("web", "Linux")
    assert (by_name["bought"]["properties"]["price"], by_name["bought"]["properties"]["items"]) == (9.5, ["ä", None])
    assert by_name["$identify"]["properties"]["$set"] == {"plan": "pro"}
    assert by_name["$identify"]["properties"]["$set_once"]["first"] == "mail"
    assert by_name["later"]["properties"]["$groups"] == {"company": "c1"}
    assert by_name["$create_alias"]["properties"]["alias"] == "user-one"
    assert all("token" not in event["properties"] for event in events)
    assert page.errors == []
    assert door.letters() == []


def test_browser_last_words_of_a_page_arrive(door, posthog_page):
    page = posthog_page(
        door.url, "autocapture: false, capture_pageview: false, capture_pageleave: true, request_queue_config: {flush_interval_ms: 5000}"
    )
    page.run("posthog.capture('one'); posthog.capture('two');")
    page.leave()
    assert [event["name"] for event in door.events(3)] == ["one", "two", "$pageleave"]
    assert door.letters() == []


@pytest.mark.parametrize("compression", ["", "disable_compression: true,"], ids=["packed", "plain"])
def test_browser_tries_again_until_the_door_has_it(door, gate, posthog_page, compression):
    way = gate([503, "lose"])
    page = posthog_page(way.url, f"autocapture: false, capture_pageview: false, capture_pageleave: false, {compression}")
    page.run("for (let number = 0; number < 5; number++) posthog.capture('step', {number});")
    assert sorted(event["properties"]["number"] for event in door.events(5)) == list(range(5))
    assert [status for method, _, status in way.seen if method == "POST"][:2] == [503, 0]
    assert door.letters() == []
