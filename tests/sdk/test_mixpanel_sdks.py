"""Mixpanel's published SDKs, unchanged but for the host: for Python, and for browsers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

HOSTS = """
import os, mixpanel, time
door = os.environ["DOOR"]
hosts = dict(events_url=door + "/track", people_url=door + "/engage", groups_url=door + "/groups", import_url=door + "/import")
"""
EVERY_CALL = (
    HOSTS
    + """
consumer = mixpanel.Consumer(**hosts)
client = mixpanel.Mixpanel("key-1", consumer=consumer)
client.track("w1", "Order Completed", {"price": 9.5, "items": ["ä", None], "time": 1795000000, "$insert_id": "i1", "ip": "198.51.100.7"})
client.track("$device:d-1", "seen", {"$device_id": "d-1"})
mixpanel.Consumer = lambda: consumer  # alias() makes one of its own, which knows no other host
client.alias("w1", "w0")
client.import_data(None, "w1", "long ago", 1600000000, {"$insert_id": "i2"})
client.merge(None, "w1", "w2")
client.people_set("w1", {"plan": "pro"})
client.people_increment("w1", {"visits": 1})
client.people_delete("w1")
client.group_set("company", "acme", {"size": 3})
try:
    client.track("", "nobody")
except mixpanel.MixpanelException as problem:
    print(problem)
account = mixpanel.ServiceAccountCredentials("service", "secret", "7")
mixpanel.Mixpanel("key-1", consumer=type(consumer)(**hosts, credentials=account)).import_data(None, "w1", "by account", 1600000000)
"""
)
BUFFERED = (
    HOSTS
    + """
consumer = mixpanel.BufferedConsumer(max_size=50, **hosts)
client = mixpanel.Mixpanel("key-1", consumer=consumer)
for number in range(40):
    client.track("w1", "step", {"number": number})
for attempt in range(10):
    try:
        consumer.flush()
        break
    except Exception as problem:
        print("again", flush=True)
"""
)


def test_python_every_call_arrives_as_it_was_made(door, run_python):
    assert (
        run_python(EVERY_CALL, DOOR=door.url).strip() == "Mixpanel error: 'properties.distinct_id' is invalid: must be the id of a person or a device"
    )
    events = door.events(10)
    assert [event["name"] for event in events] == [
        "Order Completed", "seen", "$create_alias", "long ago", "$merge", "$engage", "$engage", "$engage", "$groups", "by account"
    ]  # fmt: skip
    assert [event["user_id"] for event in events] == ["w1", None, "w1", "w1", "w1", "w1", "w1", "w1", None, "w1"]
    assert [event["anonymous_id"] for event in events] == [None, "d-1", None, None, None, None, None, None, "$group:company:acme", None]
    assert {event["source"] for event in events} == {"key-1"}
    order, imported = events[0], events[3]
    assert (order["event_id"], order["event_time"]) == ("i1:w1", datetime.fromtimestamp(1795000000, UTC))
    assert imported["event_time"] == datetime.fromtimestamp(1600000000, UTC)
    assert {name: order["properties"][name] for name in ("price", "items", "mp_lib")} == {"price": 9.5, "items": ["ä", None], "mp_lib": "python"}
    assert not {"ip", "token", "$insert_id"} & set(order["properties"])
    assert [event["properties"].get("$set") for event in events[5:9]] == [{"plan": "pro"}, None, None, {"size": 3}]
    assert [letter["reason"] for letter in door.letters(1)] == ["missing_person"]


def test_python_buffers_arrive_once_after_trouble(door, gate, run_python):
    way = gate([503, "lose", (429, {})])
    assert run_python(BUFFERED, DOOR=way.url).splitlines() == ["again"] * 3
    events = door.events(40)
    assert sorted(event["properties"]["number"] for event in events) == list(range(40))
    assert [status for *_, status in way.seen] == [503, 0, 429, 200]
    assert door.letters() == []


IN_BROWSER = """
mixpanel.init('key-1', {api_host: HOST, persistence: 'localStorage', batch_flush_interval_ms: 200, ...OPTIONS});
mixpanel.track_pageview();
mixpanel.track('Order Completed', {price: 9.5, city: 'Ålesund'});
mixpanel.identify('w1');
mixpanel.people.set({plan: 'pro'});
mixpanel.get_group('company', 'acme').set({size: 3});
mixpanel.track('later');
return mixpanel.get_property('$device_id');
"""


def check_browser_events(door, page, device):
    events = door.events(7)
    by_name = {event["name"]: event for event in events}
    # The SDK sets the first referrer of a profile by itself, before the page sets the plan.
    changes = [set(event["properties"]) & {"$set", "$set_once"} for event in events if event["name"] == "$engage"]
    assert sorted(changes, key=sorted) == [{"$set"}, {"$set_once"}]
    assert sorted(by_name) == ["$engage", "$groups", "$identify", "$mp_web_page_view", "Order Completed", "later"]
    assert {name: event["user_id"] for name, event in by_name.items()} == {
        "$engage": "w1", "$groups": None, "$identify": "w1", "$mp_web_page_view": None, "Order Completed": None, "later": "w1"
    }  # fmt: skip
    assert {event["anonymous_id"] for name, event in by_name.items() if name != "$groups"} == {device}
    view = by_name["$mp_web_page_view"]
    assert (view["page"], view["utm_source"]) == ("/cart", "mail")
    assert view["url"] == f"{page.site.url}/cart?utm_source=mail"
    assert by_name["Order Completed"]["properties"]["city"] == "Ålesund"
    assert all(abs(event["event_time"] - event["received_time"]) < timedelta(minutes=1) for event in events)
    assert page.errors == []
    assert door.letters() == []


def mixpanel_page(run_node, browser_page):
    bundle = run_node.bundle("import mixpanel from 'mixpanel-browser'; window.mixpanel = mixpanel;")
    return browser_page(bundle, path="/cart?utm_source=mail")


def test_browser_batches_arrive_from_another_origin(door, run_node, browser_page):
    page = mixpanel_page(run_node, browser_page)
    device = page.run(IN_BROWSER.replace("HOST", repr(door.url)).replace("OPTIONS", "{}"))
    check_browser_events(door, page, device)


def test_browser_json_one_by_one_with_flags_and_settings(door, run_node, browser_page):
    page = mixpanel_page(run_node, browser_page)
    options = "{batch_requests: false, api_payload_format: 'json', flags: true, verbose: true, remote_settings_mode: 'fallback'}"
    device = page.run(IN_BROWSER.replace("HOST", repr(door.url)).replace("OPTIONS", options))
    check_browser_events(door, page, device)
