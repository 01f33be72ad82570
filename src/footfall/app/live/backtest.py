"""A rule over history: which windows it would have recorded and which alerts it would have raised, by the same kernels as live.

Over events that came through the event log the alerts are those that the rule raised live, if it was declared then: same ids, same contents.
With `since` records from a rule's look-back before it are taken too, so that what it raises from then on is not missing its beginnings; a rule with
a cool-down or with sessions takes everything from the beginning, since whether a key rests, and where its session began, may depend on all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from footfall import clock
from footfall.app.live.dimensions import ProjectDimensions
from footfall.app.live.plan import live_plan
from footfall.engines.arrivals import arrivals
from footfall.event.schema import LOG_SCHEMA
from footfall.stream.batch import Around
from footfall.stream.contract import Alert
from footfall.stream.replay import Replay
from footfall.stream.store.contract import RowsWanted
from footfall.stream.store.reading import SqliteReader, iso
from footfall.stream.store.sqlite import SqliteViews

if TYPE_CHECKING:
    from footfall.app.project import Project
    from footfall.rules.contract import Rule

ROWS_MAX = 1_000_000
LOG_BATCH_ROWS = 50_000
DAY_US = 86_400_000_000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of it.  `rows` are recorded windows with the rule's key columns, by time; of a rule without windows they are its alerts."""

    rule: Rule
    records: int
    counts: dict[str, int]
    rows: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)


def backtest(project: Project, name: str, *, since: str | None = None, progress: Progress | None = None) -> Backtest:
    """Run the rule `name` over the lake.

    Raises:
        InvalidQuery: there is no such rule, or `since` is no date, time or span.
        InvalidConfig: a declaration is wrong.
    """
    dimensions = ProjectDimensions(project)
    rule = live_plan(project, dimensions.tables()).rule(name)
    since_us = None if since is None else since_of(project, since)
    operator = rule.operator(lateness_us=project.config.live.lateness.us)
    from_us = None
    if since_us is not None and not remembers_all(rule):
        from_us = since_us - rule.look_back_us() - operator.lateness_us
    reader = SqliteReader(project.config.views.path(project.path))
    ticks = reader.ticks(operator.name)
    reader.close()
    with TemporaryDirectory(prefix="footfall-") as folder:
        store = SqliteViews(Path(folder) / "replay.db")
        try:
            replay = Replay(operator, store, ticks=ticks, around=Around(dimensions.tables(), project.config.project.time_zone))
            replay.run(_told(_tables(project, rule, from_us), progress))
            return _result(rule, replay, store, since_us)
        finally:
            store.close()


def remembers_all(rule: Rule) -> bool:
    """Whether what it raises may depend on records of any age: a key that rests, or a session that never paused."""
    return rule.cool_down is not None or rule.kind == "absence" or "session" in getattr(rule, "window", {})


def since_of(project: Project, text: str) -> int:
    """A date or time in the project's zone, or a span back from now such as 24h, as microseconds."""
    from footfall.errors import InvalidQuery
    from footfall.event.span import Moment, Span

    try:
        return clock.now_us() - Span(text).us
    except InvalidQuery:
        try:
            return Moment(text).us(project.config.project.time_zone)
        except InvalidQuery as problem:
            raise InvalidQuery(problem.sentence, field="since", got=text, hint=f"{problem.hint}, or a span such as 24h or 7d") from None


def _tables(project: Project, rule: Rule, from_us: int | None) -> Iterator[pa.Table]:
    """The records that the rule may look at, in the order in which they arrived."""
    if rule.stream == "logs":
        yield from _log_lines(project, from_us)
        return
    engine = project.engine()
    imported = [round(record.imported_time.timestamp() * 1_000_000) for record in project.imports()]
    names = [name for name in engine.snapshot.schema.names if name in _columns(project, rule)]
    yield from arrivals(engine, names, imported, from_us)


def _columns(project: Project, rule: Rule) -> set[str]:
    """The columns of the lake that the rule needs; the others stay unread."""
    wanted = {"event_time", "received_time", "position"}
    dimensions = project.config.dimensions
    for reference in rule.references():
        table, _, rest = reference.partition(".")
        read = (dimensions[table].column or dimensions[table].key) if rest and table in dimensions else reference
        wanted |= {read, read.partition(".")[0]}
    return wanted


def _log_lines(project: Project, from_us: int | None) -> Iterator[pa.Table]:
    engine = project.engine()
    engine.show_files("footfall_log_lines", LOG_SCHEMA, project.lake.log_files())
    condition = "" if from_us is None else f" WHERE epoch_us(time) >= {from_us}"
    columns = ", ".join(f'"{name}"' for name in LOG_SCHEMA.names)
    yield from engine.stream(f"SELECT {columns}, TRUE AS logged FROM footfall_log_lines{condition} ORDER BY position", LOG_BATCH_ROWS)


def _told(tables: Iterator[pa.Table], progress: Progress | None) -> Iterator[pa.Table]:
    done = 0
    for table in tables:
        yield table
        done += len(table)
        if progress is not None:
            progress(done)


def _result(rule: Rule, replay: Replay, store: SqliteViews, since_us: int | None) -> Backtest:
    alerts = [alert for _, alert in store.alerts(limit=ROWS_MAX, newest=False) if since_us is None or alert.time_us >= since_us]
    if not replay.operator.views:
        rows = [{**alert.key, "time": iso(alert.time_us), "value": alert.value, "alert": True, **_plain(alert)} for alert in alerts]
        return Backtest(rule, replay.records, replay.counts, rows, alerts)
    view = replay.operator.views[0]
    rows = store.rows(view.name, RowsWanted(since_us=since_us, limit=ROWS_MAX))
    keys = [column.name for column in view.keys]
    rows.sort(key=lambda row: (row["window_start"], *(row[key] or "" for key in keys)))
    return Backtest(rule, replay.records, replay.counts, rows, alerts)


def _plain(alert: Alert) -> dict[str, Any]:
    window = {} if alert.window_start_us is None or alert.window_end_us is None else {
        "window_start": iso(alert.window_start_us), "window_end": iso(alert.window_end_us)
    }  # fmt: skip
    return {**window, **({"details": alert.details} if alert.details else {})}
