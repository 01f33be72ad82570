"""Amplitude's published Python SDK, unchanged but for the host."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

WHEN = datetime(2026, 11, 20, 8, 30, 15, 123000, tzinfo=UTC)

PATHS = pytest.mark.parametrize("path", ["/2/httpapi", "/batch"])

BEGIN = """
import logging, os, time
from amplitude import Amplitude, BaseEvent, Config, EventOptions, Identify, Revenue
logging.basicConfig(level=logging.WARNING)
told = []
def tell(event, code, message=None):
    told.append(code)
    if code != 200:
        print("TOLD", event.event_type, code, message)
client = Amplitude(os.environ["KEY"], Config(server_url=os.environ["DOOR"] + os.environ["URL_PATH"], flush_interval_millis=100, flush_queue_size=5,
                                   callback=tell, {}))
def finish(count):
    for _ in range(1200):
        if len(told) >= count:
            break
        client.flush()
        time.sleep(0.05)
    client.shutdown()
    print("finished", len(told), set(told))
"""

EVERY_CALL = (
    BEGIN.format("")
    + """
when = int(os.environ["WHEN"])
known = {"user_id": "user-1", "device_id": "device-1", "time": when}
client.track(BaseEvent("page viewed", device_id="device-1", time=when, insert_id="i0", event_properties={"price": 9.5, "items": ["ä", 1]},
                       session_id=1795341500000, platform="Web", os_name="Linux", country="NZ", region="Otago", city="Dunedin",
                       ip="198.51.100.7", language="en", app_version="1.2"))
client.identify(Identify().set("plan", "pro").add("visits", 1), EventOptions(**known, insert_id="i1"))
client.group_identify("company", "c1", Identify().set("size", 12), EventOptions(**known, insert_id="i2"))
client.set_group("company", "c1", EventOptions(**known, insert_id="i3"))
client.revenue(Revenue(3.99, 2, product_id="p1"), EventOptions(**known, insert_id="i4"))
client.track(BaseEvent("no time", user_id="user-1"))
finish(6)
"""
)

MANY = (
    BEGIN.format("")
    + """
for number in range(35):
    client.track(BaseEvent("step", user_id="user-1", event_properties={"number": number}))
finish(35)
"""
)


def text_of(when):
    return str(int(when.timestamp() * 1_000))


@PATHS
def test_python_every_call_arrives_as_it_was_made(door, run_python, path):
    assert run_python(EVERY_CALL, DOOR=door.url, KEY=door.key, URL_PATH=path, WHEN=text_of(WHEN)) == "finished 6 {200}\n"
    events = sorted(door.events(6), key=lambda event: event["event_id"] if event["name"] != "no time" else "z")
    assert [event["name"] for event in events] == ["page viewed", "$identify", "$groupidentify", "$identify", "revenue_amount", "no time"]
    assert [event["event_id"] for event in events[:5]] == ["i0", "i1", "i2", "i3", "i4"]
    assert [event["user_id"] for event in events] == [None, *["user-1"] * 5]
    assert [event["anonymous_id"] for event in events] == [*["device-1"] * 5, None]
    assert [event["event_time"] for event in events[:5]] == [WHEN] * 5
    assert {event["source"] for event in events} == {door.key}
    view = events[0]
    assert (view["session_id"], view["platform"], view["os"]) == ("1795341500000", "Web", "Linux")
    assert (view["country"], view["region"], view["city"]) == ("NZ", "Otago", "Dunedin")
    context = {"app_version": "1.2", "language": "en", "library": "amplitude-python/1.3.0"}
    assert view["properties"] == {"price": 9.5, "items": ["ä", 1], "$context": context}
    assert events[1]["properties"]["user_properties"] == {"$set": {"plan": "pro"}, "$add": {"visits": 1}}
    assert (events[2]["properties"]["groups"], events[2]["properties"]["group_properties"]) == ({"company": "c1"}, {"$set": {"size": 12}})
    assert (events[3]["properties"]["groups"], events[3]["properties"]["user_properties"]) == ({"company": "c1"}, {"$set": {"company": "c1"}})
    assert {name: events[4]["properties"][name] for name in ("$price", "$quantity", "$productId")} == {
        "$price": 3.99,
        "$quantity": 2,
        "$productId": "p1",
    }
    assert "198.51.100.7" not in str(events)
    assert door.letters() == []


@PATHS
def test_python_tries_again_until_the_door_has_it(door, gate, run_python, path):
    way = gate([503, (429, {"Retry-After": "1"}), 503])
    assert run_python(MANY, DOOR=way.url, KEY=door.key, URL_PATH=path).endswith("finished 35 {200}\n")
    assert sorted(event["properties"]["number"] for event in door.events(35)) == list(range(35))
    assert sorted(status for _, _, status in way.seen if status != 200) == [429, 503, 503]
    assert door.letters() == []


def test_python_an_answer_that_is_lost_loses_no_event(door, gate, run_python):
    """The SDK gives up on a connection that breaks; the door had stored what came over it."""
    way = gate(["lose"])
    program = BEGIN.format("") + 'client.track(BaseEvent("kept", user_id="user-1", insert_id="i0"))\nclient.flush()\nclient.shutdown()\n'
    run_python(program, DOOR=way.url, KEY=door.key, URL_PATH="/batch")
    assert [event["event_id"] for event in door.events(1)] == ["i0"]


def test_python_ids_too_short_become_dead_letters_and_the_rest_is_stored(door, run_python):
    program = BEGIN.format("") + (
        'client.track(BaseEvent("good", user_id="user-1", insert_id="i0"))\nclient.track(BaseEvent("bad", user_id="u", insert_id="i1"))\nfinish(2)\n'
    )
    assert run_python(program, DOOR=door.url, KEY=door.key, URL_PATH="/batch") == "finished 2 {200}\n"
    assert [event["name"] for event in door.events(1)] == ["good"]
    assert [(letter["reason"], "min_id_length" in letter["detail"]) for letter in door.letters(1)] == [("invalid_field", True)]


def test_python_shorter_ids_where_the_project_says_so(door, run_python):
    program = BEGIN.format("min_id_length=1") + 'client.track(BaseEvent("good", user_id="u", insert_id="i1"))\nfinish(1)\n'
    assert run_python(program, DOOR=door.url, KEY=door.key, URL_PATH="/2/httpapi") == "finished 1 {200}\n"
    assert [event["user_id"] for event in door.events(1)] == ["u"]


def test_python_is_told_that_its_key_is_wrong(start_door, run_python):
    """With keys, a stranger's events are neither stored nor sent again."""
    door = start_door()
    footfall = Path(sys.executable).parent / "footfall"
    subprocess.run([footfall, "-C", str(door.project), "keys", "add", "shop", "--key", "key-2"], check=True, capture_output=True)
    program = BEGIN.format("") + 'client.track(BaseEvent("{}", user_id="user-1"))\nclient.flush()\nclient.shutdown()\n'
    stranger = run_python.start(program.replace("{}", "lost"), DOOR=door.url, KEY="key-1", URL_PATH="/2/httpapi")
    stranger.finish()
    assert "Invalid API Key" in stranger.complaints
    run_python(program.replace("{}", "kept"), DOOR=door.url, KEY="key-2", URL_PATH="/2/httpapi")
    assert [(event["name"], event["source"]) for event in door.events(1)] == [("kept", "shop")]
    assert door.letters() == []
