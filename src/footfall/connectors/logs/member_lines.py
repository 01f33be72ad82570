"""Lines of named members: JSON objects, and key=value pairs (logfmt).  The names that loggers usually take are known.

What a member means goes by its name, in any case and spelling: `request_time` is seconds, `duration_ms` milliseconds, and a duration
with no unit in name or value is milliseconds.  A record with a method, a path or a status is of kind access; else one with a
duration is of kind performance; else of kind error.  Members without a meaning stay in the attributes; addresses do not.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from footfall.connectors.logs.contract import level_of
from footfall.connectors.logs.moments import Moments
from footfall.event.canonical import LogRecord

_TIME = ("@timestamp", "timestamp", "time", "ts", "datetime", "date", "time_local", "time_iso8601", "msec", "asctime", "timemillis", "start_time")
_LEVEL = ("level", "log.level", "severity", "levelname", "lvl", "loglevel", "severity_text")
_IP = ("remote_addr", "client_ip", "clientip", "client.ip", "source.ip", "remote_ip", "request.remote_ip", "request.client_ip", "ip", "remote_host",
       "host_ip", "x_forwarded_for", "http_x_forwarded_for", "forwarded_for", "realip_remote_addr")  # fmt: skip
_TEXTS: dict[str, tuple[str, ...]] = {
    "method": ("method", "request_method", "http.request.method", "http_method", "request.method", "verb"),
    "path": ("path", "uri", "request_uri", "url", "url.path", "url.original", "request.uri", "request.path", "request.url", "request_path", "endpoint",
             "http.target", "route"),
    "agent": ("user_agent", "http_user_agent", "useragent", "user_agent.original", "agent", "request.user_agent"),
    "user_id": ("user_id", "userid", "user.id", "remote_user", "uid"),
    "session_id": ("session_id", "sessionid", "session.id"),
    "message": ("message", "msg", "event", "error.message", "error", "exception"),
    "trace_id": ("trace_id", "traceid", "trace.id", "dd.trace_id", "request_id", "requestid", "correlation_id"),
}  # fmt: skip
_NUMBERS: dict[str, tuple[str, ...]] = {
    "status": ("status", "status_code", "statuscode", "http.response.status_code", "response.status", "http_status", "response_code"),
    "bytes": ("body_bytes_sent", "bytes_sent", "bytes", "response_size", "size", "http.response.body.bytes", "content_length", "length"),
}
# Milliseconds in one unit of the member.
_DURATIONS: dict[str, float] = {
    "duration_ms": 1, "latency_ms": 1, "elapsed_ms": 1, "response_time_ms": 1, "time_ms": 1, "took_ms": 1, "durationms": 1, "responsetime": 1,
    "duration_us": 1e-3, "duration_ns": 1e-6, "event.duration": 1e-6, "duration_s": 1e3, "duration_seconds": 1e3, "elapsed_s": 1e3,
    "elapsed_seconds": 1e3, "latency_s": 1e3, "request_time": 1e3, "upstream_response_time": 1e3, "duration": 1, "elapsed": 1, "latency": 1, "took": 1,
    "response_time": 1,
}  # fmt: skip
_UNITS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "min": 6e4, "h": 3.6e6}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?\d+)?) ?([a-zµ]*)")
_PAIR = re.compile(r'([A-Za-z_@][\w.@/-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s+|$)')
_LEADING_TIME = re.compile(r"\[?(\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\]?\s+")
_REQUEST = re.compile(r"([A-Z_-]+) (\S.*?)(?: HTTP/[\d.]+)?")
_DEEPEST = 4

Members = dict[str, Any]


class JsonLines:
    """One JSON object a line."""

    name = "json"
    joins = False

    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    def read(self, line: str) -> LogRecord | str:
        """The record of an object."""
        try:
            members = msgspec.json.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError) as problem:
            return f"the line is no JSON: {problem}"
        if not isinstance(members, dict):
            return "the line is JSON, and not an object"
        return record_of(members, self._moments)


class PerformanceLines:
    """Lines of key=value pairs or JSON objects, with a duration each."""

    name = "performance"
    joins = False

    def __init__(self, moments: Moments, *, needs_duration: bool = True) -> None:
        self._moments = moments
        self._needs_duration = needs_duration

    def read(self, line: str) -> LogRecord | str:
        """The record of a line."""
        if line.lstrip().startswith("{"):
            record = JsonLines(self._moments).read(line)
        else:
            members = pairs_of(line)
            if members is None:
                return "the line is not made of key=value pairs"
            record = record_of(members, self._moments)
        if not self._needs_duration or isinstance(record, str):
            return record
        if record.duration_ms is None:
            return "the line names no duration"
        record.kind = "performance"
        return record


def pairs_of(line: str) -> Members | None:
    """The key=value pairs of a line, which a time may precede; None when there is anything else in it."""
    members: Members = {}
    time = _LEADING_TIME.match(line)
    at = 0
    if time:
        members["time"], at = time[1], time.end()
    while at < len(line):
        found = _PAIR.match(line, at)
        if found is None:
            return None
        value = found[2]
        members[found[1]] = value[1:-1].replace('\\"', '"').replace("\\\\", "\\") if value.startswith('"') else value
        at = found.end()
    return members if len(members) > (1 if time else 0) else None


def record_of(members: Members, moments: Moments) -> LogRecord | str:
    """Members by their usual names -> a record; a sentence when the time is no time or a number no number."""
    left = _Left(members)
    record = LogRecord(kind="error")
    named = left.take(_TIME)
    if named not in (None, ""):
        record.time = moments.read(str(named))
        if record.time is None:
            return f"{str(named)[:80]!r} is no time"
    level = left.take(_LEVEL)
    record.level = _level(level)
    addresses = [str(value) for name in _IP if (value := left.take((name,))) is not None]
    record.ip = addresses[0].partition(",")[0].strip() if addresses else None
    request = left.take(("request",), of=str)
    for field, names in _TEXTS.items():
        value = left.take(names)
        setattr(record, field, None if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode())
    if request is not None:
        whole = _REQUEST.fullmatch(request)
        record.method = record.method or (whole[1] if whole else None)
        record.path = record.path or (whole[2] if whole else request)
    for field, names in _NUMBERS.items():
        setattr(record, field, _whole(left.take(names)))
    record.duration_ms = _duration(left)
    if record.method is not None or record.path is not None or record.status is not None:
        record.kind = "access"
    elif record.duration_ms is not None:
        record.kind = "performance"
    elif record.level is None and record.message is None:
        return "the members name no request, no duration, no level and no message"
    if left.members:
        record.attributes = msgspec.Raw(msgspec.json.encode(left.members))
    return record


class _Left:
    """What is left of the members while their meanings are taken out.  Names are compared in lower case; a dot goes one level down."""

    def __init__(self, members: Members) -> None:
        self.members = members
        self._paths: dict[str, list[tuple[Members, str]]] = {}
        self._note(members, "", [])

    def _note(self, members: Members, prefix: str, way: list[tuple[Members, str]]) -> None:
        for name, value in members.items():
            path = prefix + name.lower()
            here = [*way, (members, name)]
            self._paths.setdefault(path, here)
            if isinstance(value, dict) and len(here) < _DEEPEST:
                self._note(value, path + ".", here)

    def take(self, names: tuple[str, ...], *, of: type | tuple[type, ...] = (str, int, float)) -> Any:
        """The first of these members that has a plain value; it is taken out, and so is an object that it leaves empty."""
        for name in names:
            way = self._paths.get(name)
            if way is None or way[-1][1] not in way[-1][0]:
                continue
            value = way[-1][0][way[-1][1]]
            if not isinstance(value, of) or isinstance(value, bool):
                continue
            for holder, member in reversed(way):
                if isinstance(holder[member], dict) and holder[member]:
                    break
                del holder[member]
            return None if value in ("", "-") else value
        return None


def _level(value: Any) -> str | None:
    """A level by name; numbers are those of pino and bunyan (10 trace to 60 fatal)."""
    if value is None:
        return None
    if isinstance(value, int):
        return {10: "trace", 20: "debug", 30: "info", 40: "warning", 50: "error", 60: "critical"}.get(value)
    return level_of(str(value))


def _whole(value: Any) -> int | None:
    try:
        number = int(float(value)) if value is not None else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) < 1 << 63 else None


def _duration(left: _Left) -> float | None:
    found: float | None = None
    for name, factor in _DURATIONS.items():
        value = left.take((name,)) if found is None else None
        if value is None:
            continue
        quantity = _QUANTITY.fullmatch(str(value).strip())
        if quantity is None or (quantity[2] and quantity[2] not in _UNITS):
            continue
        found = round(float(quantity[1]) * (_UNITS[quantity[2]] if quantity[2] else factor), 6)
    return found
