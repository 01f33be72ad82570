"""What an event is: one Arrow schema, used by every room.

`position` is the order of acceptance and breaks ties of `event_time`; `person_key` is a stable 64-bit hash of
`person_id`, by which the lake is clustered and persons are walked (see docs/adr).  Everything that has no column of its own
stays in `properties`, as JSON text.  A project promotes properties to typed columns in `[events.columns]`.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from footfall.errors import InvalidConfig, nearest

TIME = pa.timestamp("us", tz="UTC")

EVENT_FIELDS: tuple[pa.Field, ...] = (
    pa.field("person_key", pa.int64(), nullable=False),
    pa.field("event_time", TIME, nullable=False),
    pa.field("position", pa.int64(), nullable=False),
    pa.field("name", pa.string(), nullable=False),
    pa.field("person_id", pa.string(), nullable=False),
    pa.field("user_id", pa.string()),
    pa.field("anonymous_id", pa.string()),
    pa.field("session_id", pa.string()),
    pa.field("event_id", pa.string(), nullable=False),
    pa.field("source", pa.string()),
    pa.field("received_time", TIME, nullable=False),
    pa.field("sent_time", TIME),
    pa.field("client_time", TIME),
    pa.field("url", pa.string()),
    pa.field("page", pa.string()),
    pa.field("referrer", pa.string()),
    pa.field("country", pa.string()),
    pa.field("region", pa.string()),
    pa.field("city", pa.string()),
    pa.field("platform", pa.string()),
    pa.field("os", pa.string()),
    pa.field("browser", pa.string()),
    pa.field("device", pa.string()),
    pa.field("is_bot", pa.bool_()),
    pa.field("channel", pa.string()),
    pa.field("utm_source", pa.string()),
    pa.field("utm_medium", pa.string()),
    pa.field("utm_campaign", pa.string()),
    pa.field("properties", pa.string()),
)

EVENT_SCHEMA = pa.schema(EVENT_FIELDS)

# What a mapping or a client may fill; the rest is footfall's own.
MAPPABLE = (
    "event_id", "name", "event_time", "sent_time", "user_id", "anonymous_id", "session_id", "source", "url", "page",
    "referrer", "country", "region", "city", "platform", "os", "browser", "device", "is_bot", "client_time", "channel", "utm_source",
    "utm_medium", "utm_campaign",
)  # fmt: skip

# Lines of applications, the second stream beside events.
LOG_SCHEMA = pa.schema(
    [
        pa.field("time", TIME, nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("received_time", TIME, nullable=False),
        pa.field("source", pa.string()),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("level", pa.string()),
        pa.field("method", pa.string()),
        pa.field("path", pa.string()),
        pa.field("status", pa.int64()),
        pa.field("duration_ms", pa.float64()),
        pa.field("bytes", pa.int64()),
        pa.field("ip", pa.string()),
        pa.field("agent", pa.string()),
        pa.field("is_bot", pa.bool_()),
        pa.field("user_id", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("message", pa.string()),
        pa.field("trace_id", pa.string()),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("attributes", pa.string()),
    ]
)

# One line of the append-only identity ledger: `a` was joined to `b` (identify, alias, merge), or the line `undoes` is taken back.
IDENTITY_SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("time", TIME, nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("a", pa.string()),
        pa.field("b", pa.string()),
        pa.field("undoes", pa.int64()),
        pa.field("source", pa.string()),
        pa.field("event_id", pa.string()),
    ]
)

COLUMN_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": TIME,
    "date": pa.date32(),
}


def type_name(kind: pa.DataType) -> str:
    """The project's word for an Arrow type; `string` for what has none of its own."""
    if pa.types.is_timestamp(kind):
        return "timestamp"
    if pa.types.is_floating(kind):
        return "float64"
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_integer(kind):
        return "int64"
    return "string"


def event_schema(promoted: Mapping[str, str]) -> pa.Schema:
    """The schema of a project: the common columns, then its promoted ones (name -> type name)."""
    own = {field.name for field in EVENT_FIELDS}
    fields = list(EVENT_FIELDS)
    for name, type_name in promoted.items():
        if name in own:
            raise InvalidConfig(
                f"[events.columns] declares {name!r}, which every event already has",
                field=f"events.columns.{name}",
                got=type_name,
                hint="choose another name, or map the file's column to it with --map",
            )
        if type_name not in COLUMN_TYPES:
            near = nearest(type_name, COLUMN_TYPES, limit=1)
            raise InvalidConfig(
                f"{type_name!r} is not a column type",
                field=f"events.columns.{name}",
                got=type_name,
                allowed=tuple(COLUMN_TYPES),
                hint=f"did you mean {near[0]!r}?" if near else "types: " + ", ".join(COLUMN_TYPES),
            )
        fields.append(pa.field(name, COLUMN_TYPES[type_name]))
    return pa.schema(fields)
