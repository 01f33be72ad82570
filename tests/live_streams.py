"""Random little streams for the live path, what of them is taken, and an operator run over them however they are cut and however often restarted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from msgspec.structs import replace

from footfall.event.schema import TIME
from footfall.kernels.live.table import PARTS
from footfall.rules.contract import Rule
from footfall.stream.batch import AHEAD_US, BEFORE_ALL_US, batch_of
from footfall.stream.contract import Alert, Operator, Outputs, StreamName, ViewRows
from footfall.stream.runtime import LivePath
from footfall.stream.store.sqlite import SqliteViews

S = 1_000_000
T0 = 1_790_000_000 * S  # 2026-09-21T14:13:20Z, a whole multiple of 10 s
LATENESS_US = 10 * S
_NAMES = {"position": pa.int64(), "event_time": TIME, "received_time": TIME, "name": pa.string(), "user_id": pa.string(), "price": pa.float64(),
          "country": pa.string(), "properties": pa.string()}  # fmt: skip

_OF_LINES = {"event_time": "time", "name": "level", "country": "source", "properties": "attributes"}


class Record(NamedTuple):
    """One event."""

    position: int
    time: int
    received: int
    name: str
    user: str | None
    price: float | None = 1.0
    country: str | None = "DE"


def random_stream(chance: random.Random, length: int = 40, names: str = "abc", users: int = 3, step_s: int = 4) -> list[Record]:
    """Records with equal times, null keys, disorder within and beyond the lateness, and clocks that run ahead."""
    records, received = [], T0
    for number in range(length):
        received += chance.choice([0, 0, 1, step_s, 2 * step_s]) * S
        delay = chance.choice([0, 0, 0, 1, 3, 10, 11, 25, -5, -60, -61, -90]) if chance.random() < 0.5 else 0
        user = chance.choice([f"u{chance.randrange(users)}"] * 9 + [None])
        price = chance.choice([None, 0.5, 1.0, 2.0, 7.0, 40.0])
        records.append(Record(number * 3 + 1, received - delay * S, received, chance.choice(names), user, price, chance.choice(["DE", "FR", None])))
    return records


def in_order(records: Sequence[Record]) -> list[Record]:
    """The same records without disorder: what happened at its time is received then."""
    times = sorted(record.time for record in records)
    return [record._replace(time=time, received=time) for record, time in zip(records, times, strict=True)]


def table_of(records: Sequence[Record], stream: StreamName = "events") -> pa.Table:
    """Records as settled events, or as lines whose level is the name and whose source is the country."""
    columns = [*zip(*records, strict=True)] if records else [[] for _ in Record._fields]
    arrays = [pa.array(list(column), kind) for column, kind in zip([*columns, [None] * len(records)], _NAMES.values(), strict=True)]
    return pa.table(arrays, names=[_OF_LINES.get(name, name) if stream == "logs" else name for name in _NAMES])


def accepted(records: Sequence[Record], lateness_us: int = LATENESS_US) -> list[tuple[Record, int]]:
    """The records that are neither late nor ahead, each with the watermark that it found.  docs/adr/0030, one by one."""
    clock, found = BEFORE_ALL_US, []
    for record in records:
        if record.time >= clock - lateness_us and record.time <= record.received + AHEAD_US:
            found.append((record, clock - lateness_us))
        clock = max(clock, min(record.time, record.received))
    return found


def taken(records: Sequence[Record], lateness_us: int = LATENESS_US) -> list[Record]:
    """The records that a rule takes: accepted, and about somebody."""
    return [record for record, _ in accepted(records, lateness_us) if record.user is not None]


def cuts_of(chance: random.Random, length: int) -> list[int]:
    """Where micro-batches end: every record by itself, all of them at once, or anywhere."""
    kind = chance.randrange(6)
    if kind == 0:
        return list(range(1, length + 1))
    share = 0.0 if kind == 1 else chance.choice([0.1, 0.3])
    return sorted({*(end for end in range(1, length) if chance.random() < share), length} - {0})


@dataclass
class Run:
    """What came of a run."""

    alerts: list[Alert] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    rows: list[ViewRows] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)
    rows_kept: int = 0

    def add(self, out: Outputs) -> None:
        """What a batch gave."""
        self.alerts += out.alerts
        self.rows += out.rows
        self.texts |= out.texts
        for (_, what), number in out.counts.items():
            self.counts[what] += number


class Runner:
    """An operator that takes batches, is swept or not, and goes on in a fresh one from what was written.  `build` makes a fresh one."""

    def __init__(self, build: Callable[[], Operator]) -> None:
        self._build = build
        self.operator = build()
        self.clock_us, self.number, self.run = BEFORE_ALL_US, 0, Run()
        self._written: dict[str, list[bytes]] = {name: [] for name in self.operator.tables()}

    def take(self, records: Sequence[Record]) -> None:
        """One micro-batch."""
        self.number += 1
        for table in self.operator.tables().values():
            table.begin()
        out = Outputs()
        stream = self.operator.stream
        batch = batch_of(stream, table_of(records, stream), self.clock_us, self.number)
        self.operator.take(batch, out)
        self.clock_us = batch.clock_end_us
        self.operator.tick(self.clock_us - self.operator.lateness_us, out)
        self._write(out)

    def tick(self, clock_us: int) -> bool:
        """The idle clock."""
        self.number += 1
        for table in self.operator.tables().values():
            table.begin()
        out = Outputs()
        did = self.operator.tick(clock_us - self.operator.lateness_us, out)
        if did:
            self._write(out)
        return did

    def _write(self, out: Outputs) -> None:
        for name, table in self.operator.tables().items():
            self._written[name].append(table.delta())
        self.run.add(out)

    def sweep(self) -> None:
        """Forget everything that is over."""
        self.operator.sweep(self.clock_us)

    def restart(self, *, whole: bool) -> None:
        """Go on in a fresh operator, from whole parts or from all changes."""
        if whole:
            self._written = {name: [table.part(part) for part in range(PARTS)] for name, table in self.operator.tables().items()}
        self.operator = self._build()
        for name, table in self.operator.tables().items():
            for rows in self._written[name]:
                table.put_back(rows)
        wanted = getattr(self.operator, "wanted_texts", None)
        if wanted is not None:
            self.operator.give_texts({hashed: self.run.texts[hashed] for hashed in wanted()})

    def finish(self) -> Run:
        """What came of it, with the number of rows that are still kept."""
        self.run.rows_kept = sum(len(table) for table in self.operator.tables().values())
        return self.run


def run_of(build: Callable[[], Operator], records: Sequence[Record], chance: random.Random | None = None) -> Run:
    """An operator over a stream: in one batch, or cut, swept and restarted by chance."""
    runner = Runner(build)
    if chance is None:
        runner.take(records)
        return runner.finish()
    begin, sweeps, restarts = 0, chance.choice([0, 0.5, 1]), chance.choice([0, 0.3])
    for end in cuts_of(chance, len(records)):
        runner.take(records[begin:end])
        begin = end
        if chance.random() < sweeps:
            runner.sweep()
        if chance.random() < restarts:
            runner.restart(whole=chance.random() < 0.5)
    return runner.finish()


def run(rule: Rule, records: Sequence[Record], chance: random.Random | None = None, lateness_us: int = LATENESS_US) -> Run:
    """A rule over a stream."""
    return run_of(lambda: rule.operator(lateness_us=lateness_us), records, chance)


def stored_run(rule: Rule, records: Sequence[Record], chance: random.Random, path: Path) -> list[Alert]:
    """The alerts in a real store after a live path took the stream in pieces, each by a path of its own: as after a crash."""
    begin, store = 0, SqliteViews(path)
    live = LivePath([rule.operator(lateness_us=LATENESS_US)], store, "log")
    for end in cuts_of(chance, len(records)):
        live.take({"events": table_of(records[begin:end])}, end)
        begin = end
        if chance.random() < 0.3:
            store.close()
            store = SqliteViews(path)
            live = LivePath([rule.operator(lateness_us=LATENESS_US)], store, "log")
    alerts = [replace(alert, raised_us=0) for _, alert in store.alerts(limit=10_000, newest=False)]
    store.close()
    return alerts


def plain(alerts: Sequence[Alert]) -> list[tuple[Any, ...]]:
    """Alerts without their ids: key, time, position, value and details."""
    return [(alert.key.get("user_id"), alert.time_us, alert.position, alert.value, alert.details) for alert in alerts]
