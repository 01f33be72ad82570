"""As footfall's own clients send: canonical events, one JSON object a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from footfall.app.front.sending.contract import Item
from footfall.app.front.sending.door import Post
from footfall.event.canonical import Event


class NativeSender:
    """footfall: POST /api/v1/events."""

    name = "native"
    id_member = "event_id"
    name_member = "name"

    def item(self, event: Event) -> Item:
        """The event itself."""
        item: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event))
        return item

    def post(self, items: Sequence[Item], key: str, sent_us: int) -> Post:
        """Lines, each with the time of sending."""
        lines = b"".join(msgspec.json.encode({**item, "sent_time": sent_us}) + b"\n" for item in items)
        return Post("/api/v1/events", lines, {"Content-Type": "application/x-ndjson", **({"Authorization": f"Bearer {key}"} if key else {})})
