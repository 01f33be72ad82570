"""Lines that an application or a server writes about itself: Python's logging and log4j, NGINX, Apache, syslog.

A line begins a record when it begins with a time or a level; every other line, such as one of a stack trace, belongs to the record
before it.
"""

from __future__ import annotations

import re

import msgspec

from footfall.connectors.logs.contract import LEVELS, level_of
from footfall.connectors.logs.moments import Moments
from footfall.event.canonical import LogRecord

_WORDS = "|".join(sorted(LEVELS, key=len, reverse=True))
_CALENDAR = re.compile(r"\[?(\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)\]?[ \t:|-]*(.*)", re.DOTALL)
_LEVEL = re.compile(rf"(.{{0,120}}?)[\[(<]?\b({_WORDS})\b[\])>]?[ \t:|-]*(.*)", re.IGNORECASE | re.DOTALL)
_LOGGER = re.compile(r"\[?([A-Za-z_$][\w.$/:-]*?)\]?(?:: | - | \| )(.*)", re.DOTALL)
_BASIC = re.compile(rf"({_WORDS})[: ]([\w.$-]+)?:\s?(.*)", re.IGNORECASE | re.DOTALL)
_NGINX = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] (\d+)#\d+: (?:\*\d+ )?(.*)", re.DOTALL)
_NGINX_PAIR = re.compile(r', (client|server|request|upstream|host|referrer): ("[^"]*"|[^,]*)')
_APACHE = re.compile(r"\[([A-Z][a-z]{2} [^\]]+)\] \[(?:([\w-]+):)?(\w+)\](?: \[pid [^\]]*\])?(?: \[client ([^\]]+?)(?::\d+)?\])? ?(.*)", re.DOTALL)
_SYSLOG = re.compile(r"(?:<(\d{1,3})>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?) (\S+) ([^\s:\[]+)(?:\[(\d+)\])?: ?(.*)", re.DOTALL)
_SYSLOG_NEW = re.compile(r"<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|\[.*?\])(?: (.*))?", re.DOTALL)
_SEVERITY = ("critical", "critical", "critical", "error", "warning", "notice", "info", "debug")


class ErrorLines:
    """Lines about errors, warnings and what else an application says."""

    name = "error"
    joins = True

    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    def read(self, line: str) -> LogRecord | str:
        """The record that a line begins."""
        if not line or line[0] in " \t":
            return "the line begins no record"
        for read in (self._nginx, self._apache, self._syslog, self._syslog_new, self._calendar, self._basic):
            record = read(line)
            if record is not None:
                return record
        return "the line begins with no time and no level"

    def _nginx(self, line: str) -> LogRecord | None:
        found = _NGINX.fullmatch(line)
        time = self._moments.read(found[1]) if found else None
        if found is None or time is None:
            return None
        pairs = {name: value.strip('"') for name, value in _NGINX_PAIR.findall(found[4])}
        message = _NGINX_PAIR.sub("", found[4]) if pairs else found[4]
        method, _, path = pairs.pop("request", "").partition(" ")
        address = pairs.pop("client", None)
        record = _record(time, found[2], message, pairs | {"pid": found[3]})
        record.ip, record.method, record.path = address, method or None, path.rpartition(" ")[0] or path or None
        return record

    def _apache(self, line: str) -> LogRecord | None:
        found = _APACHE.fullmatch(line)
        time = self._moments.read(found[1]) if found else None
        if found is None or time is None:
            return None
        record = _record(time, found[3], found[5], {"module": found[2]})
        record.ip = found[4]
        return record

    def _syslog(self, line: str) -> LogRecord | None:
        found = _SYSLOG.fullmatch(line)
        time = self._moments.read(found[2]) if found else None
        if found is None or time is None:
            return None
        level = _SEVERITY[int(found[1]) & 7] if found[1] else ""
        return _record(time, level, found[6], {"host": found[3], "logger": found[4], "pid": found[5]})

    def _syslog_new(self, line: str) -> LogRecord | None:
        found = _SYSLOG_NEW.fullmatch(line)
        if found is None:
            return None
        time = None if found[2] == "-" else self._moments.read(found[2])
        if time is None and found[2] != "-":
            return None
        names = ("host", "logger", "pid", "message_id", "structured")
        more = {name: value for name, value in zip(names, found.groups()[2:7], strict=True) if value != "-"}
        return _record(time, _SEVERITY[int(found[1]) & 7], (found[8] or "").removeprefix("\ufeff"), more)

    def _calendar(self, line: str) -> LogRecord | None:
        found = _CALENDAR.fullmatch(line)
        time = self._moments.read(found[1]) if found else None
        if found is None or time is None:
            return None
        level = _LEVEL.fullmatch(found[2])
        if level is None:
            return _record(time, "", found[2], {})
        before, message = level[1].strip(" \t[]()-|:"), level[3]
        logger = _LOGGER.fullmatch(message)
        more = {"thread": before} if before and logger else {"logger": before}
        if logger:
            more["logger"], message = logger[1], logger[2]
        return _record(time, level[2], message, more)

    def _basic(self, line: str) -> LogRecord | None:
        found = _BASIC.fullmatch(line)
        return None if found is None else _record(None, found[1], found[3], {"logger": found[2]})


def _record(time: int | None, level: str, message: str, more: dict[str, str | None]) -> LogRecord:
    attributes = {name: value for name, value in more.items() if value}
    raw = msgspec.Raw(msgspec.json.encode(attributes)) if attributes else msgspec.Raw(b"")
    return LogRecord(kind="error", time=time, level=level_of(level), message=message, attributes=raw)
