"""The LineFormat contract: one line of a log becomes a LogRecord, or a sentence that says why it is none."""

from __future__ import annotations

from typing import Protocol

from footfall.event.canonical import LogRecord

LEVELS = {
    "trace": "trace", "finest": "trace", "finer": "trace", "debug": "debug", "fine": "debug", "info": "info", "information": "info",
    "notice": "notice", "warn": "warning", "warning": "warning", "err": "error", "error": "error", "severe": "error", "crit": "critical",
    "critical": "critical", "fatal": "critical", "panic": "critical", "alert": "critical", "emerg": "critical", "emergency": "critical",
}  # fmt: skip


class LineFormat(Protocol):
    """How the lines of one kind of log are read.

    With `joins`, a line that begins no record (a line of a stack trace) belongs to the record before it.
    """

    name: str
    joins: bool

    def read(self, line: str) -> LogRecord | str:
        """The record of a line without its end; else what is wrong with it."""


def level_of(word: str) -> str | None:
    """A level by one name: trace, debug, info, notice, warning, error, critical; None when the word is no level."""
    return LEVELS.get(word.lower())
