"""What the doctor looks at: versions, configuration, the lake's files, the live path, and that every imported row and received event is accounted for."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from footfall import clock
from footfall.app.front.landing import COUNTERS
from footfall.errors import FootfallError, StorageFailed

if TYPE_CHECKING:
    from footfall.app.project import Project
    from footfall.eventlog.contract import Counts, EventLog
    from footfall.lake.contract import Snapshot

_PACKAGES = ("footfall", "duckdb", "deltalake", "pyarrow", "numba", "numpy")
MANY_FILES = 200
LAG_S = 60.0
LAG_HINT = ": is footfall up running?"
LOOKS = 10
LATE_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: `ok`, a `note` that somebody may act on, or a `problem`."""

    name: str
    state: Literal["ok", "note", "problem"]
    detail: str


def examine(project: Project) -> Iterator[Check]:
    """Every check in order; a lake that cannot be read ends them."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield Check("versions", "ok", f"Python {platform.python_version()} on {sys.platform}, {packages}")
    overrides = [source for source in project.resolved.sources.values() if source.startswith("FOOTFALL_")]
    yield Check("configuration", "ok", f"{project.path / 'footfall.toml'}" + (f", overridden by {', '.join(overrides)}" if overrides else ""))
    try:
        snapshot = project.lake.snapshot()
        yield Check("lake", "ok", f"{project.lake.root}, version {snapshot.version}, {snapshot.rows:,} events in {len(snapshot.parts):,} files")
        yield _files(snapshot)
        yield _landed(snapshot)
        yield from _reconciled(project, snapshot)
        yield from _front_door(project)
        yield from _live_path(project)
    except FootfallError as problem:
        yield Check("lake", "problem", problem.sentence)


def _files(snapshot: Snapshot) -> Check:
    """Every listed file is there, opens, and holds as many rows as the table says."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    broken = []
    for part in snapshot.parts:
        try:
            rows = pq.ParquetFile(part.path).metadata.num_rows
        except (OSError, pa.ArrowException) as problem:
            broken.append(f"{Path(part.path).name}: {' '.join(str(problem).split())}")
            continue
        if rows != part.rows:
            broken.append(f"{Path(part.path).name}: {rows:,} rows, not {part.rows:,}")
    if broken:
        return Check("files", "problem", "; ".join(broken[:5]) + (f"; and {len(broken) - 5} more" if len(broken) > 5 else ""))
    return Check("files", "ok", "every file opens and holds the rows that the table lists")


def _landed(snapshot: Snapshot) -> Check:
    landed = [part for part in snapshot.parts if part.bucket is None]
    if len(landed) > MANY_FILES:
        return Check("layout", "note", f"{len(landed):,} files lie in arrival order: footfall compact makes questions faster")
    return Check("layout", "ok", f"{len(snapshot.parts) - len(landed):,} sorted files, {len(landed):,} in arrival order")


def _reconciled(project: Project, snapshot: Snapshot) -> Iterator[Check]:
    """Whether read = stored + duplicate + dead-lettered, for each import and against the lake."""
    records = project.imports()
    wrong = [record for record in records if record.read != record.stored + record.duplicate + record.dead_lettered]
    read, stored, duplicate, lost = (sum(getattr(record, name) for record in records) for name in ("read", "stored", "duplicate", "dead_lettered"))
    sums = f"read {read:,} = stored {stored:,} + duplicate {duplicate:,} + dead-lettered {lost:,} over {len(records):,} imports"
    yield Check("imports", "problem", f"the counts of {wrong[0].file} do not add up") if wrong else Check("imports", "ok", sums)
    yield _kept(snapshot.rows, (stored, project.lake.counted(COUNTERS["events"])), project.lake.removed())
    yield _letters(len(project.dead_letters()), lost + project.lake.counted(COUNTERS["letters"]))


def _kept(found: int, came: tuple[int, int], removed: int) -> Check:
    """Whether every imported and every landed event is in the lake, or was erased or expired."""
    stored = sum(came)
    words = f"imported {came[0]:,} + landed {came[1]:,}" if came[1] else f"stored {stored:,}"
    sums = f"{words} = in the lake {found:,} + erased or expired {removed:,}"
    if found + removed == stored:
        return Check("events", "ok", sums)
    return Check(
        "events", "problem", f"{sums} does not add up: {abs(found + removed - stored):,} {'too many' if found + removed > stored else 'are missing'}"
    )


