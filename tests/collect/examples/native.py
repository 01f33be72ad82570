"""footfall's own endpoint for events: every form of body, wrong members by name, identity calls, the browser tag's envelope."""

from __future__ import annotations

from examples_support import Example, post

from footfall.event.drop import DropReason

_PATH = "/api/v1/events"

EXAMPLES = [
    Example(
        title="lines, every member once",
        asked=post(
            _PATH,
            b'{"name":"Order Completed","event_id":"e1","event_time":"2026-11-22T09:59:58Z","sent_time":"2026-11-22T09:59:59Z","user_id":"u1",'
            b'"anonymous_id":"a1","session_id":"s1","url":"https://shop.example/cart?utm_source=mail","referrer":"https://news.example/",'
            b'"agent":"Mozilla/5.0","ip":"198.51.100.7","is_bot":false,"properties":{"price":9.5},"context":{"library":"x"}}\n\n'
            b'{"name":"login","user_id":"u2","event_time":1795341600000000,"true_time":true}\n',
            headers={"Authorization": "Bearer key-1"},
        ),
        names=["Order Completed", "login"],
        users=["u1", "u2"],
        anonymous=["a1", None],
        ids=["e1", None],
        times=["2026-11-22T09:59:58Z", 1_795_341_600_000_000],
        addresses=["198.51.100.7"],
        fields={
            0: {"ip": "198.51.100.7", "session_id": "s1", "properties": {"price": 9.5}, "context": {"library": "x"}},
            1: {"true_time": True},
        },
        key="key-1",
        answer={
            "results": [{"place": 0, "result": "ok", "event_id": "e1"}, {"place": 1, "result": "ok"}],
            "stored": 2,
            "duplicate": 0,
            "dropped": 0,
        },
        status=200,
    ),
    Example(
        title="an array with everything that can be wrong",
        asked=post(
            _PATH,
            [
                {"name": "a", "user_id": "u1", "event_id": "good"},
                {"name": "a", "usr_id": "u1", "event_id": "typo"},
                {"name": "", "user_id": "u1"},
                {"user_id": "u1"},
                {"name": "a"},
                {"name": "a", "user_id": 7},
                "text",
                {"name": "a", "user_id": "u1", "properties": [1]},
                {"name": "a", "user_id": "u1", "identity": "guess"},
                {"name": "a", "user_id": "u1", "identity": "alias"},
                {"name": "a", "anonymous_id": "a1", "identity": "identify"},
                {"name": "a" * 401, "user_id": "u1"},
                {"name": "a", "user_id": "u1", "event_id": ""},
            ],
            headers={"X-Write-Key": "key-2"},
        ),
        names=["a"],
        users=["u1"],
        ids=["good"],
        times=[None],
        refused=[
            (1, DropReason.INVALID_FIELD),
            (2, DropReason.MISSING_NAME),
            (3, DropReason.MISSING_NAME),
            (4, DropReason.MISSING_PERSON),
            (5, DropReason.INVALID_FIELD),
            (6, DropReason.MALFORMED_EVENT),
            *((place, DropReason.INVALID_FIELD) for place in range(7, 13)),
        ],
        key="key-2",
    ),
    Example(
        title="one object, the key in the query",
        asked=post(
            _PATH, {"name": "identify", "identity": "identify", "user_id": "u1", "anonymous_id": "a1", "properties": None}, query={"key": "key-3"}
        ),
        names=["identify"],
        users=["u1"],
        ids=[None],
        times=[None],
        fields={0: {"identity": "identify"}},
        key="key-3",
    ),
    Example(
        title="an envelope",
        asked=post(_PATH, {"sent_time": 1795341599000000, "key": "key-4", "events": [{"name": "a", "user_id": "u1", "event_id": "e1"}]}),
        names=["a"],
        users=["u1"],
        ids=["e1"],
        times=[None],
        key="key-4",
        sent=1_795_341_599_000_000,
    ),
    Example(
        title="an envelope with a wrong element",
        asked=post(_PATH, {"events": [{"name": "a", "user_id": "u1"}, {"nam": "a", "event_id": "e2"}], "sent_time": "2026-11-22T09:59:59Z"}),
        names=["a"],
        users=["u1"],
        ids=[None],
        times=[None],
        refused=[(1, DropReason.INVALID_FIELD)],
        sent="2026-11-22T09:59:59Z",
        answer={
            "results": [
                {"place": 0, "result": "ok"},
                {
                    "place": 1,
                    "result": "drop",
                    "event_id": "e2",
                    "reason": "invalid_field",
                    "field": "nam",
                    "detail": "'nam' is no member of an event; did you mean 'name'? put what is your own inside properties",
                },
            ],
            "stored": 1,
            "duplicate": 0,
            "dropped": 1,
        },
    ),
    Example(
        title="lines, one of them broken",
        asked=post(_PATH, b'{"name":"a","user_id":"u1"}\n{"name":"b",\n{"name":"c","user_id":"u1"}\n'),
        names=["a", "c"],
        users=["u1", "u1"],
        ids=[None, None],
        times=[None, None],
        refused=[(1, DropReason.MALFORMED_EVENT)],
        key=None,
    ),
]
