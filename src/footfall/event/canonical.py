"""An event and a log line in footfall's own form: what every protocol is turned into, and what the native endpoint takes.

One JSON object a line.  Everything that a client may say has its field here; what the collector knows about the request (time of receipt,
source, country) stands in the envelope around the lines.  Times are ISO text or microseconds since 1970.
"""

from __future__ import annotations

import msgspec

NO_JSON = msgspec.Raw(b"")
ROW_TEXT_BYTES_MAX = 16 << 10  # of a refused event, in its dead letter


def absent(raw: msgspec.Raw) -> bool:
    """Whether a raw member was left out or is null (a Raw never equals bytes, so comparing with b"null" would always be false)."""
    view = memoryview(raw)
    return not view.nbytes or (view.nbytes == 4 and bytes(view) == b"null")


class Event(msgspec.Struct, omit_defaults=True, gc=False):
    """One event as a client meant it.

    `event_time` is the client's clock (None: the moment of receipt); `sent_time` is the same clock when the client sent it, where the
    event rather than the request says so; `true_time` says that event_time needs no correction.  `identity` names an identity call
    (`identify`, `alias`, `merge`), which joins `previous_id` (or `anonymous_id`) to `user_id`.  `properties` is a JSON object as sent, and
    `context` a second one, which the lake keeps in the properties under `$context`.  `ip` never reaches the log: the collector replaces it
    with a place, or by its settings with a hash.
    """

    name: str
    event_id: str | None = None
    event_time: str | int | None = None
    sent_time: str | int | None = None
    true_time: bool = False
    user_id: str | None = None
    anonymous_id: str | None = None
    session_id: str | None = None
    identity: str | None = None
    previous_id: str | None = None
    url: str | None = None
    page: str | None = None
    referrer: str | None = None
    agent: str | None = None
    ip: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    platform: str | None = None
    os: str | None = None
    browser: str | None = None
    device: str | None = None
    is_bot: bool | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    properties: msgspec.Raw = NO_JSON
    context: msgspec.Raw = NO_JSON


class LogRecord(msgspec.Struct, omit_defaults=True, gc=False):
    """One line of an application's log.  `kind` is access, error, performance, or log for all other lines; `attributes` is a JSON object."""

    kind: str
    event_id: str | None = None
    time: str | int | None = None
    level: str | None = None
    method: str | None = None
    path: str | None = None
    status: int | None = None
    duration_ms: float | None = None
    bytes: int | None = None
    ip: str | None = None
    agent: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    message: str | None = None
    trace_id: str | None = None
    attributes: msgspec.Raw = NO_JSON


class Letter(msgspec.Struct, omit_defaults=True, gc=False):
    """One event that the collector refused: a DropReason, what was wrong in words, and the event as sent (cut to 16 KiB).

    `place` is its index in the request; `field` the member that was wrong, where it was one.
    """

    reason: str
    detail: str
    row: str
    place: int = 0
    field: str | None = None
