"""Mixpanel's /import: history, and events of servers, checked one by one.

A JSON array, NDJSON, or the form that Mixpanel's Python SDK sends.  The key is the `token` in the properties, else the user of Basic authentication
(project token, secret or service account), else project_id.  With strict=1 every event must keep Mixpanel's rules, and 400 lists
those that do not, while the others are stored, as there; without it everything that can be stored is.  A form is answered with `{"status":1}`,
which that SDK insists on, JSON with `{"code":200,"status":"OK","num_records_imported":N}`.  Source: the vendor's SDKs and HTTP documentation.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import msgspec

from footfall.collect.protocols.mixpanel import IDENTITY, Told, Track, Wrong, elements_of, event_of, payload_of, sort_out
from footfall.collect.wire.contract import JSON, Answer, Asked, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.json_body import check_text, decode_each
from footfall.collect.wire.retry_after import retry_after
from footfall.event.canonical import Event
from footfall.event.drop import DropReason

EVENTS_MAX = 2_000
EVENT_BYTES_MAX = 1_000_000
MEMBERS_MAX = 254  # fewer than 255
DEPTH_MAX = 3
ID_BYTES_MAX = 255
_EARLIEST_US = 31_536_000_000_000  # 1971-01-01
_AHEAD_US = 3_600_000_000  # one hour
_INSERT_ID = re.compile(r"[A-Za-z0-9-]{1,36}")
# Ids that say "nobody": an implementation's mistake that would make one person of many.
_NOBODY = frozenset(
    (
        "00000000-0000-0000-0000-000000000000", "-1", "0", "<nil>", "[]", "anon", "anonymous", "false", "lmy47d", "n/a", "na", "nil", "none", "null",
        "true", "undefined", "unknown", "{}",
    )
)  # fmt: skip
_TRACK = msgspec.json.Decoder(Track)
_VALUE = msgspec.json.Decoder()
_FAILED = "some data points in the request failed validation"


class MixpanelImport:
    """Mixpanel's import API."""

    name = "mixpanel_import"
    title = "Mixpanel import"
    stream = "events"
    raw = False
    allow_headers = ()
    routes = (Route(("POST",), "/import"),)

    def read(self, asked: Asked) -> Batch:
        """The events of one request."""
        strict = asked.query().get("strict") == "1"
        payload = payload_of(asked)
        elements, places, refused = _lines(payload) if payload[:1] == b"{" else elements_of(payload)
        if strict and places and places[-1] >= EVENTS_MAX:
            within = sum(place < EVENTS_MAX for place in places)
            refused += [_beyond(element, place) for element, place in zip(elements[within:], places[within:], strict=True)]
            elements, places = elements[:within], places[:within]
        received_us = asked.received_us
        check = (lambda told, size: _problem(told, size, received_us)) if strict else None
        batch = sort_out(elements, places, refused, check)
        batch.key = batch.key or _key(asked)
        return batch

    def events(self, batch: Batch) -> list[Event]:
        """Events in canonical form."""
        return [event_of(told) for told in batch.items]

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """How many were stored and, in strict mode, which were not."""
        strict = asked.query().get("strict") == "1"
        failed = bool(outcome.refused) and (strict or not outcome.stored)
        told: dict[str, Any] = {"code": 400 if failed else 200, "num_records_imported": outcome.stored, "status": "Bad Request" if failed else "OK"}
        if failed:
            told |= {"error": _FAILED, "failed_records": [_failed(refusal) for refusal in outcome.refused]}
        if _is_form(asked):
            told |= {"status": 0 if failed else 1, "error": _FAILED if failed else None}
        return Answer(told["code"], msgspec.json.encode(told), (JSON,))

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """An error in the words of the form that was asked."""
        status = 0 if _is_form(asked) else problem.code
        told = {"code": problem.status, "error": problem.sentence, "status": status, "num_records_imported": 0, "failed_records": []}
        return Answer(problem.status, msgspec.json.encode(told), (JSON, *retry_after(problem)))


