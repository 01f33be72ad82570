"""A running project for tests: `footfall up` as a process of its own, and a client that sends to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from footfall import clock
from footfall.app.project import init_project, open_project

READY_S = 60


class Up:
    """`footfall up` on a free port, or one part of it with `only`."""

    def __init__(self, folder: Path, *, only: str | None = None, port: int = 0, environment: dict | None = None) -> None:
        self.folder = folder
        self.only = only
        self.port = port
        self.environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen | None = None
        self.talk: list[str] = []
        if not (folder / "footfall.toml").exists():
            init_project(folder)

    def start(self) -> Up:
        command = [
            sys.executable,
            "-m",
            "footfall",
            "-C",
            str(self.folder),
            "up",
            "--port",
            str(self.port),
            *(["--only", self.only] if self.only else []),
        ]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=self.environment, start_new_session=True)
        listening = threading.Event()

        def read(stream):
            for line in stream:
                self.talk.append(line.rstrip())
                if "listening on" in line:
                    self.port = int(line.rsplit(":", 1)[1])
                    listening.set()
            listening.set()

        self.reader = threading.Thread(target=read, args=(self.process.stderr,), daemon=True)
        self.reader.start()
        assert listening.wait(READY_S), f"not ready after {READY_S} s: {self.talk}"
        assert any("listening" in line for line in self.talk), f"it ended: {self.talk}"
        return self

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self.reader.join(5)
        self.process.stderr.close()
        return status

    def kill(self) -> None:
        """kill -9 of everything at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.reader.join(5)
        self.process.stderr.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *problem) -> None:
        if self.process.poll() is None:
            self.stop()

    def ask(self, path: str, body: bytes | None = None, headers: dict | None = None, timeout_s: float = 30):
        """One request on a connection of its own: status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request("GET" if body is None else "POST", path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def project(self):
        return open_project(self.folder)


def wait_until(condition, seconds: float = 30):
    """The first true value of a condition that is asked again and again."""
    until = clock.monotonic_s() + seconds
    while clock.monotonic_s() < until:
        found = condition()
        if found:
            return found
        clock.sleep_s(0.05)
    raise AssertionError(f"not so within {seconds} s")


class Sender(threading.Thread):
    """A client that sends batches and repeats each until it is told that it is stored; `acknowledged` holds the ids of those."""

    def __init__(self, up: Up, name: str, *, events: int = 20, pause_s: float = 0.0) -> None:
        super().__init__(daemon=True)
        self.pause_s = pause_s
        self.up = up
        self.prefix = name
        self.events = events
        self.acknowledged: list[str] = []
        self.refused: dict[int, int] = {}
        self.stopping = threading.Event()
        self.number = 0

    def run(self) -> None:
        connection = None
        while not self.stopping.is_set():
            ids = [f"{self.prefix}-{self.number + n}" for n in range(self.events)]
            self.number += self.events
            body = json.dumps(
                {"batch": [{"type": "track", "event": "tick", "messageId": one, "userId": f"u-{hash(one) % 97}"} for one in ids]}
            ).encode()
            while not self.stopping.is_set():
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", self.up.port, timeout=20)
                    connection.request("POST", "/v1/batch", body, {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    answer.read()
                except (OSError, http.client.HTTPException):
                    if connection is not None:
                        connection.close()
                    connection = None
                    clock.sleep_s(0.01)
                    continue
                if answer.status == 200:
                    self.acknowledged += ids
                    clock.sleep_s(self.pause_s)
                    break
                self.refused[answer.status] = self.refused.get(answer.status, 0) + 1
                clock.sleep_s(0.02)
        if connection is not None:
            connection.close()


def ids_in_log(folder: Path) -> list[str]:
    """Every event id that the log of a project holds, in order, decoded from the bodies."""
    import msgspec

    from footfall.eventlog.opening import open_log

    project = open_project(folder)
    log = open_log(project.config.log, folder, read_only=True)
    found: list[str] = []
    position = log.start()
    while blocks := list(log.read(position)):
        for block in blocks:
            for frame in block.frames:
                if frame.stream != "events":
                    continue
                if frame.form == "raw":
                    ids = [one["messageId"] for one in msgspec.json.decode(frame.body)["batch"]]
                    found += ids if frame.kept is None else [ids[index] for index in frame.kept]
                else:
                    found += [msgspec.json.decode(line)["event_id"] for line in frame.body.splitlines()]
        position = blocks[-1].end
    log.close()
    return found


def landed_all(folder: Path) -> bool:
    """Whether the lake has everything that the log of a project holds."""
    from footfall.eventlog.opening import open_log

    project = open_project(folder)
    log = open_log(project.config.log, folder, read_only=True)
    try:
        return log.end() == 0 or (project.lake.committed(f"log:{log.name}") or 0) >= log.end()
    finally:
        log.close()


def seen_all(folder: Path) -> bool:
    """Whether views and rules have taken everything that the log of a project holds."""
    live = open_project(folder).live
    try:
        return not live.status()["lag_records"]
    finally:
        live.close()
