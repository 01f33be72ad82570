"""A project whose log and live state are fed by hand: events go into the log, and the live path takes them when it is told to."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from footfall.app.live.path import ProjectPath
from footfall.app.project import init_project, open_project
from footfall.eventlog.contract import Counts, Frame, Group
from footfall.eventlog.opening import open_log

MINUTE_US = 60_000_000
START_US = 1_795_600_800_000_000  # 2026-11-25T10:00:00Z
LATENESS_S = 10
DECLARED = """
[live]
views = []
lateness = "10s"

[[view]]
name = "pages"
title = "pages a minute"
keys = ["page"]
window = { tumbling = "1m" }
measures = { events = "count", people = "distinct(person_id)", mean_ms = "mean(properties.ms)" }

[[view]]
name = "trails"
keys = ["person_id"]
measures = { events = "count", last = "recent(page, 3)" }

[[rule]]
name = "burst"
kind = "threshold"
key = ["person_id"]
window = { tumbling = "1m" }
measure = "count"
alert_above = 3
severity = "high"
"""


def declare(folder: Path, declared: str = DECLARED):
    """A project with these declarations."""
    init_project(folder)
    with (folder / "footfall.toml").open("a", encoding="utf-8") as stream:
        stream.write(declared)
    return open_project(folder)


class Shop:
    """The project, its log and its live path.  With `read_only` another process, such as a door, writes the log."""

    def __init__(self, folder: Path, declared: str = DECLARED, *, read_only: bool = False) -> None:
        self.project = open_project(folder) if (folder / "footfall.toml").exists() else declare(folder, declared)
        self.log = open_log(self.project.config.log, self.project.path, read_only=read_only)
        self._path: ProjectPath | None = None
        self._sent = 0

    def send(self, *events: Mapping[str, Any]) -> None:
        """Append events to the log: `page`, `person`, `ms`, and `s`, the second after START_US at which each happened and was received."""
        frames = []
        for event in events:
            self._sent += 1
            time_us = START_US + round(event.get("s", 0) * 1_000_000)
            line = {"name": "view", "event_id": f"e{self._sent}", "user_id": event.get("person", "ada"), "page": event.get("page", "/")}
            line |= {"event_time": time_us, "true_time": True, "properties": {"ms": event["ms"]} if "ms" in event else {}}
            frames.append(Frame("events", "native", "lines", 1, time_us, json.dumps(line).encode() + b"\n"))
        self.log.append(Group(frames, b"", Counts(len(frames), len(frames), 0, 0), frames[-1].received_us))

    def take(self) -> None:
        """Let the live path take everything."""
        if self._path is None:
            self._path = ProjectPath(self.project, self.log)
        while self._path.step(self.log.end()):
            pass

    def rest(self) -> None:
        """End the live path; the next `take` begins where it was."""
        if self._path is not None:
            self._path.close()
            self._path = None

    def close(self) -> None:
        self.rest()
        self.log.close()


class Listener:
    """A client of server-sent events: `next()` is the next event as (name, id, document), comments are counted."""

    def __init__(self, port: int, path: str, headers: Mapping[str, str] | None = None, timeout_s: float = 30) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        self.connection.request("GET", path, headers=dict(headers or {}))
        self.answer = self.connection.getresponse()
        self.comments = 0

    def next(self) -> tuple[str, str | None, Any]:
        fields: dict[str, str] = {}
        while True:
            line = self.answer.readline().decode()
            if not line:
                raise EOFError
            name, _, value = line.rstrip("\n").partition(":")
            if line == "\n":
                if "data" in fields:
                    return fields["event"], fields.get("id"), json.loads(fields["data"])
            elif not name:
                self.comments += 1
            else:
                fields[name] = value.removeprefix(" ")

    def close(self) -> None:
        self.connection.close()
