"""What a running project says on stderr: sentences for a person, or one JSON object a line for a program that collects logs.

{"time":"2026-11-28T00:35:04.139874Z","level":"info","part":"live","logger":"footfall.live","message":"views and rules go on at position 12"}
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from footfall import clock

LogForm = Literal["text", "json"]
FORMS: tuple[LogForm, ...] = ("text", "json")


class JsonLines(logging.Formatter):
    """Every record as one JSON object."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        """The record's time, level, part, logger and message; with an error its traceback."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "part": self._part,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(said).decode()


def log_as(form: LogForm, part: str) -> None:
    """Have this process log in a form.  As text only warnings are said, as they always were."""
    if form == "json":
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines(part))
        logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def talker(form: LogForm, part: str) -> Callable[[str], None]:
    """What says a sentence in a form."""

    def say(sentence: str) -> None:
        if form == "json":
            moment = clock.now().isoformat().replace("+00:00", "Z")
            line = msgspec.json.encode({"time": moment, "level": "info", "part": part, "logger": "footfall.up", "message": sentence}).decode()
        else:
            line = sentence
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    return say
