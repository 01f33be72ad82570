"""OpenTelemetry's logs over HTTP (OTLP): POST /v1/logs, JSON or protobuf, answered in the encoding that it came in.

A record is `access` when it names an HTTP method or status, `error` from severity ERROR (17) on or with an exception, `performance` when it
has a duration, else `log`.  Attributes by their semantic conventions, old names included, fill the columns; durations of HTTP come in
seconds.  The rest stays in the attributes, with the resource under `resource`, scope under `scope`.  `log.record.uid` is the id, where there is
one.  The key is the bearer of Authorization, X-Write-Key, X-API-Key or ?key=, without any the resource's `service.name`.
Source: the specification of OpenTelemetry's protocol and its semantic conventions.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from footfall.collect.wire.contract import JSON, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.json_body import decode, json_text
from footfall.collect.wire.plain_values import identifier, number
from footfall.collect.wire.retry_after import retry_after
from footfall.event.canonical import NO_JSON, LogRecord
from footfall.event.drop import DropReason

PROTOBUF = (b"content-type", b"application/x-protobuf")
ERROR_SEVERITY = 17
DEPTH_MAX = 32
_INT64 = range(-(1 << 63), 1 << 63)
_LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")  # four numbers each, from 1 on

# Column -> attributes that fill it, the first that is there; all of them leave the attributes.
_METHOD = ("http.request.method", "http.method")
_PATH = ("url.path", "http.target", "http.route")
_STATUS = ("http.response.status_code", "http.status_code")
_BYTES = ("http.response.body.size", "http.response_content_length")
_ADDRESS = ("client.address", "http.client_ip", "source.address", "network.peer.address", "net.peer.ip", "net.sock.peer.addr")
_AGENT = ("user_agent.original", "http.user_agent")
_USER = ("user.id", "enduser.id")
_SESSION = ("session.id",)
_SECONDS = ("http.server.request.duration", "http.client.request.duration")
_MILLISECONDS = ("duration_ms", "http.server.duration", "http.client.duration")
_UID = ("log.record.uid",)

Attributes = dict[str, Any]
Pairs = list[dict[str, Any]]


class _Record(msgspec.Struct, gc=False, rename="camel"):
    time_unix_nano: str | int | None = None
    observed_time_unix_nano: str | int | None = None
    severity_number: int | str | None = None
    severity_text: str | None = None
    body: Any = None
    attributes: Pairs | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None


class _Scope(msgspec.Struct, gc=False):
    name: str | None = None


class _ScopeLogs(msgspec.Struct, gc=False, rename="camel"):
    scope: _Scope | None = None
    log_records: list[msgspec.Raw] | None = None


class _Resource(msgspec.Struct, gc=False):
    attributes: Pairs | None = None


class _ResourceLogs(msgspec.Struct, gc=False, rename="camel"):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] | None = None


class _Request(msgspec.Struct, gc=False, rename="camel"):
    resource_logs: list[_ResourceLogs] | None = None


_REQUEST = msgspec.json.Decoder(_Request)
_RECORD = msgspec.json.Decoder(_Record)
_BROKEN = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError)
Found = tuple[Any, Attributes, str | None]  # a record as sent, its resource, the name of its scope


class Otlp:
    """OpenTelemetry's logs."""

    name = "otlp"
    title = "OpenTelemetry logs (OTLP/HTTP)"
    stream = "logs"
    raw = False
    allow_headers = ("X-Write-Key", "X-API-Key")
    routes = (Route(("POST",), "/v1/logs"),)

    def read(self, asked: Asked) -> Batch:
        """The log records of one request; none at all is nothing wrong."""
        found, to_record = (_found_json(asked.body), _from_json) if _is_json(asked) else (_found_protobuf(asked.body), _from_protobuf)
        batch = Batch([], [], key=_key(asked), places=[])
        assert batch.places is not None
        for place, (sent, resource, scope) in enumerate(found):
            batch.key = batch.key or identifier(resource.get("service.name"))
            try:
                record, attributes = to_record(sent)
            except _BROKEN as problem:
                batch.refused.append(Refusal(place, DropReason.MALFORMED_EVENT, f"the log record cannot be read: {problem}", json_text(_shown(sent))))
                continue
            line = _line(record, attributes, resource, scope)
            batch.items.append(line)
            batch.ids.append(line.event_id)
            batch.places.append(place)
        return batch

    def events(self, batch: Batch) -> list[LogRecord]:
        """They are canonical already."""
        return batch.items

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """An empty message, or how many records were rejected and why the first of them was."""
        rejected = len(outcome.refused)
        why = outcome.refused[0].detail if rejected else ""
        if _is_json(asked):
            told = {"partialSuccess": {"rejectedLogRecords": str(rejected), "errorMessage": why}} if rejected else {}
            return Answer(200, msgspec.json.encode(told), (JSON,))
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

        message = ExportLogsServiceResponse()
        if rejected:
            message.partial_success.rejected_log_records = rejected
            message.partial_success.error_message = why
        return Answer(200, message.SerializeToString(), (PROTOBUF,))

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """A Status with its sentence; exporters try 429 and 503 again."""
        if _is_json(asked):
            return Answer(problem.status, msgspec.json.encode({"message": problem.sentence}), (JSON, *retry_after(problem)))
        sentence = problem.sentence.encode()[:4_000]
        # google.rpc.Status has its message as field 2; one field needs no library.
        size = bytes([len(sentence)]) if len(sentence) < 128 else bytes([len(sentence) & 127 | 128, len(sentence) >> 7])
        return Answer(problem.status, b"\x12" + size + sentence, (PROTOBUF, *retry_after(problem)))


