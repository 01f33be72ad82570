"""Amplitude's requests: batches of its Python and browser SDKs, identify in a form, ids that are none."""

from __future__ import annotations

import json
from urllib.parse import quote

from examples_support import RECEIVED_US, Example, post

from footfall.event.drop import DropReason

_TIME_MS = 1_795_341_590_123
_BROWSER = {
    "device_id": "device-1",
    "session_id": 1_795_341_500_000,
    "time": _TIME_MS,
    "platform": "Web",
    "language": "en-US",
    "ip": "$remote",
    "library": "amplitude-ts/2.11.1",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
}

EXAMPLES = [
    Example(
        title="a batch of the browser SDK",
        asked=post(
            "/2/httpapi",
            {
                "api_key": "key-1",
                "events": [
                    {
                        **_BROWSER,
                        "event_type": "[Amplitude] Page Viewed",
                        "insert_id": "i-1",
                        "event_id": 1,
                        "event_properties": {
                            "[Amplitude] Page URL": "https://shop.example/cart",
                            "[Amplitude] Page Location": "https://shop.example/cart?a=1",
                            "[Amplitude] Page Path": "/cart",
                            "referrer": "https://news.example/",
                        },
                        "user_properties": {"$set": {"plan": "pro"}},
                    },
                    {**_BROWSER, "event_type": "$identify", "user_id": "user-1", "insert_id": "i-2", "user_properties": {"$add": {"visits": 1}}},
                    {**_BROWSER, "event_type": "bought", "user_id": "user-1", "insert_id": "i-3", "ip": "198.51.100.7", "event_properties": None},
                ],
                "options": {"min_id_length": None},
                "client_upload_time": "2026-11-22T09:59:59.000Z",
            },
        ),
        names=["[Amplitude] Page Viewed", "$identify", "bought"],
        users=[None, "user-1", "user-1"],
        anonymous=["device-1", "device-1", "device-1"],
        ids=["device-1\ni-1", "device-1\ni-2", "device-1\ni-3"],
        times=[_TIME_MS * 1_000] * 3,
        addresses=["198.51.100.7"],
        key="key-1",
        sent="2026-11-22T09:59:59.000Z",
        fields={
            0: {
                "event_id": "i-1",
                "identity": None,
                "ip": None,
                "session_id": "1795341500000",
                "url": "https://shop.example/cart",
                "page": "/cart",
                "referrer": "https://news.example/",
                "platform": "Web",
                "agent": "Mozilla/5.0 (X11; Linux x86_64)",
                "properties": {
                    "user_properties": {"$set": {"plan": "pro"}},
                    "[Amplitude] Page URL": "https://shop.example/cart",
                    "[Amplitude] Page Location": "https://shop.example/cart?a=1",
                    "[Amplitude] Page Path": "/cart",
                    "referrer": "https://news.example/",
                },
                "context": {"language": "en-US", "library": "amplitude-ts/2.11.1", "event_id": 1},
            },
            1: {"identity": "identify", "properties": {"user_properties": {"$add": {"visits": 1}}}},
            2: {"identity": None, "ip": "198.51.100.7", "properties": {}},
        },
    ),
    Example(
        title="a batch of the Python SDK",
        asked=post(
            "/batch",
            {
                "api_key": "key-2",
                "events": [
                    {
                        "event_type": "revenue_amount",
                        "user_id": "user-1",
                        "time": _TIME_MS,
                        "insert_id": "5c2b",
                        "library": "amplitude-python/1.3.0",
                        "event_properties": {"$price": 3.99, "price": "of the event"},
                        "groups": {"team": "blue"},
                        "price": 3.99,
                        "country": "NZ",
                        "region": "Otago",
                        "city": "Dunedin",
                        "os_name": "Android",
                        "device_model": "Pixel",
                        "carrier": "Spark",
                    },
                    {
                        "event_type": "$groupidentify",
                        "user_id": "user-1",
                        "groups": {"team": "blue"},
                        "group_properties": {"$set": {"size": 3}},
                    },
                ],
            },
        ),
        names=["revenue_amount", "$groupidentify"],
        users=["user-1", "user-1"],
        ids=["user-1\n5c2b", None],
        times=[_TIME_MS * 1_000, None],
        fields={
            0: {
                "country": "NZ",
                "region": "Otago",
                "city": "Dunedin",
                "os": "Android",
                "device": "Pixel",
                "properties": {"$price": 3.99, "price": "of the event", "groups": {"team": "blue"}},
                "context": {"library": "amplitude-python/1.3.0", "carrier": "Spark"},
            },
            1: {"properties": {"groups": {"team": "blue"}, "group_properties": {"$set": {"size": 3}}}},
        },
        key="key-2",
        sent=None,
    ),
    Example(
        title="ids that are none, and events that nobody could store",
        asked=post(
            "/2/httpapi",
            {
                "api_key": "key-3",
                "options": {"min_id_length": 3},
                "events": [
                    {"event_type": "a", "user_id": "anonymous", "device_id": "dev"},
                    {"event_type": "b", "user_id": "unknown", "device_id": "00000000-0000-0000-0000-000000000000"},
                    {"event_type": "c", "user_id": "ab", "device_id": "device-1"},
                    {"event_type": "d"},
                    {"user_id": "user-1"},
                    {"event_type": "e", "user_id": "user-1", "time": "yesterday"},
                    {"event_type": "f", "user_id": "user-1", "time": -1},
                    {"event_type": "g" * 1_025, "user_id": "user-1"},
                    {"event_type": "h", "user_id": "user-1", "event_properties": [1]},
                    {"event_type": "i", "user_id": 12345, "session_id": -1, "event_properties": {"referrer": 5}},
                ],
            },
        ),
        names=["a", "i"],
        users=[None, "12345"],
        anonymous=["dev", None],
        ids=[None, None],
        times=[None, None],
        refused=[
            (1, DropReason.MISSING_PERSON),
            (2, DropReason.INVALID_FIELD),
            (3, DropReason.MISSING_PERSON),
            (4, DropReason.MISSING_NAME),
            (5, DropReason.MALFORMED_EVENT),
            (6, DropReason.INVALID_TIME),
            (7, DropReason.INVALID_FIELD),
            (8, DropReason.INVALID_FIELD),
        ],
        fields={1: {"session_id": None, "referrer": None, "properties": {"referrer": 5}}},
    ),
    Example(
        title="identify in a form",
        asked=post(
            "/identify",
            b"api_key=key-4&identification="
            + quote(json.dumps([{"user_id": "user-1", "device_id": "device-1", "user_properties": {"$set": {"a": "b c+d"}}}])).encode(),
        ),
        names=["$identify"],
        users=["user-1"],
        anonymous=["device-1"],
        ids=[None],
        times=[None],
        key="key-4",
        answer=b"success",
        fields={0: {"identity": "identify", "properties": {"user_properties": {"$set": {"a": "b c+d"}}}}},
    ),
    Example(
        title="a group, of which nobody says who told",
        asked=post(
            "/groupidentify", {"api_key": "key-5", "identification": {"group_type": "team", "group_value": "blue", "group_properties": {"a": 1}}}
        ),
        names=["$groupidentify"],
        users=[None],
        anonymous=["$team_blue"],
        ids=[None],
        times=[None],
        key="key-5",
        answer=b"success",
    ),
    Example(
        title="the count of what was stored",
        asked=post("/batch", b'{"api_key":"key-6","events":[{"event_type":"a","user_id":"user-1"}]}'),
        names=["a"],
        users=["user-1"],
        ids=[None],
        times=[None],
        answer={"code": 200, "events_ingested": 1, "payload_size_bytes": 68, "server_upload_time": RECEIVED_US // 1_000},
    ),
]
