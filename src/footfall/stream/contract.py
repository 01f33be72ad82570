"""The words of the live path: a batch of records goes through operators, and what comes out is committed with the position behind it.

An operator is one view or one rule in motion.  It takes records one by one in the order of their positions, keeps what it must remember in
`KeyedTable`s, and writes view rows and alerts into `Outputs`.  It knows no log, no file and no wall clock; the same operator runs
live and over the lake.  What order, watermark and state mean: docs/adr/0030.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from footfall.kernels.live.table import KeyedTable
    from footfall.stream.alert_block import AlertBlock
    from footfall.stream.batch import Batch

StreamName = Literal["events", "logs"]
Severity = Literal["low", "medium", "high", "critical"]


class Alert(msgspec.Struct, frozen=True):
    """What a rule raised.  Every member but `raised_us` is the same in every run over the same log.

    `id` is made of the rule, the key and the window or the completing record.  Times are microseconds; the window is absent where the rule has
    none.  `details` are further facts of the rule's kind, such as the baseline of a spike.
    """

    id: str
    rule: str
    severity: Severity
    key: dict[str, str | None]
    time_us: int
    value: float | None
    position: int
    window_start_us: int | None = None
    window_end_us: int | None = None
    details: dict[str, Any] = {}
    raised_us: int = 0


class ViewColumn(msgspec.Struct, frozen=True):
    """A column of a view beside its id and its window: a key or a measure, with the type it has in SQL."""

    name: str
    kind: Literal["text", "integer", "real", "boolean", "json"]
    role: Literal["key", "measure"] = "measure"


class ViewSchema(msgspec.Struct, frozen=True):
    """What a view's rows look like, for whoever stores or reads them.

    `window` is how its windows are called (`tumbling 10s`), `lateness_us` how long a row may change after its window, `keep_us` how long rows
    are kept behind the event clock.  `spec` changes when the declaration does: a view that is declared anew begins anew.
    """

    name: str
    title: str
    stream: StreamName
    window: str
    columns: tuple[ViewColumn, ...]
    lateness_us: int
    keep_us: int
    spec: str = ""

    @property
    def keys(self) -> tuple[ViewColumn, ...]:
        """The columns that tell rows of one window apart."""
        return tuple(column for column in self.columns if column.role == "key")

    @property
    def measures(self) -> tuple[ViewColumn, ...]:
        """The other columns."""
        return tuple(column for column in self.columns if column.role == "measure")


@dataclass(slots=True)
class ViewRows:
    """Rows of a view as they are now, by columns: each replaces the row with the same window start and id.

    `gone` are (window start, id) of rows that are no more, such as the later of two sessions that became one.
    """

    view: str
    ids: Sequence[int]
    start_us: Sequence[int]
    end_us: Sequence[int]
    columns: Sequence[Sequence[Any]]
    gone: Sequence[tuple[int, int]] = ()


@dataclass(slots=True)
class Outputs:
    """What a batch gave: view rows, alerts, and counts by name such as `late` for each operator."""

    rows: list[ViewRows] = field(default_factory=list)
    blocks: list[AlertBlock] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)  # of hashes that rows mention

    @property
    def alerts(self) -> list[Alert]:
        """The alerts of all blocks, one by one."""
        return [alert for block in self.blocks for alert in block.every() if alert is not None]

    def count(self, operator: str, what: str, number: int) -> None:
        """Add to a counter."""
        if number:
            self.counts[operator, what] = self.counts.get((operator, what), 0) + int(number)


class Operator(Protocol):
    """One view or rule in motion."""

    name: str  # "view:pages", "rule:burst"
    spec: str  # the declaration as text: state of another declaration is of no use
    stream: StreamName
    lateness_us: int

    @property
    def views(self) -> Sequence[ViewSchema]:
        """What its rows look like, if it has any."""

    def tables(self) -> Mapping[str, KeyedTable]:
        """Its state by name; whatever it must remember is in these."""

    def take(self, batch: Batch, out: Outputs) -> None:
        """Take the records of a batch, in order."""

    def sweep(self, clock_us: int) -> None:
        """Forget some of what is over at an event clock; called behind every micro-batch, which it ends."""

    def tick(self, clock_us: int, out: Outputs) -> bool:
        """The event clock, less this operator's lateness, has come to `clock_us`: do what timers demand.

        True when what it did must be done again at the same place of a backtest, such as raising an alert.
        """
