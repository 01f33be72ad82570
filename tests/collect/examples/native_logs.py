"""footfall's own endpoint for log lines: records of every kind, and lines that `footfall tail` could not read."""

from __future__ import annotations

from examples_support import Example, post

from footfall.event.drop import DropReason

_PATH = "/api/v1/logs"

EXAMPLES = [
    Example(
        title="lines of every kind",
        asked=post(
            _PATH,
            b'{"kind":"access","event_id":"l1","time":"2026-11-22T09:59:58Z","method":"GET","path":"/cart","status":200,"duration_ms":12.5,'
            b'"bytes":512,"ip":"198.51.100.7","agent":"curl/8","user_id":"u1"}\n'
            b'{"kind":"error","level":"error","message":"no disk","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","attributes":{"host":"a"}}\n'
            b'{"kind":"performance","path":"/cart","duration_ms":3}\n{"kind":"log","level":"info","message":"started"}\n',
            headers={"Authorization": "Bearer key-1"},
        ),
        names=["access", "error", "performance", "log"],
        users=["u1", None, None, None],
        ids=["l1", None, None, None],
        times=["2026-11-22T09:59:58Z", None, None, None],
        addresses=["198.51.100.7"],
        fields={0: {"status": 200, "duration_ms": 12.5, "ip": "198.51.100.7"}, 1: {"attributes": {"host": "a"}}, 2: {"duration_ms": 3.0}},
        key="key-1",
        answer={
            "results": [{"place": 0, "result": "ok", "event_id": "l1"}, *({"place": place, "result": "ok"} for place in (1, 2, 3))],
            "stored": 4,
            "duplicate": 0,
            "dropped": 0,
        },
    ),
    Example(
        title="lines that nobody could read, and records that are none",
        asked=post(
            _PATH,
            [
                {"line": "what is this", "reason": "malformed_row", "detail": "no access log line", "event_id": "t1"},
                {"kind": "log", "message": "fine"},
                {"line": "x", "reason": "no reason"},
                {"kind": "gossip"},
                {"message": "no kind"},
                {"kind": "log", "attributes": "x"},
                {"kind": "log", "msg": "typo"},
                None,
            ],
        ),
        names=["log"],
        users=[None],
        ids=[None],
        times=[None],
        refused=[
            (0, DropReason.MALFORMED_ROW),
            *((place, DropReason.INVALID_FIELD) for place in (2, 3, 4, 5, 6)),
            (7, DropReason.MALFORMED_EVENT),
        ],
    ),
    Example(
        title="an envelope",
        asked=post(_PATH, {"records": [{"kind": "log", "message": "a"}], "sent_time": "2026-11-22T09:59:59Z"}, query={"key": "key-2"}),
        names=["log"],
        users=[None],
        ids=[None],
        times=[None],
        key="key-2",
        sent="2026-11-22T09:59:59Z",
    ),
]
