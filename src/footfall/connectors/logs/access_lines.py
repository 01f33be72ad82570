"""Requests, one a line: the common and the combined format, and formats in the words of Apache and NGINX.

Common and combined lines are cut by the compiled reader of access logs.  A format of one's own is written as the server's own
configuration writes it: `$remote_addr [$time_local] "$request" $status $request_time`, or `%h %t "%r" %>s %b %D`.
"""

from __future__ import annotations

import re
from io import BytesIO

import msgspec

from footfall.connectors.files.access_log import COLUMNS, AccessLogReader
from footfall.connectors.files.contract import Place
from footfall.connectors.files.window import Window
from footfall.connectors.logs.moments import Moments
from footfall.errors import InvalidQuery
from footfall.event.canonical import LogRecord
from footfall.event.raw import NULL

# What a variable of NGINX or a directive of Apache means: the field of a record, and the factor to the field's unit.
_MEANING: dict[str, tuple[str, float]] = {
    "remote_addr": ("ip", 1), "h": ("ip", 1), "a": ("ip", 1), "remote_user": ("user_id", 1), "u": ("user_id", 1), "l": ("", 1),
    "time_local": ("time", 1), "time_iso8601": ("time", 1), "msec": ("time", 1), "t": ("time", 1), "request": ("request", 1), "r": ("request", 1),
    "request_method": ("method", 1), "m": ("method", 1), "request_uri": ("path", 1), "uri": ("path", 1), "U": ("path", 1), "status": ("status", 1),
    "s": ("status", 1), ">s": ("status", 1), "body_bytes_sent": ("bytes", 1), "bytes_sent": ("bytes", 1), "b": ("bytes", 1), "B": ("bytes", 1),
    "O": ("bytes", 1), "request_time": ("duration_ms", 1000), "D": ("duration_ms", 0.001), "T": ("duration_ms", 1000),
    "http_user_agent": ("agent", 1), "{user-agent}i": ("agent", 1), "http_referer": ("referrer", 1), "{referer}i": ("referrer", 1),
    "request_id": ("trace_id", 1), "{x-request-id}i": ("trace_id", 1),
    # Addresses of clients have one place only, where the collector can take them off.
    "http_x_forwarded_for": ("", 1), "{x-forwarded-for}i": ("", 1), "realip_remote_addr": ("", 1),
}  # fmt: skip
_VARIABLE = re.compile(r"\$\{?(\w+)\}?|%(\{[^}]+\}[a-zA-Z]|[<>]?[a-zA-Z])")
_REQUEST = re.compile(r"([A-Z_-]+) (\S.*?)(?: (HTTP/[\d.]+))?")


class AccessLines:
    """Lines of the common or the combined format; what stands behind the agent is left alone."""

    joins = False

    def __init__(self, moments: Moments, *, name: str = "combined") -> None:
        self.name = name
        self._moments = moments

    def read(self, line: str) -> LogRecord | str:
        """The request of a line."""
        raw = line.encode("utf-8", "surrogatepass")
        rows = AccessLogReader(Window(BytesIO(raw), 10, len(raw) + 1), place=Place()).read()
        if rows is None:
            return "the line is empty"
        if rows.rows[0, 3]:
            return rows.fault(0)[1]
        cells = {name: rows.value(at, 0, 1 << 16) for at, name in enumerate(COLUMNS) if rows.cells[at, 0, 2] != NULL}
        time = self._moments.read(cells.get("time", ""))
        if time is None:
            return f"{cells.get('time', '')!r} is no time"
        return request(cells, time)


class OwnAccessLines:
    """Lines of a format that is given in the words of Apache or NGINX."""

    name = "own"
    joins = False

    def __init__(self, pattern: str, moments: Moments) -> None:
        self._moments = moments
        self._names: list[str] = []
        parts, at = [], 0
        for found in _VARIABLE.finditer(pattern):
            parts.append(re.escape(pattern[at : found.start()]))
            name = found[1] or found[2]
            self._names.append(name.lower() if name.startswith("{") else name)
            if name == "t":
                parts.append(r"\[([^\]]*)\]")
            else:
                quoted = pattern[found.start() - 1 : found.start()] == '"' and pattern[found.end() : found.end() + 1] == '"'
                parts.append(r"((?:[^\"\\]|\\.)*)" if quoted else "(.*?)")
            at = found.end()
        parts.append(re.escape(pattern[at:]))
        self._line = re.compile("".join(parts))
        if not {_MEANING.get(name, ("", 1))[0] for name in self._names} & {"request", "path", "status"}:
            raise InvalidQuery(
                f"the format {pattern!r} names no request, path or status",
                field="format",
                got=pattern,
                hint="write it as in the server's configuration, such as '$remote_addr [$time_local] \"$request\" $status'",
            )

    def read(self, line: str) -> LogRecord | str:
        """The request of a line."""
        found = self._line.fullmatch(line)
        if found is None:
            return "the line does not have the given format"
        cells: dict[str, str] = {}
        more: dict[str, str] = {}
        duration_ms = time = None
        for name, value in zip(self._names, found.groups(), strict=True):
            field, factor = _MEANING.get(name, (None, 1.0))
            if value in ("", "-") or field == "":
                continue
            if field == "duration_ms":
                duration_ms = _number(value, factor)
            elif field == "time":
                time = self._moments.read(value)
                if time is None:
                    return f"{value!r} is no time"
            elif field is None:
                more[name.strip("{}<>")] = value
            else:
                cells[field] = value
        if "request" in cells:
            whole = _REQUEST.fullmatch(cells["request"])
            cells |= {"path": cells["request"]} if whole is None else {"method": whole[1], "path": whole[2], "protocol": whole[3] or ""}
        return request(cells, time, duration_ms, more)


def request(cells: dict[str, str], time: int | None, duration_ms: float | None = None, more: dict[str, str] | None = None) -> LogRecord | str:
    """A request from the texts of its cells."""
    status, size = cells.get("status"), cells.get("bytes")
    if status is not None and not (status.isdecimal() and len(status) == 3):
        return f"{status!r} is no status of HTTP"
    attributes = {name: cells[name] for name in ("referrer", "protocol") if cells.get(name)} | (more or {})
    return LogRecord(
        kind="access",
        time=time,
        method=cells.get("method"),
        path=cells.get("path"),
        status=None if status is None else int(status),
        bytes=int(size) if size is not None and size.isdecimal() and len(size) < 19 else None,
        duration_ms=duration_ms,
        ip=cells.get("ip"),
        agent=cells.get("agent"),
        user_id=cells.get("user") or cells.get("user_id"),
        trace_id=cells.get("trace_id"),
        attributes=msgspec.Raw(msgspec.json.encode(attributes)) if attributes else msgspec.Raw(b""),
    )


def is_own_format(text: str) -> bool:
    """Whether a text is a format in the words of Apache or NGINX."""
    return _VARIABLE.search(text) is not None


def _number(text: str, factor: float) -> float | None:
    try:
        return round(float(text) * factor, 6)
    except ValueError:
        return None
