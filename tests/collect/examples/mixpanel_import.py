"""Mixpanel's imports: a JSON array in strict mode, NDJSON, and the form that the Python SDK sends."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from examples_support import Example, post

from footfall.event.drop import DropReason

_BASIC = {"Authorization": "Basic a2V5LTI6"}  # key-2 and no password


def _event(**properties: object) -> dict[str, object]:
    told = {"time": 1795000000, "distinct_id": "u1", "$insert_id": "i-1"} | properties
    return {"event": "paid", "properties": {name: value for name, value in told.items() if value is not None}}


EXAMPLES = [
    Example(
        title="a strict import that keeps every rule",
        asked=post(
            "/import",
            [_event(ip="198.51.100.7", deep={"a": {"b": [1]}}), _event(time=1795000000123, **{"$insert_id": "i-2"})],
            query={"strict": "1", "project_id": "9"},
            headers=_BASIC,
        ),
        names=["paid", "paid"],
        users=["u1", "u1"],
        ids=["i-1:u1", "i-2:u1"],
        times=[1_795_000_000_000_000, 1_795_000_000_123_000],
        addresses=["198.51.100.7"],
        fields={0: {"properties": {"deep": {"a": {"b": [1]}}}}},
        key="key-2",
        status=200,
        answer={"code": 200, "num_records_imported": 2, "status": "OK"},
    ),
    Example(
        title="lines instead of an array, one of them broken; what strict mode would refuse is stored",
        asked=post(
            "/import",
            b"\n".join([b"", json.dumps(_event(**{"$insert_id": "a.b"})).encode(), b"", b'{"event":', json.dumps(_event(time=None)).encode()]),
            headers={"Content-Type": "application/x-ndjson", **_BASIC},
        ),
        names=["paid", "paid"],
        users=["u1", "u1"],
        ids=["a.b:u1", "i-1:u1"],
        times=[1_795_000_000_000_000, None],
        refused=[(1, DropReason.MALFORMED_EVENT)],
        status=200,
        answer={"code": 200, "num_records_imported": 2, "status": "OK"},
    ),
    Example(
        title="the Python SDK's form, which must be answered with the number 1",
        asked=post(
            "/import",
            urlencode({"data": json.dumps(_event(token="key-1")), "verbose": "1", "ip": "0", "api_key": "x"}).encode(),
            query={"project_id": "9"},
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
        names=["paid"],
        users=["u1"],
        ids=["i-1:u1"],
        times=[1_795_000_000_000_000],
        key="key-1",
        status=200,
        answer={"code": 200, "num_records_imported": 1, "status": 1, "error": None},
    ),
]

# Answered with 400, as Mixpanel does, although the good ones are stored.
PARTLY = [
    Example(
        title="a strict import with one bad event: the others are stored and 400 says which was not",
        asked=post("/import", [_event(), _event(time=None, **{"$insert_id": "i-2"})], query={"strict": "1"}, headers=_BASIC),
        names=["paid"],
        users=["u1"],
        ids=["i-1:u1"],
        times=[1_795_000_000_000_000],
        refused=[(1, DropReason.MISSING_TIME)],
        status=400,
        answer={
            "code": 400,
            "status": "Bad Request",
            "error": "some data points in the request failed validation",
            "num_records_imported": 1,
            "failed_records": [
                {
                    "index": 1,
                    "insert_id": "i-2",
                    "$insert_id": "i-2",
                    "field": "properties.time",
                    "message": "'properties.time' is invalid: must be specified as seconds or milliseconds since epoch",
                }
            ],
        },
    ),
    Example(
        title="every rule of strict mode",
        asked=post(
            "/import",
            [
                _event(),
                _event(time=31535999),
                _event(time=1795341600 + 3601),
                _event(distinct_id="undefined"),
                _event(distinct_id="x" * 256),
                _event(**{"$insert_id": None}),
                _event(**{"$insert_id": "x" * 37}),
                _event(**{"$insert_id": "a.b"}),
                _event(**{f"p{number}": number for number in range(252)}),
                _event(deep={"a": {"b": {"c": [1]}}}),
                _event(wide=list(range(255))),
                {"event": "$merge", "properties": {"$distinct_ids": ["a", "b"]}},
            ],
            query={"strict": "1"},
            headers=_BASIC,
        ),
        names=["paid", "$merge"],
        users=["u1", "a"],
        ids=["i-1:u1", None],
        times=[1_795_000_000_000_000, None],
        refused=[
            (1, DropReason.INVALID_TIME),
            (2, DropReason.INVALID_TIME),
            (3, DropReason.INVALID_FIELD),
            (4, DropReason.INVALID_FIELD),
            (5, DropReason.INVALID_FIELD),
            (6, DropReason.INVALID_FIELD),
            (7, DropReason.INVALID_FIELD),
            (8, DropReason.INVALID_FIELD),
            (9, DropReason.INVALID_FIELD),
            (10, DropReason.INVALID_FIELD),
        ],
        status=400,
    ),
]
