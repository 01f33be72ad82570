"""Events from dictionaries, for tests that need a table of them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from footfall.event.person import person_keys
from footfall.event.schema import EVENT_FIELDS, TIME, event_schema

DATA = Path(os.environ.get("FOOTFALL_TEST_DATA", Path(__file__).resolve().parents[1].parent / "shared" / "data"))


def event_table(events: Sequence[Mapping[str, Any]], first_position: int = 0) -> pa.Table:
    """Dictionaries with user_id (or person_id), name, event_time (datetime or microseconds) and any further columns -> events."""
    common = {field.name: field for field in EVENT_FIELDS}
    promoted: dict[str, str] = {}
    for name, value in itertools.chain.from_iterable(event.items() for event in events):
        if name not in common and value is not None:
            kind = {bool: "bool", int: "int64", float: "float64", str: "string", datetime: "timestamp"}[type(value)]
            promoted[name] = "float64" if {promoted.get(name), kind} == {"int64", "float64"} else kind
    schema = event_schema(promoted)
    columns: dict[str, Any] = {}
    count = len(events)
    for field in schema:
        values = [event.get(field.name) for event in events]
        columns[field.name] = pa.array(values, field.type) if field.name not in ("event_time", "person_key") else None
    person = [str(event.get("person_id", event.get("user_id"))) for event in events]
    columns["person_id"] = pa.array(person, pa.string())
    columns["person_key"] = pa.array(person_keys(columns["person_id"]))
    times = [event["event_time"] for event in events]
    columns["event_time"] = pa.array([time if isinstance(time, datetime) else int(time) for time in times], TIME)
    if count and "position" not in events[0]:
        columns["position"] = pa.array(range(first_position, first_position + count), pa.int64())
    if count and "event_id" not in events[0]:
        columns["event_id"] = pa.array([f"e{first_position + row}" for row in range(count)], pa.string())
    if count and "received_time" not in events[0]:
        columns["received_time"] = pa.array([datetime(2026, 11, 1, tzinfo=UTC)] * count, TIME)
    return pa.table(columns, schema=schema)
