"""`footfall up`: the processes of a running project, watched.

The door and the live path share the log, the state and the lake on disk and nothing in memory, so each can die and come back alone.  A part that dies is
started again, later each time; a part that says the user made a mistake ends everything.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from footfall import clock
from footfall.app.front.talking import LogForm, log_as, talker
from footfall.errors import StorageFailed, UserError

if TYPE_CHECKING:
    from footfall.app.project import Project
    from footfall.collect.settings import CollectSection

PARTS = ("door", "live")
LOOK_EVERY_S = 0.1
PAUSE_MAX_S = 30.0
STEADY_S = 60.0
GRACE_S = 40.0
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)

Talk = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Running:
    """How a project runs: the door's settings, and whether it speaks in sentences or JSON lines."""

    settings: CollectSection
    form: LogForm = "text"


class Address(msgspec.Struct, frozen=True):
    """Where the running door is, for the commands that send to it."""

    url: str
    pid: int


def state_folder(project: Project) -> Path:
    """Where a project keeps what is neither log nor lake."""
    return project.path / ".footfall"


def address_of(project: Project) -> Address | None:
    """The door's last address, if its process is still there."""
    try:
        address = msgspec.json.decode((state_folder(project) / "door.json").read_bytes(), type=Address)
        os.kill(address.pid, 0)
    except (OSError, msgspec.MsgspecError):
        return None
    return address


def collector_url(project: Project) -> str:
    """Where this project's collector is, or would be."""
    address = address_of(project)
    settings = project.config.collect
    return address.url if address is not None else f"http://{settings.host}:{settings.port}"


def settings_of(project: Project, host: str | None, port: int | None) -> CollectSection:
    """The door's settings with what the command line says instead."""
    settings = project.config.collect
    changed = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return msgspec.structs.replace(settings, **changed) if changed else settings


def run_door(project: Project, settings: CollectSection, talk: Talk) -> int:
    """The front door in this process, until SIGTERM."""
    from footfall.app.api.pages import live_pages
    from footfall.collect.keys import KeyRing
    from footfall.collect.server import Place, refuse_open_door, serve
    from footfall.eventlog.opening import open_log

    state = state_folder(project)
    refuse_open_door(settings, KeyRing(state))
    log = open_log(project.config.log, project.path)
    file = state / "door.json"

    def ready(url: str) -> None:
        _write(file, msgspec.json.encode(Address(url, os.getpid())))
        talk(f"listening on {url}")

    try:
        return serve(Place(settings, project.path, state, project.config.log.window_days, live_pages(project, log).further()), log, ready)
    finally:
        file.unlink(missing_ok=True)


def run_live(project: Project) -> int:
    """The way from the log to views, alerts and the lake in this process, until SIGTERM."""
    from footfall.app.live.process import main

    return main(project)


def _write(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as problem:
        raise StorageFailed(f"{path} cannot be written: {problem.strerror}", got=str(path), hint="check the folder") from problem


# --- watching ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One watched process: its command, and when it may be started again."""

    name: str
    process: subprocess.Popen[bytes]
    began_s: float
    failures: int = 0
    again_s: float | None = None


class Supervisor:
    """Starts the parts of a project and keeps them going until it is told to stop."""

    def __init__(self, project: Project, running: Running) -> None:
        self.project = project
        self.settings = running.settings
        self.form = running.form
        self.talk = talker(running.form, "up")
        self.stopping = False
        self.was_ready = False
        self.parts: dict[str, Part] = {}

    def run(self) -> int:
        """Until SIGTERM or Ctrl-C; the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for name in PARTS:
            self.parts[name] = self._start(name)
        status = 0
        while not self.stopping:
            clock.sleep_s(LOOK_EVERY_S)
            for part in list(self.parts.values()):
                ended = self._look(part)
                if ended is not None:
                    status, self.stopping = ended, True
                    break
        return max(status, self._end())

    def _stop(self, number: int, frame: object) -> None:
        del number, frame
        self.stopping = True

    def _start(self, name: str, failures: int = 0) -> Part:
        command = [sys.executable, "-m", "footfall", "-C", str(self.project.path), "up", "--only", name, "--log", self.form]
        if name == "door":
            command += ["--host", self.settings.host, "--port", str(self.settings.port)]
        return Part(name, subprocess.Popen(command, preexec_fn=_die_with_parent), clock.monotonic_s(), failures)  # noqa: PLW1509,S603 - no threads yet

    def _look(self, part: Part) -> int | None:
        """The status to end with, None to go on."""
        now_s = clock.monotonic_s()
        if part.name == "door" and not self.was_ready:
            self._note_ready(part)
        if part.again_s is not None:
            if now_s >= part.again_s:
                self.parts[part.name] = self._start(part.name, part.failures)
            return None
        status = part.process.poll()
        if status is None:
            return None
        if status == UserError.exit_status or (status > 0 and part.name == "door" and not self.was_ready):
            return status  # it has said what is wrong: a setting, a port that is taken, a log that another process writes
        failures = 0 if now_s - part.began_s > STEADY_S else part.failures + 1
        pause_s = min(PAUSE_MAX_S, 0.25 * 2**failures)
        how = f"was stopped by signal {-status}" if status < 0 else f"ended with status {status}"
        self.talk(f"the {part.name} {how}; starting it again in {pause_s:.1f} s")
        self.parts[part.name] = replace(part, failures=failures, again_s=now_s + pause_s)
        return None

    def _note_ready(self, door: Part) -> None:
        """The door answers for the first time.  One that took a free port keeps it when it is started again."""
        address = address_of(self.project)
        if address is not None and address.pid == door.process.pid:
            self.was_ready = True
            self.settings = msgspec.structs.replace(self.settings, port=int(address.url.rsplit(":", 1)[1]))

    def _end(self) -> int:
        """Stop the parts in the order of the data, so that what was taken can still land."""
        status = 0
        for name in PARTS:
            part = self.parts.get(name)
            if part is None or part.process.poll() is not None:
                continue
            part.process.terminate()
            try:
                status = max(status, part.process.wait(GRACE_S))
            except subprocess.TimeoutExpired:
                self.talk(f"the {name} did not end within {GRACE_S:.0f} s and is stopped")
                part.process.kill()
                status = 1
        return status


def _die_with_parent() -> None:
    """A part never outlives its supervisor, however that one ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM)


def run_part(project: Project, name: str, running: Running) -> int:
    """One part alone, as the supervisor starts it."""
    log_as(running.form, name)
    return run_door(project, running.settings, talker(running.form, name)) if name == "door" else run_live(project)


def run_all(project: Project, running: Running, only: Sequence[str] = ()) -> int:
    """The whole project, or some parts of it, until it is told to stop."""
    if len(only) == 1:
        return run_part(project, only[0], running)
    return Supervisor(project, running).run()
