"""As PostHog's server libraries send: POST /batch/ with the key in the body."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from footfall.app.front.sending.contract import JSON, Item, iso, members_of, micros, without_none
from footfall.app.front.sending.door import Post
from footfall.event.canonical import Event


class PosthogSender:
    """PostHog: captures in batches."""

    name = "posthog"
    id_member = "uuid"
    name_member = "event"

    def item(self, event: Event) -> Item:
        """A capture."""
        own = without_none({"$session_id": event.session_id, "$pathname": event.page, "$lib": "footfall-simulate"})
        return without_none(
            {
                "event": event.name,
                "uuid": event.event_id,
                "distinct_id": event.user_id or event.anonymous_id,
                "timestamp": iso(micros(event)),
                "properties": members_of(event) | own,
            }
        )

    def post(self, items: Sequence[Item], key: str, sent_us: int) -> Post:
        """A batch."""
        return Post("/batch/", msgspec.json.encode({"api_key": key, "batch": items, "historical_migration": False, "sent_at": iso(sent_us)}), JSON)
