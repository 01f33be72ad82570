"""Why an event was not stored: one vocabulary for code, metrics, dead letters and docs."""

from __future__ import annotations

from enum import StrEnum


class DropReason(StrEnum):
    """The reason a row became a dead letter."""

    MALFORMED_ROW = "malformed_row"
    INVALID_ENCODING = "invalid_encoding"
    ROW_TOO_LONG = "row_too_long"
    MISSING_TIME = "missing_time"
    INVALID_TIME = "invalid_time"
    MISSING_NAME = "missing_name"
    MISSING_PERSON = "missing_person"
    UNKNOWN_NAME = "unknown_name"
    INVALID_VALUE = "invalid_value"
    MALFORMED_BODY = "malformed_body"
    BODY_TOO_LARGE = "body_too_large"
    EVENT_TOO_LARGE = "event_too_large"
    TOO_MANY_EVENTS = "too_many_events"
    MALFORMED_EVENT = "malformed_event"
    INVALID_FIELD = "invalid_field"
    UNKNOWN_SOURCE = "unknown_source"


MEANING: dict[DropReason, str] = {
    DropReason.MALFORMED_ROW: "the row does not have the shape of its format: wrong number of fields, broken JSON, no log line",
    DropReason.INVALID_ENCODING: "the bytes are not text in the file's encoding",
    DropReason.ROW_TOO_LONG: "the row is longer than the limit of 16 MiB, most often a quote that never closes",
    DropReason.MISSING_TIME: "the column of event_time is empty",
    DropReason.INVALID_TIME: "event_time is not a time between 1970 and 2200 in the mapped format",
    DropReason.MISSING_NAME: "the column of name is empty",
    DropReason.MISSING_PERSON: "neither user_id nor anonymous_id has a value",
    DropReason.UNKNOWN_NAME: "the tracking plan lists its event names and this one is not among them",
    DropReason.INVALID_VALUE: "a promoted column holds a value that is not of its declared type",
    DropReason.MALFORMED_BODY: "the body of the request is not what its protocol sends: no JSON, broken compression, no list of events",
    DropReason.BODY_TOO_LARGE: "the body of the request is larger than the limit, packed or unpacked",
    DropReason.EVENT_TOO_LARGE: "one event is larger than the limit",
    DropReason.TOO_MANY_EVENTS: "one request holds more events than the limit",
    DropReason.MALFORMED_EVENT: "an element of the request is not an object of the protocol, or is nested too deeply",
    DropReason.INVALID_FIELD: "a field that the protocol defines has a value that it forbids",
    DropReason.UNKNOWN_SOURCE: "the request names no write key that this project knows",
}