def _is_form(asked: Asked) -> bool:
    return asked.body.lstrip()[:1] not in (b"[", b"{")


def _lines(payload: bytes) -> tuple[list[Track], list[int], list[Refusal]]:
    """Events one a line; empty lines count for nothing."""
    check_text(payload)
    try:
        elements = _TRACK.decode_lines(payload)
    except (msgspec.MsgspecError, RecursionError):
        return decode_each(_TRACK, [msgspec.Raw(line) for line in payload.splitlines() if line.strip()])
    return elements, list(range(len(elements))), []


def _problem(told: Told, size: int, received_us: int) -> Wrong | None:
    """What Mixpanel would find wrong with an event."""
    if size >= EVENT_BYTES_MAX:
        return DropReason.EVENT_TOO_LARGE, "properties", f"must have fewer than {EVENT_BYTES_MAX:,} bytes, has {size:,}"
    if len(told.members) > MEMBERS_MAX:
        return DropReason.INVALID_FIELD, "properties", f"must have fewer than {MEMBERS_MAX + 1} members, has {len(told.members)}"
    if told.name not in IDENTITY and (wrong := _problem_of_required(told, received_us)) is not None:
        return wrong
    for name, raw in told.members.items():
        if bytes(memoryview(raw)[:1]) in (b"{", b"[") and not _is_shallow(raw):
            return DropReason.INVALID_FIELD, f"properties.{name}", f"must nest at most {DEPTH_MAX} levels of fewer than 255 members"
    return None


def _problem_of_required(told: Told, received_us: int) -> Wrong | None:
    """What is wrong with the time, the person or the id, all of which an import must have."""
    known = told.known
    if told.time_us is None:
        return DropReason.MISSING_TIME, "properties.time", "must be specified as seconds or milliseconds since epoch"
    if not _EARLIEST_US <= told.time_us <= received_us + _AHEAD_US:
        return DropReason.INVALID_TIME, "properties.time", "must be after 1971-01-01 and at most one hour in the future"
    person = str(known.distinct_id if known.distinct_id is not None else told.user_id or told.anonymous_id)
    if person.lower() in _NOBODY or len(person.encode("utf-8", "surrogatepass")) > ID_BYTES_MAX:
        return DropReason.INVALID_FIELD, "properties.distinct_id", f"must name a person in at most {ID_BYTES_MAX} bytes, not {person[:40]!r}"
    if known.insert_id is None or _INSERT_ID.fullmatch(str(known.insert_id)) is None:
        return DropReason.INVALID_FIELD, "properties.$insert_id", "must be 1 to 36 letters, digits or hyphens"
    return None


def _is_shallow(raw: msgspec.Raw) -> bool:
    try:
        return _shallow(_VALUE.decode(raw), DEPTH_MAX)
    except RecursionError:
        return False


def _shallow(value: Any, levels: int) -> bool:
    """Whether a value keeps within the levels and the members of each."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and len(value) <= MEMBERS_MAX and all(_shallow(one, levels - 1) for one in inner)


def _beyond(element: Track, place: int) -> Refusal:
    row = msgspec.json.encode(element).decode()
    return Refusal(place, DropReason.TOO_MANY_EVENTS, f"a request may hold {EVENTS_MAX:,} events, this is number {place + 1:,}", row, "data")


def _failed(refusal: Refusal) -> dict[str, Any]:
    """One entry of the list that strict mode answers with; Mixpanel's own clients read either name of the id."""
    try:
        insert_id = _VALUE.decode(refusal.row)["properties"]["$insert_id"]
    except (msgspec.MsgspecError, KeyError, TypeError, RecursionError):
        insert_id = None
    return {
        "index": refusal.place,
        "insert_id": insert_id,
        "$insert_id": insert_id,
        "field": refusal.field or "",
        "message": refusal.detail,
    }


def _key(asked: Asked) -> str | None:
    authorization = asked.headers.get(b"authorization", b"")
    if authorization[:6].lower() == b"basic ":
        try:
            user = base64.b64decode(authorization[6:], validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            user = ""
        if user:
            return user
    return asked.query().get("project_id")
