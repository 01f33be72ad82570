"""Segment, and everything that speaks its words: RudderStack, Jitsu.

POST /v1/{track,identify,page,screen,group,alias} with one message, /v1/batch (and /v1/import) with `{batch, sentAt, writeKey}`; RudderStack adds
/v1/merge, /v1/replay and /beacon/v1/batch?writeKey=, Jitsu /api/s/{type} and /api/s/s2s/{type}.  The key is the user of Basic
authentication, `writeKey`, or X-Write-Key.  Duplicates go by `messageId`; event time is received - (sentAt - originalTimestamp).
`integrations` tells Segment whom to pass an event on to; it is no part of the event and is not kept.
Source: the vendors' SDKs and HTTP documentation.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from footfall.collect.wire.contract import JSON, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.json_body import check_text, decode, decode_each, json_text, not_json
from footfall.collect.wire.retry_after import retry_after
from footfall.event.canonical import NO_JSON, Event, absent
from footfall.event.drop import DropReason

_NAMES = {"identify": "identify", "page": "page_view", "screen": "screen_view", "group": "group", "alias": "alias", "merge": "merge"}
_KINDS = frozenset(("track", *_NAMES))


class Message(msgspec.Struct, omit_defaults=True, gc=False):
    """One call of an SDK.  What footfall looks into later stays raw."""

    type: str | None = None
    messageId: str | None = None  # noqa: N815 - the protocol's own name, as below
    event: str | None = None
    name: str | None = None
    category: str | None = None
    userId: str | int | None = None  # noqa: N815
    anonymousId: str | int | None = None  # noqa: N815
    previousId: str | int | None = None  # noqa: N815
    groupId: str | int | None = None  # noqa: N815
    timestamp: str | None = None
    originalTimestamp: str | None = None  # noqa: N815
    sentAt: str | None = None  # noqa: N815
    writeKey: str | None = None  # noqa: N815
    context: msgspec.Raw = NO_JSON
    properties: msgspec.Raw = NO_JSON
    traits: msgspec.Raw = NO_JSON
    mergeProperties: msgspec.Raw = NO_JSON  # noqa: N815


class _Body(msgspec.Struct, gc=False):
    batch: list[Message]
    sentAt: str | None = None  # noqa: N815
    writeKey: str | None = None  # noqa: N815
    context: msgspec.Raw = NO_JSON


class _LooseBody(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]
    sentAt: str | None = None  # noqa: N815
    writeKey: str | None = None  # noqa: N815


class _Page(msgspec.Struct, gc=False):
    url: str | None = None
    path: str | None = None
    referrer: str | None = None


class _Campaign(msgspec.Struct, gc=False):
    source: str | None = None
    medium: str | None = None
    name: str | None = None


class _Named(msgspec.Struct, gc=False):
    name: str | None = None
    type: str | None = None


class _Context(msgspec.Struct, gc=False):
    page: _Page | None = None
    userAgent: str | None = None  # noqa: N815
    ip: str | None = None
    campaign: _Campaign | None = None
    os: _Named | None = None
    device: _Named | None = None
    sessionId: str | int | None = None  # noqa: N815
    traits: msgspec.Raw = NO_JSON


_BODY = msgspec.json.Decoder(_Body)
_LOOSE = msgspec.json.Decoder(_LooseBody)
_ONE = msgspec.json.Decoder(Message)
_CONTEXT = msgspec.json.Decoder(_Context)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_EMPTY = _Context()


class Segment:
    """Segment's HTTP tracking API."""

    name = "segment"
    title = "Segment, RudderStack, Jitsu"
    stream = "events"
    raw = True
    allow_headers = ("X-Write-Key", "X-IP-Policy", "X-Enable-Debug")  # the last two are Jitsu's
    routes = (
        Route(("POST",), "/v1/batch"),
        Route(("POST",), "/v1/import"),
        Route(("POST",), "/v1/replay"),
        Route(("POST",), "/beacon/v1/batch"),
        *(Route(("POST",), f"/v1/{kind}") for kind in sorted(_KINDS)),
        Route(("POST",), "/api/s/*"),
    )

    def read(self, asked: Asked) -> Batch:
        """The messages of one request."""
        if _is_batch(asked):
            batch = _read_batch(asked.body)
        else:
            message = decode(_ONE, asked.body)
            batch = Batch([message], [message.messageId or None], message.writeKey, message.sentAt)
        kind = asked.path.rsplit("/", 1)[-1]
        if kind in _KINDS:
            for message in batch.items:
                message.type = message.type or kind
        _refuse_wrong(batch)
        batch.key = _key(asked) or batch.key
        batch.private = b'"ip"' in asked.body
        return batch

    def events(self, batch: Batch) -> list[Event]:
        """Messages in canonical form."""
        return [_event(message) for message in batch.items]

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """What every Segment SDK takes for success."""
        return Answer(200, b'{"success":true}', (JSON,))

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """An error that the SDKs log.

        A log that cannot be written is 429 as well: the SDKs keep a batch for hours when they are told to come back later, and give up on 5xx after
        ten tries.
        """
        body = msgspec.json.encode({"success": False, "code": problem.code, "message": problem.sentence})
        return Answer(429 if problem.status == 503 else problem.status, body, (JSON, *retry_after(problem)))


