"""The Sender contract: events as the SDKs of one product send them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from footfall.app.front.sending.door import Post
from footfall.event.canonical import Event, absent

Item = dict[str, Any]
JSON = {"Content-Type": "application/json"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Sender(Protocol):
    """One product's way of sending.  `id_member` is where the id of an event stands, as a path with dots."""

    name: str
    id_member: str
    name_member: str

    def item(self, event: Event) -> Item:
        """An event as this product's SDKs write it."""

    def post(self, items: Sequence[Item], key: str, sent_us: int) -> Post:
        """Items as one request; every name that a key has in this product is filled with it."""


def members_of(event: Event) -> dict[str, Any]:
    """The properties of an event."""
    return {} if absent(event.properties) else msgspec.json.decode(event.properties)


def micros(event: Event) -> int:
    """The client's time of an event, which a simulator writes as microseconds."""
    assert isinstance(event.event_time, int), "simulators write microseconds"
    return event.event_time


def iso(us: int) -> str:
    """Microseconds as ISO text in milliseconds, as SDKs write it."""
    return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def basic(user: str) -> dict[str, str]:
    """Basic authentication with a name and no password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()}


def without_none(members: Mapping[str, Any]) -> Item:
    """Only the members that have a value."""
    return {name: value for name, value in members.items() if value is not None}
