"""Requests of GA4's Measurement Protocol: of a web stream, of an app, and beyond every limit of an event."""

from __future__ import annotations

from examples_support import RECEIVED_US, Example, post

from footfall.event.drop import DropReason

_QUERY = {"measurement_id": "G-1", "api_secret": "secret-1"}
_HOUR_US = 3_600_000_000

EXAMPLES = [
    Example(
        title="a web stream",
        asked=post(
            "/mp/collect",
            {
                "client_id": "123.456",
                "user_id": "u1",
                "timestamp_micros": str(RECEIVED_US - _HOUR_US),
                "user_properties": {"tier": {"value": "gold"}, "age": {"value": 30}},
                "consent": {"ad_user_data": "DENIED"},
                "ip_override": "198.51.100.7",
                "user_location": {"city": "Bonn", "region_id": "DE-NW", "country_id": "DE"},
                "device": {"category": "mobile", "operating_system": "Android"},
                "events": [
                    {
                        "name": "purchase",
                        "params": {"session_id": 42, "value": 9.5, "currency": "EUR", "items": [{"item_id": "s"}], "engagement_time_msec": "100"},
                    },
                    {
                        "name": "page_view",
                        "timestamp_micros": RECEIVED_US - 2 * _HOUR_US,
                        "params": {
                            "page_location": "https://shop.example/?" + "a" * 400,
                            "page_referrer": "https://news.example/",
                            "page_title": "A",
                        },
                    },
                ],
            },
            query=_QUERY,
        ),
        names=["purchase", "page_view"],
        users=["u1", "u1"],
        anonymous=["123.456", "123.456"],
        ids=[None, None],
        times=[RECEIVED_US - _HOUR_US, RECEIVED_US - 2 * _HOUR_US],
        addresses=["198.51.100.7"],
        fields={
            0: {
                "session_id": "42",
                "ip": "198.51.100.7",
                "country": "DE",
                "city": "Bonn",
                "device": "mobile",
                "os": "Android",
                "properties": {"value": 9.5, "currency": "EUR", "items": [{"item_id": "s"}], "engagement_time_msec": "100"},
                "context": {"user_properties": {"tier": "gold", "age": 30}, "consent": {"ad_user_data": "DENIED"}},
            },
            1: {"referrer": "https://news.example/", "properties": {"page_title": "A"}},
        },
        key="secret-1",
        status=204,
        answer=b"",
    ),
    Example(
        title="an app, with events beyond the limits",
        asked=post(
            "/mp/collect",
            {
                "app_instance_id": "a1b2",
                "events": [
                    {"name": "login"},
                    {"name": "_bad"},
                    {"name": ""},
                    {"name": "a" * 41},
                    {"name": "many", "params": {f"p{number}": number for number in range(26)}},
                    {"name": "long", "params": {"text": "a" * 101}},
                    {"name": "long", "params": {"p" * 41: 1}},
                    {"name": "old", "timestamp_micros": RECEIVED_US - 73 * _HOUR_US},
                    {"name": "when", "timestamp_micros": "yesterday"},
                    7,
                    *({"name": "next"} for _ in range(17)),
                ],
            },
            query={"firebase_app_id": "1:2:3"},
        ),
        names=["login", *["next"] * 15],
        users=[None] * 16,
        anonymous=["a1b2"] * 16,
        ids=[None] * 16,
        times=[None] * 16,
        refused=[
            (1, DropReason.INVALID_FIELD),
            (2, DropReason.MISSING_NAME),
            *((place, DropReason.INVALID_FIELD) for place in (3, 4, 5, 6)),
            *((place, DropReason.INVALID_TIME) for place in (7, 8)),
            (9, DropReason.MALFORMED_EVENT),
            *((place, DropReason.TOO_MANY_EVENTS) for place in (25, 26)),
        ],
        key="1:2:3",
        status=204,
    ),
]
