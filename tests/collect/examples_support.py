"""What a wire protocol's examples are made of: a request as an SDK sends it, and what has to become of it.

Each protocol has a file `examples/<name>.py` with `EXAMPLES: list[Example]`; the shared battery finds it by the protocol's name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from footfall.collect.wire.contract import Asked
from footfall.event.drop import DropReason

RECEIVED_US = 1_795_341_600_000_000  # 2026-11-22T10:00:00Z

ANYTHING: Any = object()


@dataclass(frozen=True, kw_only=True)
class Example:
    """One request and its meaning, one element of each list an accepted item, in order.

    `names`, `users`, `times` are Event.name, .user_id, .event_time (LogRecord: .kind, .user_id, .time); `ids` is Batch.ids.  `anonymous` is
    Event.anonymous_id where an example says it.  `refused` is (index in the request, reason) of what must not be stored.  `addresses` are the
    IP addresses that the request names: none of them may stand in a canonical line except as Event.ip.  `fields` gives, by item, further
    fields of the Event that must be so (`properties` and `context` as decoded JSON).  `answer` is the body of the answer: JSON decoded where
    the answer says it is JSON, otherwise bytes; left out, anything that parses is right.  `status` is its status.
    """

    asked: Asked
    names: Sequence[str]
    users: Sequence[str | None]
    ids: Sequence[str | None]
    times: Sequence[str | int | None]
    anonymous: Sequence[str | None] | None = None
    refused: Sequence[tuple[int, DropReason]] = ()
    addresses: Sequence[str] = ()
    fields: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    answer: Any = ANYTHING
    status: int | None = None
    key: str | None = ANYTHING
    sent: str | int | None = ANYTHING
    title: str = ""


def post(path: str, body: object, *, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Asked:
    """A POST of JSON (or of bytes, as they are), as the door hands it to a protocol."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request("POST", path, data, query=query, headers=headers)


def get(path: str, *, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Asked:
    """A GET, as the door hands it to a protocol."""
    return request("GET", path, b"", query=query, headers=headers)


def request(method: str, path: str, body: bytes, *, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Asked:
    """Any request, received at RECEIVED_US."""
    return Asked(
        method,
        path,
        body,
        query_string=urlencode(query or {}).encode(),
        headers={name.lower().encode(): value.encode() for name, value in (headers or {}).items()},
        received_us=RECEIVED_US,
        address="203.0.113.9",
    )
