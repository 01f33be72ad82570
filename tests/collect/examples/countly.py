"""Countly's requests: one of everything as a form, in the query, as JSON, and many at once."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from examples_support import Example, get, post, request

from footfall.event.drop import DropReason

_METRICS = {"_os": "Android", "_os_version": "14", "_device": "Pixel 8", "_app_version": "1.2"}
_EVENTS = [
    {"key": "buy", "count": 1, "sum": 9.5, "dur": 3, "segmentation": {"sku": "s1"}, "timestamp": 1795341598000, "hour": 9, "dow": 0},
    {"key": "look", "count": 2, "timestamp": 1795341599},
    {"count": 1},
    "what",
]

EXAMPLES = [
    Example(
        title="everything at once, as a form",
        asked=request(
            "POST",
            "/i",
            urlencode(
                {
                    "app_key": "app-1",
                    "device_id": "d2",
                    "old_device_id": "d1",
                    "timestamp": "1795341600123",
                    "begin_session": "1",
                    "metrics": json.dumps(_METRICS),
                    "events": json.dumps(_EVENTS),
                    "user_details": json.dumps({"name": "Ada", "custom": {"plan": "pro"}}),
                    "end_session": "1",
                    "session_duration": "30",
                    "ip_address": "198.51.100.7",
                    "country_code": "de",
                    "city": "Bonn",
                    "checksum256": "0" * 64,
                }
            ).encode(),
        ),
        names=["merge", "session_start", "buy", "look", "identify", "session_end"],
        users=["d2", None, None, None, None, None],
        anonymous=[None, "d2", "d2", "d2", "d2", "d2"],
        ids=[None] * 6,
        times=[1_795_341_600_123_000] * 2 + [1_795_341_598_000_000, 1_795_341_599_000_000] + [1_795_341_600_123_000] * 2,
        refused=[(4, DropReason.MISSING_NAME), (5, DropReason.MALFORMED_EVENT)],
        addresses=["198.51.100.7"],
        fields={
            0: {"identity": "merge", "previous_id": "d1"},
            1: {"os": "Android", "device": "Pixel 8", "country": "DE", "city": "Bonn", "ip": "198.51.100.7", "context": {"metrics": _METRICS}},
            2: {"properties": {"sum": 9.5, "dur": 3, "sku": "s1"}},
            3: {"properties": {"count": 2}},
            4: {"identity": None, "properties": {"name": "Ada", "custom": {"plan": "pro"}}},
            5: {"properties": {"duration": 30}},
        },
        key="app-1",
        status=200,
        answer={"result": "Success"},
    ),
    Example(
        title="in the query",
        asked=get("/i", query={"app_key": "app-1", "device_id": "d1", "session_duration": "60", "timestamp": "1795341600"}),
        names=["session_update"],
        users=[None],
        anonymous=["d1"],
        ids=[None],
        times=[1_795_341_600_000_000],
        fields={0: {"properties": {"duration": 60}}},
        key="app-1",
    ),
    Example(
        title="as JSON",
        asked=post(
            "/i", {"app_key": "app-1", "device_id": "d1", "events": [{"key": "a", "segmentation": {"deep": {"b": 1}}}], "crash": {"_error": "x"}}
        ),
        names=["a", "crash"],
        users=[None, None],
        anonymous=["d1", "d1"],
        ids=[None, None],
        times=[None, None],
        fields={0: {"properties": {"deep": {"b": 1}}}, 1: {"properties": {"_error": "x"}}},
        key="app-1",
    ),
    Example(
        title="many, some of them nobody's or nothing",
        asked=request(
            "POST",
            "/i/bulk",
            urlencode(
                {
                    "requests": json.dumps(
                        [
                            {"app_key": "app-2", "device_id": "d1", "begin_session": 1, "metrics": _METRICS},
                            {"app_key": "app-2", "begin_session": 1},
                            {"app_key": "app-2", "device_id": "d1", "events": json.dumps(_EVENTS[:1])},
                            {"app_key": "app-2", "device_id": "d1", "consent": {"location": True}},
                            9,
                        ]
                    )
                }
            ).encode(),
        ),
        names=["session_start", "buy"],
        users=[None, None],
        anonymous=["d1", "d1"],
        ids=[None, None],
        times=[None, 1_795_341_598_000_000],
        refused=[(1, DropReason.MISSING_PERSON), (3, DropReason.INVALID_FIELD), (4, DropReason.MALFORMED_EVENT)],
        key="app-2",
        answer={"result": "Success"},
    ),
]
