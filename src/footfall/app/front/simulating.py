"""`footfall simulate`: the events of a simulated system through a real wire format, at a given rate, with faults on demand.

A system is simulated by having a module `live` with `live_events(seed)`, which yields Events without end.  Their ids are new in every
run, so that the collector takes a second run for new events, and the same in every try of one request.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

import footfall.systems
from footfall import clock
from footfall.app.front.sending.contract import Item, Sender
from footfall.app.front.sending.door import Door, refused
from footfall.app.front.sending.menu import sender
from footfall.errors import InvalidQuery, nearest
from footfall.event.canonical import Event

HOUR_US = 3_600_000_000
LATE_HOURS = (1, 48)
DEFAULT_KEY = "simulate"
PATIENCE_S = 60.0
PAUSE_S = 0.05

Progress = Callable[["SimulationCounts"], None]


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """What is sent.  `rate` is events a second, None as fast as it goes; the run ends after `events` or `duration_s`, whichever comes first.

    `duplicates`, `late` and `malformed` are shares of the events: sent once more with the same id, with a time 1 to 48 hours ago, and without
    what its protocol demands.
    """

    system: str = "shop"
    protocol: str = "segment"
    rate: float | None = 200.0
    events: int | None = None
    duration_s: float | None = None
    batch: int = 100
    seed: int = 7
    key: str | None = None
    duplicates: float = 0.0
    late: float = 0.0
    malformed: float = 0.0

    def __post_init__(self) -> None:
        for name in ("duplicates", "late", "malformed"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidQuery(f"{name} is a share of the events", field=name, got=getattr(self, name), hint="write 0% to 100%")
        if self.rate is not None and self.rate <= 0:
            raise InvalidQuery("the rate must be more than nothing", field="rate", got=self.rate, hint="write 200/s")


@dataclass(slots=True)
class SimulationCounts:
    """What was sent: different events (late and malformed ones are among them), repeats, requests, further tries, seconds."""

    events: int = 0
    duplicates: int = 0
    late: int = 0
    malformed: int = 0
    requests: int = 0
    more_tries: int = 0
    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def sent(self) -> int:
        """Everything in the requests: what the collector must count as received."""
        return self.events + self.duplicates

    @property
    def rate(self) -> float:
        """Elements a second."""
        return self.sent / self.seconds if self.seconds else 0.0


def simulators() -> dict[str, Callable[[int], Iterator[Event]]]:
    """Every system that can be simulated live, by name."""
    found = {}
    for one in pkgutil.iter_modules(footfall.systems.__path__):
        if one.ispkg and any(module.name == "live" for module in pkgutil.iter_modules([f"{footfall.systems.__path__[0]}/{one.name}"])):
            found[one.name] = _maker(one.name)
    return found


def simulate(
    plan: SimulationPlan, to: str, *, say: Callable[[str], None], stopped: Callable[[], bool], progress: Progress | None = None
) -> SimulationCounts:
    """Send until the plan is done or `stopped`.

    Raises:
        InvalidQuery: the system or the protocol does not exist, or the collector refuses all of a request.
        StorageFailed: the collector was away for a minute.
    """
    known = simulators()
    if plan.system not in known:
        near = nearest(plan.system, known, limit=1)
        hint = f"did you mean {near[0]!r}?" if near else "systems: " + ", ".join(known)
        raise InvalidQuery(f"there is no simulator of {plan.system!r}", field="system", got=plan.system, allowed=tuple(known), hint=hint)
    form = sender(plan.protocol)
    door = Door(to, patience_s=PATIENCE_S, say=say, stopped=stopped)
    run = _Run(plan, form, door)
    stream = known[plan.system](plan.seed)
    try:
        while not stopped() and run.wait(stopped):
            run.send(stream)
            if progress is not None:
                progress(run.counts)
    finally:
        door.close()
    return run.counts


class _Run:
    """One run and its counts."""

    def __init__(self, plan: SimulationPlan, form: Sender, door: Door) -> None:
        self.plan = plan
        self.form = form
        self.door = door
        self.counts = SimulationCounts()
        self._random = random.Random(plan.seed)  # noqa: S311 - faults, not secrets
        self._key = plan.key or DEFAULT_KEY
        self._began_us = clock.now_us()
        self._began_s = clock.monotonic_s()

    def wait(self, stopped: Callable[[], bool]) -> bool:
        """Until the next batch is due; False when the plan is done."""
        plan, counts = self.plan, self.counts
        due_s = 0.0 if plan.rate is None else counts.events / plan.rate
        if plan.events is not None and counts.events >= plan.events:
            return False
        if plan.duration_s is not None and max(due_s, clock.monotonic_s() - self._began_s) >= plan.duration_s:
            return False
        while not stopped() and (left_s := due_s - (clock.monotonic_s() - self._began_s)) > 0:
            clock.sleep_s(min(PAUSE_S, left_s))
        return not stopped()

    def send(self, stream: Iterator[Event]) -> None:
        """One request."""
        plan, counts = self.plan, self.counts
        size = plan.batch if plan.events is None else min(plan.batch, plan.events - counts.events)
        items: list[Item] = []
        for _ in range(size):
            item = self._item(next(stream))
            items.append(item)
            if self._random.random() < plan.duplicates:
                items.append(item)
                counts.duplicates += 1
        reply = self.door.post(self.form.post(items, self._key, clock.now_us()), packed=False)
        counts.requests += 1
        counts.more_tries += reply.tries - 1
        counts.statuses[reply.status] = counts.statuses.get(reply.status, 0) + 1
        counts.seconds = clock.monotonic_s() - self._began_s
        if not reply.fine and not (reply.status == 400 and plan.malformed):
            raise refused(self.door, reply)

    def _item(self, event: Event) -> Item:
        counts = self.counts
        event.event_id = _id(self._began_us, self.plan.seed, counts.events)
        event.event_time = clock.now_us()
        if self._random.random() < self.plan.late:
            event.event_time -= self._random.randrange(LATE_HOURS[0] * HOUR_US, LATE_HOURS[1] * HOUR_US)
            counts.late += 1
        item = self.form.item(event)
        if self._random.random() < self.plan.malformed:
            item.pop(self.form.name_member)
            counts.malformed += 1
        counts.events += 1
        return item


def _maker(name: str) -> Callable[[int], Iterator[Event]]:
    def make(seed: int) -> Iterator[Event]:
        made: Iterator[Any] = importlib.import_module(f"footfall.systems.{name}.live").live_events(seed)
        return made

    return make


def _id(run: int, seed: int, number: int) -> str:
    """A UUID that is the same for the same run, seed and number: PostHog takes nothing else for an id."""
    import hashlib
    import uuid

    return str(uuid.UUID(bytes=hashlib.sha256(msgspec.msgpack.encode((run, seed, number))).digest()[:16], version=4))
