"""As Mixpanel's importers send: POST /import?strict=1 with the token as the user of Basic authentication."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from footfall.app.front.sending.contract import JSON, Item, basic, members_of, micros, without_none
from footfall.app.front.sending.door import Post
from footfall.event.canonical import Event


class MixpanelSender:
    """Mixpanel: events of the import API."""

    name = "mixpanel"
    id_member = "properties.$insert_id"
    name_member = "event"

    def item(self, event: Event) -> Item:
        """An event; everything but its name is a property."""
        own = without_none(
            {
                "time": micros(event) // 1000,
                "distinct_id": event.user_id or event.anonymous_id,
                "$insert_id": event.event_id,
                "$user_id": event.user_id,
                "session": event.session_id,
                "page": event.page,
            }
        )
        return {"event": event.name, "properties": members_of(event) | own}

    def post(self, items: Sequence[Item], key: str, sent_us: int) -> Post:
        """A JSON array."""
        return Post("/import?strict=1", msgspec.json.encode(items), JSON | basic(key))
