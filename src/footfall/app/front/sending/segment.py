"""As Segment's server libraries send: POST /v1/batch with Basic authentication."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from footfall.app.front.sending.contract import JSON, Item, basic, iso, members_of, micros, without_none
from footfall.app.front.sending.door import Post
from footfall.event.canonical import Event


class SegmentSender:
    """Segment: track calls in batches."""

    name = "segment"
    id_member = "messageId"
    name_member = "event"

    def item(self, event: Event) -> Item:
        """A track call."""
        context = without_none({"page": {"path": event.page} if event.page else None, "sessionId": event.session_id})
        return without_none(
            {
                "type": "track",
                "event": event.name,
                "messageId": event.event_id,
                "userId": event.user_id,
                "anonymousId": event.anonymous_id,
                "timestamp": iso(micros(event)),
                "properties": members_of(event),
                "context": context | {"library": {"name": "footfall-simulate", "version": "1"}},
                "integrations": {},
            }
        )

    def post(self, items: Sequence[Item], key: str, sent_us: int) -> Post:
        """A batch."""
        return Post("/v1/batch", msgspec.json.encode({"batch": items, "sentAt": iso(sent_us), "writeKey": key}), JSON | basic(key))
