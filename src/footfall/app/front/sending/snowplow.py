"""As Snowplow's trackers send: POST to tp2, all values text, an event's own members as base64."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

import msgspec

from footfall.app.front.sending.contract import Item, members_of, micros, without_none
from footfall.app.front.sending.door import Post
from footfall.event.canonical import Event

_PAYLOAD = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
_UNSTRUCTURED = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"


class SnowplowSender:
    """Snowplow: self-describing events; the name of an event is the name of its schema."""

    name = "snowplow"
    id_member = "eid"
    name_member = "e"

    def item(self, event: Event) -> Item:
        """A self-describing event."""
        word = re.sub(r"\W+", "_", event.name)
        own = {"schema": _UNSTRUCTURED, "data": {"schema": f"iglu:com.footfall.simulate/{word}/jsonschema/1-0-0", "data": members_of(event)}}
        return without_none(
            {
                "e": "ue",
                "eid": event.event_id,
                "tv": "footfall-simulate",
                "tna": "footfall",
                "p": "srv",
                "dtm": str(micros(event) // 1000),
                "uid": event.user_id,
                "duid": event.anonymous_id,
                "sid": event.session_id,
                "ue_px": base64.urlsafe_b64encode(msgspec.json.encode(own)).decode().rstrip("="),
            }
        )

    def post(self, items: Sequence[Item], key: str, sent_us: int) -> Post:
        """A payload; the key is the application's id, and each event says when it was sent."""
        sent = str(sent_us // 1000)
        body = {"schema": _PAYLOAD, "data": [{**item, "aid": key, "stm": sent} for item in items]}
        return Post("/com.snowplowanalytics.snowplow/tp2", msgspec.json.encode(body), {"Content-Type": "application/json; charset=utf-8"})
