"""As Amplitude's libraries send: POST /2/httpapi with the key in the body and times in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from footfall.app.front.sending.contract import JSON, Item, iso, members_of, micros, without_none
from footfall.app.front.sending.door import Post
from footfall.event.canonical import Event


class AmplitudeSender:
    """Amplitude: events of the HTTP API, version 2."""

    name = "amplitude"
    id_member = "insert_id"
    name_member = "event_type"

    def item(self, event: Event) -> Item:
        """An event; ids shorter than five characters are no ids to Amplitude."""
        return without_none(
            {
                "event_type": event.name,
                "user_id": event.user_id,
                "device_id": event.anonymous_id or (f"device-{event.user_id}" if event.user_id else None),
                "time": micros(event) // 1000,
                "insert_id": event.event_id,
                "event_properties": members_of(event) | without_none({"session": event.session_id, "page": event.page}),
                "library": "footfall-simulate/1",
            }
        )

    def post(self, items: Sequence[Item], key: str, sent_us: int) -> Post:
        """A request."""
        body = {"api_key": key, "events": items, "options": {"min_id_length": 1}, "client_upload_time": iso(sent_us)}
        return Post("/2/httpapi", msgspec.json.encode(body), JSON)