def _letters(found: int, expected: int) -> Check:
    if found == expected:
        return Check("dead letters", "ok", f"the lake holds {found:,} dead letters, as many as were counted")
    if found < expected:
        return Check(
            "dead letters",
            "note",
            f"the lake holds {found:,} dead letters, {expected - found:,} fewer than were counted: those of erased people went",
        )
    return Check("dead letters", "problem", f"the lake holds {found:,} dead letters, {found - expected:,} more than were counted")


def _front_door(project: Project) -> Iterator[Check]:
    """Where the log and the lake are, and whether received = stored + duplicate + dead-lettered + still in the log."""
    from footfall.eventlog.opening import open_log

    section = project.config.log
    if not section.path(project.path).is_dir():
        return  # no front door was ever opened here
    log = open_log(section, project.path, read_only=True)
    try:
        yield from _log_checks(project, log)
    finally:
        log.close()


def _log_checks(project: Project, log: EventLog) -> Iterator[Check]:
    state = _quiet(project, log)
    waiting = state.end - state.landed
    detail = f"{log.name}: {state.end:,} records, the lake has those before {state.landed:,}"
    if waiting <= 0:
        yield Check("event log", "ok", f"{detail}, none wait")
    else:
        block = next(iter(log.read(state.landed, bytes_max=1)), None)
        lag_s = (clock.now_us() - block.received_us) / 1_000_000 if block is not None else 0.0
        late = lag_s > LAG_S
        yield Check("event log", "note" if late else "ok", f"{detail}, {waiting:,} wait, the oldest for {lag_s:,.1f} s" + (LAG_HINT if late else ""))
    received, sums = state.totals.received, state.counted
    sentence = (
        f"received {received:,} = stored {sums['events'] + sums['logs']:,} + duplicate {state.totals.duplicate:,}"
        f" + dead-lettered {sums['letters']:,} + still in the log {waiting:,}"
    )
    missing = received - sum(sums.values()) - state.totals.duplicate - waiting
    if missing == 0:
        yield Check("front door", "ok", sentence)
    else:
        words = f"{abs(missing):,} {'are missing' if missing > 0 else 'too many'}"
        yield Check("front door", "problem", f"{sentence} does not add up: {words}")


def _live_path(project: Project) -> Iterator[Check]:
    """How far views and rules came, and how many records were too late for which of them; nothing where none ever ran."""
    live = project.live
    if not live.begun:
        return
    try:
        status = live.status()
    except StorageFailed as problem:
        yield Check("live path", "problem", problem.sentence)
        return
    waiting, lag_s = status["lag_records"] or 0, status["lag_s"] or 0.0
    waits = f"{waiting:,} wait, the oldest for {lag_s:,.1f} s" if waiting else "none wait"
    clocks = "".join(f"; {stream} up to {of['event_clock']}" for stream, of in status["streams"].items())
    late = {operator: counts["late"] for operator, counts in status["counts"].items() if counts.get("late")}
    worst = sorted(late.items(), key=lambda one: -one[1])[:LATE_SHOWN]
    lates = ", ".join(f"{operator} {count:,}" for operator, count in worst) or "nothing"
    slow = lag_s > LAG_S
    detail = f"at position {status['position']:,}, {waits}{clocks}; late: {lates}"
    yield Check("live path", "note" if slow else "ok", detail + (LAG_HINT if slow else ""))


@dataclass(frozen=True, slots=True)
class _State:
    """The log and the lake at one moment."""

    end: int
    totals: Counts
    landed: int
    counted: dict[str, int]


def _quiet(project: Project, log: EventLog) -> _State:
    """Both at one moment; while events come in, a moment is looked for in which nothing moved between the looks."""
    stream = f"log:{log.name}"
    for _ in range(LOOKS):
        landed = project.lake.committed(stream) or 0
        counted = {name: project.lake.counted(counter) for name, counter in COUNTERS.items()}
        end, totals = log.end(), log.totals()
        state = _State(end, totals, landed, counted)
        if end == totals.accepted + totals.dead_lettered and landed == (project.lake.committed(stream) or 0):
            break
    return state
