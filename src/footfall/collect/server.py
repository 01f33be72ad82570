"""The door as a process: uvicorn around it, the log below it, and a clean end.

On SIGTERM the port closes, requests that have arrived are answered, the last group is written, and the process ends with 0.
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from footfall import clock
from footfall.collect.connection import Connection, close_slow
from footfall.collect.door import Door
from footfall.collect.duplicates import DAY_US, DuplicateWindow
from footfall.collect.keys import KeyRing
from footfall.collect.pages import Further, Pages
from footfall.collect.places import Places
from footfall.collect.routing import Routing, every_protocol
from footfall.collect.settings import CollectSection
from footfall.collect.steps import Desk
from footfall.collect.streaming import Streams
from footfall.collect.wire.visitor import set_salt
from footfall.errors import InvalidConfig, StorageFailed
from footfall.eventlog.committer import GroupCommit
from footfall.eventlog.contract import Counts, EventLog

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
SWITCH_S = 0.0005
DRAIN_S = 30
BACKLOG = 2_048
SALT_NAME = "salt"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the door stands: its settings, the folder of keys and salt, the log it writes, and what else is shown on its port."""

    settings: CollectSection
    folder: Path
    state: Path
    window_days: int
    further: Further | None = None


def refuse_open_door(settings: CollectSection, keys: KeyRing) -> None:
    """InvalidConfig when others could reach the port and anybody could write."""
    if settings.host not in _LOOPBACK and not keys.guarded():
        raise InvalidConfig(
            f"collect.host = {settings.host!r} can be reached by others, and no write key is set",
            field="collect.host",
            got=settings.host,
            hint="make one first: footfall keys add NAME, or listen on 127.0.0.1",
        )


def serve(where: Place, log: EventLog, ready: Callable[[str], None]) -> int:
    """Take requests until SIGTERM; `ready` gets the address once the port answers.  The exit status."""
    settings = where.settings
    keys = KeyRing(where.state)
    refuse_open_door(settings, keys)
    sys.setswitchinterval(SWITCH_S)  # the writer thread must get the interpreter back soon after each fsync
    window = DuplicateWindow(where.window_days)
    now_us = clock.now_us()
    window.load(log.ids(now_us - (where.window_days + 1) * DAY_US), now_us)
    listening = _listen(settings)
    salt = _salt(where.state)
    set_salt(salt)
    database = None if settings.place_database is None else (where.folder / settings.place_database).resolve()
    desk = Desk(settings, Routing(every_protocol()), keys, window, Places(database), salt)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(desk, log, listening, ready, where.further))


def _listen(settings: CollectSection) -> socket.socket:
    """The port, taken before anything else is done."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as problem:
        raise InvalidConfig(
            f"port {settings.port} of {settings.host} cannot be listened on: {problem.strerror or problem}",
            field="collect.port",
            got=settings.port,
            hint="stop the program that has it, or choose another with --port N; --port 0 takes a free one",
        ) from None


async def _serve(desk: Desk, log: EventLog, listening: socket.socket, ready: Callable[[str], None], further: Further | None) -> int:
    loop = asyncio.get_running_loop()
    committer = GroupCommit(log, deliver=deliver_on(loop))
    pages = Pages(desk, committer, log, further)
    door = Door(desk, committer, pages.by_path(), pages.by_prefix())
    pages.door = door
    config = uvicorn.Config(
        door,
        http=Connection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="error",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = _Server(config, ready, door.streams)
    slow = asyncio.create_task(close_slow(server.server_state.connections, desk.settings.body_seconds_max))
    failing = asyncio.create_task(_watch(committer, server, log))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        await server.serve([listening])
    finally:
        slow.cancel()
        failing.cancel()
        await loop.run_in_executor(None, committer.close)
        if further is not None:
            further.close()
        log.close()
    return 1 if committer.broken or not server.was_ready else 0


def deliver_on(loop: asyncio.AbstractEventLoop) -> Callable[[list[tuple[Any, Any]]], None]:
    """What the writer's thread calls once a group: verdicts are given on the event loop; once it has closed nobody waits for them."""

    def give(verdicts: list[tuple[Any, Any]]) -> None:
        for done, error in verdicts:
            done(error)

    def deliver(verdicts: list[tuple[Any, Any]]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(give, verdicts)

    return deliver


async def _watch(committer: GroupCommit, server: uvicorn.Server, log: EventLog) -> None:
    """Look twice a second at the log.  A writer that died of a bug must not leave requests waiting: end, and let the supervisor begin again."""
    while not committer.broken:
        await asyncio.sleep(0.5)
        if log.due():
            committer.submit([], b"", Counts(), lambda _: None)
    server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn's server, which says where it listens and ends its streams first."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None], streams: Streams) -> None:
        super().__init__(config)
        self._ready = ready
        self._streams = streams
        self.was_ready = False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C drain the door and end the process with 0; uvicorn's own would raise the signal again afterwards."""
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: Any = None) -> None:
        """Open the port and say so."""
        await super().startup(sockets)
        if self.started:
            host, port = sockets[0].getsockname()[:2]
            self.was_ready = True
            self._ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    async def shutdown(self, sockets: Any = None) -> None:
        """Streams would go on for ever; everything else is answered before the port closes."""
        self._streams.close()
        await super().shutdown(sockets)


def _salt(state: Path) -> bytes:
    """What makes hashes of addresses this project's own: 32 random bytes, made once."""
    path = state / SALT_NAME
    try:
        state.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_bytes(32))
    except OSError as problem:
        raise StorageFailed(f"{path} cannot be written: {problem.strerror}", got=str(path), hint="check the folder") from problem
    return path.read_bytes()
