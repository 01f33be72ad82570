"""Segment's requests: a batch as the Python SDK sends it, single calls, RudderStack's merge and beacon, Jitsu's paths."""

from __future__ import annotations

from examples_support import Example, post

from footfall.event.drop import DropReason

_CONTEXT = {
    "ip": "198.51.100.7",
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64)",
    "page": {"url": "https://shop.example/cart?a=1", "path": "/cart", "referrer": "https://news.example/"},
    "campaign": {"source": "mail", "medium": "newsletter", "name": "autumn"},
    "os": {"name": "Linux"},
    "device": {"type": "desktop"},
    "sessionId": 1795341000,
    "library": {"name": "analytics.js"},
}

EXAMPLES = [
    Example(
        title="a batch of every kind",
        asked=post(
            "/v1/batch",
            {
                "batch": [
                    {
                        "type": "track",
                        "event": "Order Completed",
                        "userId": "u1",
                        "anonymousId": "a1",
                        "messageId": "m1",
                        "timestamp": "2026-11-22T09:59:58.000Z",
                        "properties": {"price": 9.5, "items": [1, 2]},
                        "context": _CONTEXT,
                    },
                    {"type": "identify", "userId": 7, "anonymousId": "a1", "messageId": "m2", "traits": {"plan": "pro"}},
                    {"type": "page", "anonymousId": "a1", "messageId": "m3", "name": "Home", "category": "Shop", "properties": {"path": "/"}},
                    {"type": "screen", "anonymousId": "a1", "name": "Start"},
                    {"type": "group", "userId": "u1", "groupId": "g1", "messageId": "m5", "traits": {"size": 3}},
                    {"type": "alias", "userId": "u1", "previousId": "a1", "messageId": "m6"},
                ],
                "sentAt": "2026-11-22T09:59:59.000Z",
                "writeKey": "key-1",
            },
        ),
        names=["Order Completed", "identify", "page_view", "screen_view", "group", "alias"],
        users=["u1", "7", None, None, "u1", "u1"],
        anonymous=["a1", "a1", "a1", "a1", None, None],
        ids=["m1", "m2", "m3", None, "m5", "m6"],
        times=["2026-11-22T09:59:58.000Z", None, None, None, None, None],
        addresses=["198.51.100.7"],
        fields={
            0: {
                "ip": "198.51.100.7",
                "url": "https://shop.example/cart?a=1",
                "page": "/cart",
                "utm_source": "mail",
                "session_id": "1795341000",
                "properties": {"price": 9.5, "items": [1, 2]},
            },
            1: {"identity": "identify", "properties": {"plan": "pro"}},
            2: {"properties": {"name": "Home", "category": "Shop", "path": "/"}},
            4: {"properties": {"groupId": "g1", "size": 3}},
            5: {"identity": "alias", "previous_id": "a1"},
        },
        key="key-1",
        sent="2026-11-22T09:59:59.000Z",
        answer={"success": True},
    ),
    Example(
        title="one call, the key as the user of Basic authentication",
        asked=post(
            "/v1/track",
            {
                "event": "signup",
                "anonymousId": "a9",
                "messageId": "m9",
                "originalTimestamp": "2026-11-22T09:00:00Z",
                "sentAt": "2026-11-22T09:00:01Z",
            },
            headers={"Authorization": "Basic a2V5LTI6"},
        ),
        names=["signup"],
        users=[None],
        ids=["m9"],
        times=["2026-11-22T09:00:00Z"],
        key="key-2",
    ),
    Example(
        title="some that nobody could store",
        asked=post(
            "/v1/batch",
            {
                "batch": [
                    {"type": "track", "userId": "u1"},
                    7,
                    {"type": "track", "event": "x", "userId": "u1"},
                    {"type": "track", "event": "y"},
                    {"type": "?"},
                ]
            },
        ),
        names=["x"],
        users=["u1"],
        ids=[None],
        times=[None],
        refused=[
            (0, DropReason.MISSING_NAME),
            (1, DropReason.MALFORMED_EVENT),
            (3, DropReason.MISSING_PERSON),
            (4, DropReason.INVALID_FIELD),
        ],
    ),
    Example(
        title="a beacon of RudderStack",
        asked=post(
            "/beacon/v1/batch", {"batch": [{"type": "page", "anonymousId": "a1", "messageId": "b1", "name": "Home"}]}, query={"writeKey": "key-3"}
        ),
        names=["page_view"],
        users=[None],
        ids=["b1"],
        times=[None],
        key="key-3",
        fields={0: {"properties": {"name": "Home"}}},
    ),
    Example(
        title="RudderStack's identify, whose traits are in the context",
        asked=post("/v1/identify", {"userId": "u2", "messageId": "r1", "context": {"traits": {"plan": "pro"}}}),
        names=["identify"],
        users=["u2"],
        ids=["r1"],
        times=[None],
        fields={0: {"properties": {"plan": "pro"}, "context": {"traits": {"plan": "pro"}}}},
    ),
    Example(
        title="a path of Jitsu",
        asked=post("/api/s/s2s/track", {"event": "login", "userId": "u4", "messageId": "j1"}, headers={"X-Write-Key": "id4:secret"}),
        names=["login"],
        users=["u4"],
        ids=["j1"],
        times=[None],
        key="id4",
    ),
]