def _is_json(asked: Asked) -> bool:
    kind = asked.header(b"content-type") or ""
    return "json" in kind if "json" in kind or "protobuf" in kind else asked.body.lstrip()[:1] == b"{"


def _key(asked: Asked) -> str | None:
    authorization = asked.header(b"authorization") or ""
    if authorization[:7].lower() == "bearer ":
        return authorization[7:].strip() or None
    return asked.header(b"x-write-key") or asked.header(b"x-api-key") or asked.query().get("key") or None


# --- JSON ---------------------------------------------------------------------------------------------------------------------


def _found_json(body: bytes) -> Iterator[Found]:
    request = decode(_REQUEST, body)
    for logs in request.resource_logs or ():
        try:
            resource = _attributes(logs.resource.attributes if logs.resource else None)
        except _BROKEN as problem:
            raise BadRequest(DropReason.MALFORMED_BODY, f"the attributes of a resource cannot be read: {problem}", field="resource") from None
        for group in logs.scope_logs or ():
            for raw in group.log_records or ():
                yield raw, resource, group.scope.name if group.scope else None


def _from_json(raw: msgspec.Raw) -> tuple[_Record, Attributes]:
    record = _RECORD.decode(raw)
    record.body = _value(record.body)
    return record, _attributes(record.attributes)


def _attributes(pairs: Pairs | None, depth: int = 0) -> Attributes:
    found = {}
    for pair in pairs or ():
        key = identifier(pair.get("key"))
        if key is None:
            raise ValueError("an attribute has no key")
        found[key] = _value(pair.get("value"), depth)
    return found


def _value(told: Any, depth: int = 0) -> Any:
    """An AnyValue as JSON has it: an object with one member, named by its type."""
    if not isinstance(told, dict):
        return told if told is None or isinstance(told, str | int | float) else None
    if depth > DEPTH_MAX:
        raise ValueError(f"a value is nested more than {DEPTH_MAX} levels deep")
    kind, value = next(((name, value) for name, value in told.items() if value is not None), ("", None))
    if kind == "intValue":
        return number(value) if isinstance(value, str) and len(value) < 16 else int(value) if isinstance(value, str | int) else None
    if kind == "doubleValue":
        return number(value) if isinstance(value, str) else value
    inner = value.get("values") if isinstance(value, dict) else None
    if not isinstance(inner, list):
        return value if isinstance(value, str | bool) else None
    if kind == "kvlistValue":
        return _attributes([pair if isinstance(pair, dict) else {} for pair in inner], depth + 1)
    return [_value(one, depth + 1) for one in inner]


# --- protobuf -----------------------------------------------------------------------------------------------------------------