def _is_batch(asked: Asked) -> bool:
    return asked.path.endswith(("/batch", "/import", "/replay"))


def _read_batch(body: bytes) -> Batch:
    check_text(body)
    try:
        read = _BODY.decode(body)
    except msgspec.ValidationError:
        loose = decode(_LOOSE, body)
        items, places, refused = decode_each(_ONE, loose.batch)
        return Batch(items, [item.messageId or None for item in items], loose.writeKey, loose.sentAt, refused, places)
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise not_json(problem) from None
    if not read.batch:
        raise BadRequest(DropReason.MALFORMED_BODY, "the batch is empty", field="batch")
    return Batch(read.batch, [item.messageId or None for item in read.batch], read.writeKey, read.sentAt)


def _refuse_wrong(batch: Batch) -> None:
    """Take out messages that say nothing anybody could store."""
    wrong = [(index, problem) for index, message in enumerate(batch.items) if (problem := _problem(message)) is not None]
    if not wrong:
        return
    for index, (reason, field, detail) in wrong:
        batch.refused.append(Refusal(batch.place(index), reason, detail, json_text(batch.items[index]), field))
    gone = {index for index, _ in wrong}
    kept = [index for index in range(len(batch.items)) if index not in gone]
    batch.places = [batch.place(index) for index in kept]
    batch.items = [batch.items[index] for index in kept]
    batch.ids = [batch.ids[index] for index in kept]


def _problem(message: Message) -> tuple[DropReason, str, str] | None:
    if message.type not in _KINDS:
        return DropReason.INVALID_FIELD, "type", f"type {message.type!r} is none of {', '.join(sorted(_KINDS))}"
    if message.type == "track" and not message.event:
        return DropReason.MISSING_NAME, "event", "a track call names no event"
    if not message.userId and not message.anonymousId and message.userId != 0 and message.type != "merge":
        return DropReason.MISSING_PERSON, "userId", "neither userId nor anonymousId has a value"
    return None


def _key(asked: Asked) -> str | None:
    authorization = asked.headers.get(b"authorization", b"")
    if authorization[:6].lower() == b"basic ":
        try:
            return base64.b64decode(authorization[6:], validate=True).decode().partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    if authorization[:7].lower() == b"bearer ":
        return authorization[7:].decode("latin-1")
    key = asked.header(b"x-write-key") or (asked.query().get("writeKey") if asked.query_string else None)
    return key.partition(":")[0] if key else None


def _event(message: Message) -> Event:
    context = _context(message.context)
    page, campaign = context.page, context.campaign
    kind = message.type or "track"
    user = message.userId
    return Event(
        name=message.event if kind == "track" and message.event else _NAMES.get(kind, kind),
        event_id=message.messageId or None,
        event_time=message.originalTimestamp or message.timestamp,
        sent_time=message.sentAt,
        user_id=str(user) if user.__class__ is int else user,  # type: ignore[arg-type]
        anonymous_id=None if message.anonymousId is None else str(message.anonymousId),
        session_id=None if context.sessionId is None else str(context.sessionId),
        identity=kind if kind in ("identify", "alias", "merge") else None,
        previous_id=None if message.previousId is None else str(message.previousId),
        url=page.url if page else None,
        page=page.path if page else None,
        referrer=page.referrer if page else None,
        agent=context.userAgent,
        ip=context.ip,
        os=context.os.name if context.os else None,
        device=context.device.type if context.device else None,
        utm_source=campaign.source if campaign else None,
        utm_medium=campaign.medium if campaign else None,
        utm_campaign=campaign.name if campaign else None,
        properties=_properties(message, kind, context.traits),
        context=_kept_context(message.context, context),
    )


def _context(raw: msgspec.Raw) -> _Context:
    if absent(raw):
        return _EMPTY
    try:
        return _CONTEXT.decode(raw)
    except msgspec.MsgspecError:  # a context of another shape is kept as sent and gives nothing to look into
        return _EMPTY


def _kept_context(raw: msgspec.Raw, context: _Context) -> msgspec.Raw:
    """The context without the address."""
    if context.ip is None:
        return NO_JSON if absent(raw) else raw
    members = _OBJECT.decode(raw)
    members.pop("ip", None)
    return msgspec.Raw(msgspec.json.encode(members))


def _properties(message: Message, kind: str, context_traits: msgspec.Raw) -> msgspec.Raw:
    """A track call's properties, an identify call's traits; what a call has beside them is added under its own name.

    RudderStack's SDKs put the traits of identify into the context.
    """
    raw = message.properties
    if kind in ("identify", "group"):
        raw = message.properties if absent(message.traits) else message.traits
        if kind == "identify" and absent(raw):
            raw = context_traits
    extra = {"groupId": message.groupId, **({"category": message.category, "name": message.name} if kind in ("page", "screen") else {})}
    found = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in extra.items() if value is not None}
    if kind == "merge" and not absent(message.mergeProperties):
        found["mergeProperties"] = message.mergeProperties
    if not found:
        return NO_JSON if absent(raw) else raw
    try:
        members = {} if absent(raw) else _OBJECT.decode(raw)
    except msgspec.MsgspecError:
        members = {}
    return msgspec.Raw(msgspec.json.encode(found | members))
