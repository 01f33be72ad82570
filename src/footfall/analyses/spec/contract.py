"""The contract of an analysis: a frozen spec, an engine that can run it, and the answer that comes back.

An analysis is either relational (`engine.query` of portable SQL over the `events` relation) or a walk (`engine.walk` of a
kernel over every person's ordered events, whose partial results add up).  It knows no engine, no file and no clock.

The `events` relation that `query` sees has every column of the lake and

    time_us     int64   event_time in microseconds since 1970, UTC
    local_us    int64   the same moment as wall-clock time of the project's zone
    day         int32   days since 1970-01-01 on that wall clock
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

import msgspec

from footfall.event.filters import Filter
from footfall.event.span import Moment, Span

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from footfall.analyses.spec.answer import Answer

Partial = dict[str, Any]
Kernel = Callable[["PersonBatch"], Partial]


@dataclass(frozen=True, slots=True)
class PersonBatch:
    """Whole persons' events, ordered by person, then time, then position.  All arrays have one length.

    `code` is a bit set of the steps an event fills (bit 0 = first step) when the scan names steps, else the index of the
    event's name in `Engine.event_names()`, so a kernel knows a name's code before the walk.  `group` is the code of the
    breakdown value, -1 for null; None when the scan has no breakdown.
    """

    person: np.ndarray[Any, np.dtype[np.int64]]
    time_us: np.ndarray[Any, np.dtype[np.int64]]
    code: np.ndarray[Any, np.dtype[np.int32]]
    group: np.ndarray[Any, np.dtype[np.int32]] | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """Which events a kernel walks: names that fill steps (none: every name), conditions, a breakdown, a half-open time range.

    A kernel that does not look at codes says `named=False`, and an engine need not read names for it: the codes are then all 0.
    """

    steps: tuple[str, ...] = ()
    where: tuple[Filter, ...] = ()
    group: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    named: bool = True


@dataclass(frozen=True, slots=True)
class Walked:
    """What came back from a walk: one partial result a batch in no particular order, and what the codes mean.

    `names` are the steps that were met at least once when the scan names steps, else `Engine.event_names()` in its order.
    """

    partials: list[Partial]
    names: list[str]
    groups: list[str]
    plan: str


class Engine(Protocol):
    """Where an analysis runs.  Everything it returns is of one pinned snapshot of the lake."""

    name: str
    time_zone: str

    def columns(self) -> Mapping[str, str]:
        """Column name -> type name (`string`, `int64`, `float64`, `bool`, `timestamp`, `date`) of the events relation."""

    def event_names(self) -> Sequence[str]:
        """Every event name in the snapshot, most frequent first."""

    def span_us(self) -> tuple[int, int] | None:
        """First and last event_time in microseconds; None when there are no events."""

    def as_of_us(self) -> int:
        """Up to when the data is taken as complete: the end of the last event's day, or now while that day still runs."""

    def column_sql(self, reference: str) -> str:
        """A column, `properties.key` or `dimension.column` as an SQL expression; UnknownColumn names the nearest."""

    def column_type(self, reference: str) -> str:
        """The type name of such a reference; `json` for a property."""

    def query(self, sql: str) -> pa.Table:
        """The result of one SELECT over the events relation."""

    def walk(self, scan: Scan, kernel: Kernel) -> Walked:
        """Run the kernel over every person's ordered events, in batches of whole persons, where the data is."""


@dataclass(frozen=True, slots=True)
class Chart:
    """How an answer is best drawn: which columns go where.  `stacked`, `percent` and `top` refine it."""

    kind: Literal["line", "bar", "funnel", "heatmap", "sankey", "table"]
    x: str = ""
    y: tuple[str, ...] = ()
    color: str | None = None
    value: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)


class Analysis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question about behaviour.  Subclasses add fields and say how to answer; every face is derived from them."""

    name: ClassVar[str]
    summary: ClassVar[str]
    positional: ClassVar[str | None] = None
    chart: ClassVar[Chart | None] = None

    where: Annotated[
        tuple[Filter, ...], msgspec.Meta(description="keep events that meet this condition, e.g. country=DE, price>=10; repeatable")
    ] = ()
    since: Annotated[Moment | None, msgspec.Meta(description="from this date or time on")] = None
    until: Annotated[Moment | None, msgspec.Meta(description="up to, not including, this date or time")] = None
    profile: Annotated[Literal["default"], msgspec.Meta(description="whose counting rules to use")] = "default"

    def answer(self, engine: Engine) -> Answer:
        """Ask the engine and put the result into rows."""
        raise AssertionError("every analysis says how it is answered")

    def range_us(self, engine: Engine) -> tuple[int | None, int | None]:
        """`since` and `until` in microseconds."""
        since = None if self.since is None else self.since.us(engine.time_zone)
        until = None if self.until is None else self.until.us(engine.time_zone)
        return since, until

    def condition_sql(self, engine: Engine) -> str:
        """`where`, `since` and `until` as one SQL condition over the events relation."""
        since, until = self.range_us(engine)
        conditions = [condition.sql(engine.column_sql, engine.column_type) for condition in self.where]
        conditions += [] if since is None else [f"time_us >= {since}"]
        conditions += [] if until is None else [f"time_us < {until}"]
        return " AND ".join(f"({condition})" for condition in conditions) or "TRUE"

    def parameters(self) -> dict[str, object]:
        """Every parameter in force, as plain values."""
        plain: dict[str, object] = msgspec.to_builtins(self, enc_hook=_plain)
        return plain


def _plain(value: object) -> object:
    if isinstance(value, Span | Moment | Filter):
        return str(value)
    raise NotImplementedError(f"no plain form for {type(value).__name__}")
