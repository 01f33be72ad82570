"""Formats of log lines by name, and the one that looks at each line itself."""

from __future__ import annotations

from footfall.connectors.logs.access_lines import AccessLines, OwnAccessLines, is_own_format
from footfall.connectors.logs.contract import LineFormat
from footfall.connectors.logs.error_lines import ErrorLines
from footfall.connectors.logs.member_lines import JsonLines, PerformanceLines
from footfall.connectors.logs.moments import Moments
from footfall.errors import InvalidQuery, nearest
from footfall.event.canonical import LogRecord

NAMES = ("auto", "common", "combined", "json", "error", "performance")


class AnyLines:
    """Each line is read by the first format that can, the one of the line before first."""

    name = "auto"
    joins = True

    def __init__(self, moments: Moments) -> None:
        self._json = JsonLines(moments)
        self._rest: list[LineFormat] = [AccessLines(moments), ErrorLines(moments), PerformanceLines(moments, needs_duration=False)]

    def read(self, line: str) -> LogRecord | str:
        """The record of a line; what is wrong with it goes by the format of the line before."""
        if line.startswith("{"):
            return self._json.read(line)
        if line[:1] in (" ", "\t"):
            return "the line begins no record"
        first: str | None = None
        for place, one in enumerate(self._rest):
            record = one.read(line)
            if isinstance(record, LogRecord):
                if place:
                    self._rest.insert(0, self._rest.pop(place))
                return record
            first = first or record
        return first or "the line is empty"


def line_format(name: str, moments: Moments) -> LineFormat:
    """A format by its name, or in the words of Apache or NGINX.

    Raises:
        InvalidQuery: it is neither.
    """
    if is_own_format(name):
        return OwnAccessLines(name, moments)
    match name:
        case "auto":
            return AnyLines(moments)
        case "common" | "combined":
            return AccessLines(moments, name=name)
        case "json":
            return JsonLines(moments)
        case "error":
            return ErrorLines(moments)
        case "performance":
            return PerformanceLines(moments)
    near = nearest(name, NAMES, limit=1)
    raise InvalidQuery(
        f"{name!r} is no format of log lines",
        field="format",
        got=name,
        allowed=NAMES,
        hint=f"did you mean {near[0]!r}?" if near else "write one of " + ", ".join(NAMES) + ", or the server's own log_format",
    )