def _found_protobuf(body: bytes) -> Iterator[Found]:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    try:
        request = ExportLogsServiceRequest.FromString(body)
    except (DecodeError, ValueError) as problem:
        hint = "send OTLP as protobuf, or as JSON with Content-Type: application/json"
        raise BadRequest(DropReason.MALFORMED_BODY, f"the body is no OTLP message: {problem}", field="body", hint=hint) from None
    for logs in request.resource_logs:
        try:
            resource = _of_pairs(logs.resource.attributes)
        except ValueError as problem:
            raise BadRequest(DropReason.MALFORMED_BODY, f"the attributes of a resource cannot be read: {problem}", field="resource") from None
        for group in logs.scope_logs:
            for record in group.log_records:
                yield record, resource, group.scope.name or None


def _from_protobuf(sent: Any) -> tuple[_Record, Attributes]:
    record = _Record(
        time_unix_nano=sent.time_unix_nano,
        observed_time_unix_nano=sent.observed_time_unix_nano,
        severity_number=sent.severity_number,
        severity_text=sent.severity_text,
        body=_of_value(sent.body),
        trace_id=sent.trace_id.hex(),
        span_id=sent.span_id.hex(),
        event_name=sent.event_name,
    )
    return record, _of_pairs(sent.attributes)


def _of_pairs(pairs: Any, depth: int = 0) -> Attributes:
    return {pair.key: _of_value(pair.value, depth) for pair in pairs}


def _of_value(told: Any, depth: int = 0) -> Any:
    if depth > DEPTH_MAX:
        raise ValueError(f"a value is nested more than {DEPTH_MAX} levels deep")
    kind = told.WhichOneof("value")
    if kind is None:
        return None
    value = getattr(told, kind)
    if kind == "kvlist_value":
        return _of_pairs(value.values, depth + 1)
    if kind == "array_value":
        return [_of_value(one, depth + 1) for one in value.values]
    return base64.b64encode(value).decode() if kind == "bytes_value" else value


def _shown(sent: Any) -> Any:
    return sent if isinstance(sent, msgspec.Raw) else str(sent)


# --- canonical ----------------------------------------------------------------------------------------------------------------


def _line(record: _Record, attributes: Attributes, resource: Attributes, scope: str | None) -> LogRecord:
    def take(names: tuple[str, ...]) -> Any:
        found = [attributes.pop(name) for name in names if name in attributes]
        return next((value for value in found if value is not None), None)

    method, status = identifier(take(_METHOD)), _whole(take(_STATUS))
    seconds, milliseconds = _amount(take(_SECONDS)), _amount(take(_MILLISECONDS))
    duration = milliseconds if seconds is None else seconds * 1_000
    severity = _whole(record.severity_number) or 0
    is_error = severity >= ERROR_SEVERITY or "exception.type" in attributes or "exception.message" in attributes
    is_access = method is not None or status is not None
    line = LogRecord(
        kind="access" if is_access else "error" if is_error else "performance" if duration is not None else "log",
        event_id=identifier(take(_UID)),
        time=_micros(record.time_unix_nano) or _micros(record.observed_time_unix_nano),
        level=(record.severity_text or "").lower() or (_LEVELS[(severity - 1) // 4] if 0 < severity <= 24 else None),
        method=method,
        path=identifier(take(_PATH)),
        status=status,
        duration_ms=duration,
        bytes=_whole(take(_BYTES)),
        ip=identifier(take(_ADDRESS)),
        agent=identifier(take(_AGENT)),
        user_id=identifier(take(_USER)),
        session_id=identifier(take(_SESSION)),
        message=_message(record.body),
        trace_id=(record.trace_id or "").lower() or None,
    )
    beside = {"span_id": record.span_id, "event_name": record.event_name, "scope": scope, "resource": _without_addresses(resource)}
    attributes |= {name: value for name, value in beside.items() if value}
    line.attributes = msgspec.Raw(msgspec.json.encode(attributes)) if attributes else NO_JSON
    return line


def _without_addresses(resource: Attributes) -> Attributes:
    return {name: value for name, value in resource.items() if name not in _ADDRESS}


def _message(body: Any) -> str | None:
    if body is None or isinstance(body, str):
        return body or None
    return msgspec.json.encode(body).decode()


def _micros(nanoseconds: str | int | None) -> int | None:
    """0 means that the time is not known."""
    whole = _whole(nanoseconds)
    return whole // 1_000 if whole else None


def _whole(value: Any) -> int | None:
    try:
        whole = int(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None
    return whole if whole is not None and whole in _INT64 else None


def _amount(value: Any) -> float | None:
    try:
        amount = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None
    return amount if amount is not None and math.isfinite(amount) else None
