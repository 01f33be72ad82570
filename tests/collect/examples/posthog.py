"""PostHog's requests: batches of its Python SDK, what the browser SDK sends before and after identify, beacons, bare lists, old GETs."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

from examples_support import RECEIVED_US, Example, get, post

from footfall.event.drop import DropReason

_UUIDS = [f"01995a5e-0000-7000-8000-00000000000{digit}" for digit in range(10)]
_BROWSER = {
    "token": "phc_1",
    "$lib": "web",
    "$os": "Linux",
    "$browser": "Chrome",
    "$device_type": "Desktop",
    "$raw_user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
    "$current_url": "https://shop.example/cart?utm_source=mail",
    "$pathname": "/cart",
    "$referrer": "$direct",
    "$session_id": "s-1",
    "$window_id": "w-1",
    "utm_source": "mail",
}


def _seen(uuid: str, name: str, distinct_id: str, **properties: object) -> dict[str, object]:
    """An event as the browser SDK writes it."""
    said = {"distinct_id": distinct_id, "$device_id": "device-1", **_BROWSER, **properties}
    return {"uuid": uuid, "event": name, "properties": said, "timestamp": "2026-11-22T09:59:58.123Z"}


_PAGE_VIEW = _seen(_UUIDS[0], "$pageview", "device-1", **{"$is_identified": False, "$process_person_profile": False, "$ip": "198.51.100.7"})
_IDENTIFY = _seen(
    _UUIDS[1],
    "$identify",
    "user-1",
    **{"$anon_distinct_id": "device-1", "$is_identified": True, "$user_id": "user-1", "$process_person_profile": True},
) | {"$set": {"plan": "pro", "$ip": "198.51.100.8"}, "$set_once": {"first": "mail"}}
_LATER = _seen(_UUIDS[2], "bought", "user-1", **{"$is_identified": True, "$user_id": "user-1", "price": 9.5})
_BODY = {"api_key": "phc_1", "batch": [_PAGE_VIEW, _IDENTIFY, _LATER], "sent_at": "2026-11-22T09:59:59.000Z"}
_MEANING = {
    "names": ["$pageview", "$identify", "bought"],
    "users": [None, "user-1", "user-1"],
    "anonymous": ["device-1", "device-1", "device-1"],
    "ids": _UUIDS[:3],
    "times": ["2026-11-22T09:59:58.123Z"] * 3,
    "addresses": ["198.51.100.7", "198.51.100.8"],
    "key": "phc_1",
    "answer": {"status": 1},
}

EXAMPLES = [
    Example(
        title="what the browser SDK sends",
        asked=post("/i/v0/e/", _BODY, headers={"Content-Type": "text/plain"}),
        sent="2026-11-22T09:59:59.000Z",
        fields={
            0: {
                "ip": "198.51.100.7",
                "identity": None,
                "session_id": "s-1",
                "url": "https://shop.example/cart?utm_source=mail",
                "page": "/cart",
                "referrer": None,
                "platform": "web",
                "os": "Linux",
                "browser": "Chrome",
                "device": "Desktop",
                "utm_source": "mail",
                "agent": "Mozilla/5.0 (X11; Linux x86_64)",
                "properties": {
                    name: value
                    for name, value in _PAGE_VIEW["properties"].items()  # type: ignore[attr-defined]
                    if name not in ("token", "$ip")
                },
            },
            1: {
                "identity": "identify",
                "previous_id": None,
                "properties": {name: value for name, value in _IDENTIFY["properties"].items() if name != "token"}  # type: ignore[attr-defined]
                | {"$set": {"plan": "pro"}, "$set_once": {"first": "mail"}},
            },
            2: {"identity": None},
        },
        **_MEANING,
    ),
    Example(
        title="the same as a beacon",
        asked=post("/e/", b"data=" + quote(base64.b64encode(json.dumps(_BODY).encode())).encode(), query={"compression": "base64", "beacon": "1"}),
        **_MEANING,
    ),
    Example(title="the same as JSON in a form", asked=post("/e", b"ip=1&data=" + quote(json.dumps(_BODY)).encode()), **_MEANING),
    Example(
        title="the same as a bare list, the time of sending in each event",
        asked=post("/capture/", [event | {"sent_at": "2026-11-22T09:59:59.000Z"} for event in (_PAGE_VIEW, _IDENTIFY, _LATER)]),
        fields={0: {"sent_time": "2026-11-22T09:59:59.000Z"}, 2: {"sent_time": "2026-11-22T09:59:59.000Z"}},
        sent=None,
        **_MEANING,
    ),
    Example(
        title="an old GET",
        asked=get("/e/", query={"data": base64.b64encode(json.dumps(_LATER).encode()).decode(), "_": "1795341599000"}),
        names=["bought"],
        users=["user-1"],
        ids=[_UUIDS[2]],
        times=["2026-11-22T09:59:58.123Z"],
        key="phc_1",
        sent=1_795_341_599_000_000,
    ),
    Example(
        title="a batch of the Python SDK",
        asked=post(
            "/batch/",
            {
                "batch": [
                    {
                        "properties": {"plan": "pro", "$lib": "posthog-python", "$geoip_disable": True, "$is_server": True, "$ip": "198.51.100.9"},
                        "timestamp": "2026-11-22T09:59:58+00:00",
                        "distinct_id": "user-1",
                        "event": "signed up",
                        "uuid": _UUIDS[0],
                    },
                    {
                        "properties": {"distinct_id": "old-1", "alias": "user-1"},
                        "timestamp": "2026-11-22T09:59:58+00:00",
                        "event": "$create_alias",
                        "distinct_id": "old-1",
                        "uuid": _UUIDS[1],
                    },
                    {"event": "$merge_dangerously", "distinct_id": "user-1", "properties": {"alias": "user-2"}, "uuid": _UUIDS[2]},
                    {
                        "event": "$groupidentify",
                        "distinct_id": "user-1",
                        "properties": {"$group_type": "company", "$group_key": "c1", "$group_set": {"size": 3}},
                    },
                    {"event": "$set", "distinct_id": 17, "$set": {"name": "Ann"}, "properties": {}},
                    {"event": "heartbeat", "distinct_id": "0b0e", "properties": {"$process_person_profile": False}},
                    {"event": "$identify", "distinct_id": "undefined", "properties": {"$anon_distinct_id": "anon-1"}},
                    {"event": "$create_alias", "distinct_id": "user-1", "properties": {"alias": "Guest"}},
                ],
                "historical_migration": False,
                "sent_at": "2026-11-22T09:59:59+00:00",
                "api_key": "phc_2",
            },
        ),
        names=["signed up", "$create_alias", "$merge_dangerously", "$groupidentify", "$set", "heartbeat", "$identify", "$create_alias"],
        users=["user-1", "old-1", "user-1", "user-1", "17", None, "undefined", "user-1"],
        anonymous=[None, None, None, None, None, "0b0e", None, None],
        ids=[_UUIDS[0], _UUIDS[1], _UUIDS[2], None, None, None, None, None],
        times=["2026-11-22T09:59:58+00:00", "2026-11-22T09:59:58+00:00", None, None, None, None, None, None],
        key="phc_2",
        sent="2026-11-22T09:59:59+00:00",
        addresses=["198.51.100.9"],
        fields={
            0: {"ip": None, "properties": {"plan": "pro", "$lib": "posthog-python", "$geoip_disable": True, "$is_server": True}},
            1: {"identity": "alias", "previous_id": "user-1"},
            2: {"identity": "merge", "previous_id": "user-2"},
            4: {"properties": {"$set": {"name": "Ann"}}},
            6: {"identity": None},
            7: {"identity": None, "previous_id": None},
        },
    ),
    Example(
        title="times of every kind, and a batch without a slash",
        asked=post(
            "/batch",
            {
                "api_key": "phc_3",
                "batch": [
                    {"event": "a", "distinct_id": "u", "offset": 1_500},
                    {"event": "b", "distinct_id": "u", "timestamp": 1_795_341_590},
                    {"event": "c", "distinct_id": "u", "timestamp": 1_795_341_590_000},
                    {"event": "d", "distinct_id": "u", "timestamp": "2026-11-22T09:59:58Z", "properties": {"$ignore_sent_at": True}},
                    {"event": "e", "distinct_id": "u"},
                ],
            },
        ),
        names=["a", "b", "c", "d", "e"],
        users=["u"] * 5,
        ids=[None] * 5,
        times=[RECEIVED_US - 1_500_000, 1_795_341_590_000_000, 1_795_341_590_000_000, "2026-11-22T09:59:58Z", None],
        key="phc_3",
        sent=None,
        fields={0: {"true_time": True}, 1: {"true_time": False}, 3: {"true_time": True}},
    ),
    Example(
        title="a migration",
        asked=post(
            "/batch/",
            {
                "api_key": "phc_4",
                "historical_migration": True,
                "batch": [{"event": "a", "distinct_id": "u", "timestamp": "2020-01-01T00:00:00Z"}],
                "sent_at": "2026-11-22T09:59:59Z",
            },
        ),
        names=["a"],
        users=["u"],
        ids=[None],
        times=["2020-01-01T00:00:00Z"],
        fields={0: {"true_time": True}},
    ),
    Example(
        title="one event, its key and person in the properties",
        asked=post("/capture/", {"event": "a", "properties": {"token": "phc_5", "distinct_id": "d", "$device_id": "d", "$os": 5}}),
        names=["a"],
        users=[None],
        anonymous=["d"],
        ids=[None],
        times=[None],
        key="phc_5",
        fields={0: {"os": None, "properties": {"distinct_id": "d", "$device_id": "d", "$os": 5}}},
    ),
    Example(
        title="some that nobody could store",
        asked=post(
            "/i/v0/ai/batch/",
            {
                "token": "phc_6",
                "batch": [
                    {"event": 5, "distinct_id": "u"},
                    {"event": "a", "distinct_id": "u"},
                    {"event": "", "distinct_id": "u"},
                    {"event": "b"},
                    {"event": "c", "distinct_id": "u", "properties": [1]},
                    {"event": "d", "distinct_id": "u", "timestamp": -5},
                    None,
                ],
            },
        ),
        names=["a"],
        users=["u"],
        ids=[None],
        times=[None],
        key="phc_6",
        refused=[
            (0, DropReason.MALFORMED_EVENT),
            (2, DropReason.MISSING_NAME),
            (3, DropReason.MISSING_PERSON),
            (4, DropReason.INVALID_FIELD),
            (5, DropReason.INVALID_TIME),
            (6, DropReason.MALFORMED_EVENT),
        ],
    ),
]
