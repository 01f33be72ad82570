"""PostHog, its second protocol (V1), which answers for each event.

POST /i/v1/analytics/events with `{created_at, batch, historical_migration}`; the key is the bearer of Authorization.  Duplicates go by
`uuid`.  The client's clock at sending is PostHog-Request-Timestamp, which every attempt writes anew, or else `created_at`, which stays that
of the first attempt; `options.disable_skew_correction` says that an event's time was not read from that clock.
The answer names every uuid: ok, or drop with the reason of the dead letter; nothing asks for a retry, because all of it is stored.
Source: the vendor's SDKs.
"""

from __future__ import annotations

import msgspec

from footfall.collect.protocols.posthog.items import Item, Origin, batch_of, micros
from footfall.collect.protocols.posthog.v0 import refusal_answer
from footfall.collect.wire.contract import JSON, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.json_body import check_text, decode, decode_each, json_text, not_json
from footfall.event.canonical import Event
from footfall.event.drop import DropReason

_REQUEST_ID = b"posthog-request-id"
_DROPPED = {"result": "drop"}
_OK = {"result": "ok"}


class _Body(msgspec.Struct, gc=False):
    batch: list[Item]
    created_at: str | int | float | None = None
    historical_migration: bool | None = None


class _LooseBody(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]
    created_at: str | int | float | None = None
    historical_migration: bool | None = None


class _Named(msgspec.Struct, gc=False):
    uuid: str | None = None


_BODY = msgspec.json.Decoder(_Body)
_LOOSE = msgspec.json.Decoder(_LooseBody)
_ONE = msgspec.json.Decoder(Item)
_NAMED = msgspec.json.Decoder(_Named)


class PostHogV1:
    """PostHog's endpoint with results for each event."""

    name = "posthog_v1"
    title = "PostHog (capture mode V1)"
    stream = "events"
    raw = False
    allow_headers = ("PostHog-Sdk-Info", "PostHog-Attempt", "PostHog-Request-Id", "PostHog-Request-Timestamp")
    routes = (Route(("POST",), "/i/v1/analytics/events"),)

    def read(self, asked: Asked) -> Batch:
        """The events of one request.  An event without uuid cannot be answered for, so it is refused."""
        body, items, places, refused, uuids = _read(asked.body)
        lib, _, version = (asked.header(b"posthog-sdk-info") or "").partition("/")
        origin = Origin(asked.received_us, body.historical_migration is True, lib or None, version or None)
        items, places = _refuse_nameless(items, places, refused)
        batch = batch_of(items, places, refused, origin)
        authorization = asked.header(b"authorization") or ""
        batch.key = authorization[7:].strip() or None if authorization[:7].lower() == "bearer " else None
        try:
            batch.sent = asked.header(b"posthog-request-timestamp") or micros(body.created_at)
        except ValueError:
            batch.sent = None
        batch.extra = uuids
        return batch

    def events(self, batch: Batch) -> list[Event]:
        """They are canonical already."""
        return batch.items

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """A result for each uuid."""
        results: dict[str, dict[str, str]] = {event.event_id: _OK for event in outcome.batch.items}
        uuids: dict[int, str] = outcome.batch.extra or {}
        for refusal in outcome.refused:
            uuid = uuids.get(refusal.place)
            if uuid and uuid not in results:
                results[uuid] = _DROPPED | {"details": f"{refusal.reason}: {refusal.detail}"}
        return Answer(200, msgspec.json.encode({"results": results}), (JSON, *_echo(asked)))

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """`error_description` is what the SDKs show."""
        answer = refusal_answer(problem, {"error": problem.code, "error_description": problem.sentence})
        return Answer(answer.status, answer.body, (*answer.headers, *_echo(asked)))


def _echo(asked: Asked) -> tuple[tuple[bytes, bytes], ...]:
    """The id of the request, by which a client's log and an operator's find each other."""
    value = asked.headers.get(_REQUEST_ID, b"")
    return ((_REQUEST_ID, value),) if 0 < len(value) <= 64 and value.replace(b"-", b"").isalnum() else ()


def _read(body: bytes) -> tuple[_Body | _LooseBody, list[Item], list[int] | None, list[Refusal], dict[int, str]]:
    """The body, its events, their places if some were refused, those, and the uuid at each place."""
    check_text(body)
    try:
        read = _BODY.decode(body)
    except msgspec.ValidationError:
        loose = decode(_LOOSE, body)
        items, places, refused = decode_each(_ONE, loose.batch)
        return loose, items, places, refused, {place: _uuid(raw) for place, raw in enumerate(loose.batch)}
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        raise not_json(problem) from None
    if not read.batch:
        raise BadRequest(DropReason.MALFORMED_BODY, "the batch is empty", field="batch")
    return read, read.batch, None, [], {place: item.uuid or "" for place, item in enumerate(read.batch)}


def _uuid(raw: msgspec.Raw) -> str:
    try:
        return _NAMED.decode(raw).uuid or ""
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ""


def _refuse_nameless(items: list[Item], places: list[int] | None, refused: list[Refusal]) -> tuple[list[Item], list[int] | None]:
    nameless = [index for index, item in enumerate(items) if not item.uuid]
    if not nameless:
        return items, places
    at = range(len(items)) if places is None else places
    refused += [Refusal(at[index], DropReason.INVALID_FIELD, "the event has no uuid", json_text(items[index]), "uuid") for index in nameless]
    gone = set(nameless)
    kept = [index for index in range(len(items)) if index not in gone]
    return [items[index] for index in kept], [at[index] for index in kept]
