"""For tests of deliveries: an outbox in a real store, an outside system that does as it is told, and a clock that stands still."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from footfall.app.front.deliveries import Deliveries
from footfall.app.front.delivering import POLL_S, Channel, Outlet, Timing
from footfall.connectors.actions.contract import Message
from footfall.errors import DeliveryFailed
from footfall.stream.contract import Alert
from footfall.stream.store.contract import Change, Moment
from footfall.stream.store.reading import SqliteReader
from footfall.stream.store.sqlite import SqliteViews

START_US = 1_793_491_200_000_000  # 2026-11-01T00:00:00Z
DAY_S = 86_400


def alerts(count: int, *, prefix: str = "a", first: int = 0) -> list[Alert]:
    """Alerts a0, a1, …"""
    return [
        Alert(f"{prefix}{number}", "burst", "high", {"user_id": str(number)}, START_US + number * 1_000_000, float(number), number)
        for number in range(first, first + count)
    ]


class Outbox:
    """A real store that alerts are posted to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SqliteViews(path)
        self._sequence = 0

    def post(self, raised: Sequence[Alert], *actions: str) -> None:
        """Commit alerts with the actions they go to."""
        self._sequence += 1
        moment = Moment("log", self._sequence, self._sequence, {"events": START_US})
        self.store.commit(Change(moment, alerts=[(alert, actions) for alert in raised]))

    def reader(self) -> SqliteReader:
        """As another process opens it."""
        return SqliteReader(self.path)

    def close(self) -> None:
        self.store.close()


class Clock:
    """Both clocks of `Timing`."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now_us(self) -> int:
        return START_US + round(self.passed_s * 1e6)

    def steady_s(self) -> float:
        return self.passed_s

    def timing(self, seed: int = 0) -> Timing:
        return Timing(self.now_us, self.steady_s, random.Random(seed))


class OtherSide:
    """An outside system.  `verdicts` are, for each alert's id, what becomes of its tries one after the other: None for fine, an error, or a function.

    What it was handed is kept with the time: `tries` every message of every call, `taken` those that are fine.
    """

    def __init__(self, clock: Clock, verdicts: Mapping[str, Sequence[Any]] | None = None, *, batch: int = 1) -> None:
        self.batch = batch
        self.clock = clock
        self.verdicts = {name: list(given) for name, given in (verdicts or {}).items()}
        self.away: Callable[[], DeliveryFailed | None] = lambda: None
        self.calls: list[list[str]] = []
        self.tries: list[tuple[float, Message]] = []
        self.taken: list[Message] = []

    def deliver(self, messages: Sequence[Message]) -> None:
        assert 1 <= len(messages) <= self.batch
        self.calls.append([message.id for message in messages])
        self.tries += [(self.clock.passed_s, message) for message in messages]
        if (problem := self.away()) is not None:
            raise problem
        failed: dict[str, Any] = {}
        for message in messages:
            waiting = self.verdicts.get(message.id)
            verdict = waiting.pop(0) if waiting else None
            if verdict is None:
                self.taken.append(message)
            else:
                failed[message.id] = verdict
        for verdict in failed.values():
            if not isinstance(verdict, DeliveryFailed):
                raise verdict
        if failed:
            first = next(iter(failed.values()))
            if any(one.retryable for one in failed.values()):
                for name, one in failed.items():
                    if not one.retryable:
                        self.verdicts[name].insert(0, one)  # told when it is tried by itself
            raise DeliveryFailed(first.sentence, retryable=any(one.retryable for one in failed.values()), after_s=first.after_s, ids=failed)

    def close(self) -> None:
        """There is nothing to close."""

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.taken]

    def times(self, name: str) -> list[float]:
        """When an alert was tried."""
        return [when for when, message in self.tries if message.id == name]


class Bench:
    """One channel over a real store, with a clock of its own."""

    def __init__(self, folder: Path, verdicts: Mapping[str, Sequence[Any]] | None = None, *, batch: int = 1, seed: int = 0, **patience: Any) -> None:
        self.folder = folder
        self.clock = Clock()
        self.outbox = Outbox(folder / "state.db")
        self.side = OtherSide(self.clock, verdicts, batch=batch)
        self.outlet = Outlet("ops", self.side, **patience)
        self.seed = seed
        self.deliveries = Deliveries(folder / "deliveries.db")
        self.views = self.outbox.reader()
        self.channel = self.new_channel()

    def new_channel(self) -> Channel:
        """The channel as another process has it, which remembers nothing."""
        return Channel(self.outlet, self.views, self.deliveries, self.clock.timing(self.seed))

    def post(self, raised: Sequence[Alert]) -> None:
        self.outbox.post(raised, "ops")

    def run(self, seconds: float, *, turns_max: int = 20_000) -> None:
        """Let that much time pass, turn by turn."""
        until_s = self.clock.passed_s + seconds
        for _ in range(turns_max):
            pause_s = self.channel.turn()
            assert pause_s >= 0
            if self.clock.passed_s + pause_s > until_s:
                self.clock.passed_s = until_s
                return
            # A pause that is not a whole poll is waited for; while only polls follow, time is passed over up to what is due.
            self.clock.passed_s += self._until_next(until_s) if pause_s == POLL_S else pause_s
        raise AssertionError(f"more than {turns_max} turns for {seconds} s")

    def _until_next(self, until_s: float) -> float:
        """Seconds that may be passed over, because nothing is due in them."""
        due_us = self.deliveries.next_us("ops")
        due_s = until_s if due_us is None else (due_us - START_US) / 1e6
        return max(4 * POLL_S, min(due_s, until_s) - self.clock.passed_s)

    def dead(self) -> list[tuple[str, str]]:
        return [(letter.alert.id, letter.reason) for letter in self.deliveries.letters("ops")]

    def parked(self) -> list[str]:
        return [letter.alert.id for letter in self.deliveries.letters("ops", dead=False)]

    def close(self) -> None:
        self.views.close()
        self.deliveries.close()
        self.outbox.close()


def later(reason: str = "not now", after_s: float | None = None) -> DeliveryFailed:
    """A failure worth another try."""
    return DeliveryFailed(reason, after_s=after_s)


def never(reason: str = "never") -> DeliveryFailed:
    """A failure that stays."""
    return DeliveryFailed(reason, retryable=False)


def same_bytes(tries: Sequence[tuple[float, Message]]) -> bool:
    """Whether every alert had one content in all of its tries."""
    return len({message.id for _, message in tries}) == len({msgspec.json.encode((message.id, message.text)) + message.body for _, message in tries})
