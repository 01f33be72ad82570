"""The Views contract: what a micro-batch did becomes visible at once, with the position behind it, and other processes read it.

A writer commits everything of one micro-batch together; a reader in any process never sees rows ahead of or behind the position they
belong to.  One process writes, any number read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from footfall.stream.alert_block import AlertBlock
from footfall.stream.contract import Alert, ViewRows, ViewSchema


class Moment(msgspec.Struct, frozen=True):
    """How far a live path came: the position behind the last record, and the event clock of each stream."""

    log: str = ""
    position: int = 0
    sequence: int = 0  # number of micro-batches
    clock_us: dict[str, int] = {}
    written_us: int = 0


@dataclass(slots=True)
class Change:
    """One micro-batch: where it came to, changed state by table, view rows, alerts (one by one or in blocks) with the actions each goes to, ticks, counters to add."""

    moment: Moment
    deltas: Mapping[str, bytes] = field(default_factory=dict)
    parts: Sequence[tuple[str, int, bytes]] = ()  # (table, part, whole part) written beside the changes
    rows: Sequence[ViewRows] = ()
    alerts: Sequence[tuple[Alert, tuple[str, ...]]] = ()
    blocks: Sequence[tuple[AlertBlock, tuple[str, ...]]] = ()
    texts: Mapping[int, str] = field(default_factory=dict)
    ticks: Sequence[tuple[str, int, int]] = ()  # (operator, position, clock)
    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Keep:
    """What `prune` keeps: alerts raised since a moment, texts for so long, and what waits for these actions (None: for any).

    With `whole` views without windows are looked through too, which reads all of their rows.
    """

    alerts_since_us: int = 0
    texts_us: int = 0
    actions: tuple[str, ...] | None = None
    whole: bool = True


class Posted(msgspec.Struct, frozen=True):
    """One alert on its way through one action; `number` orders what an action has to deliver."""

    number: int
    action: str
    alert: Alert


class ViewsReader(Protocol):
    """What other processes see."""

    def moment(self) -> Moment:
        """How far the live path came."""

    def views(self) -> Mapping[str, ViewSchema]:
        """Every view there is."""

    def rows(self, view: str, question: RowsWanted) -> list[dict[str, Any]]:
        """Rows of a view, newest window first, as dictionaries with window_start and window_end (ISO), keys, measures and `final`."""

    def alerts(self, *, after: int = 0, rule: str | None = None, limit: int = 100, newest: bool = True) -> list[tuple[int, Alert]]:
        """Alerts with their numbers, in the order they were raised or the newest first."""

    def posted(self, action: str, *, after: int, limit: int) -> list[Posted]:
        """What an action has to deliver, in order."""

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Counts by operator and name since the state began."""

    def close(self) -> None:
        """Let go of it."""


class RowsWanted(msgspec.Struct, frozen=True):
    """Which rows: of windows that began since or before a moment, with these key values, largest of a measure first; at most `limit`."""

    since_us: int | None = None
    until_us: int | None = None
    where: dict[str, str] = {}
    order: str | None = None
    latest: bool = False  # of the newest window only
    limit: int = 1_000


class ViewsStore(ViewsReader, Protocol):
    """The writing side."""

    def declare(self, views: Sequence[ViewSchema]) -> None:
        """Make room for these views; rows of views that are declared no longer, or otherwise than before, go."""

    def commit(self, change: Change) -> None:
        """Everything of one micro-batch, at once and durable.

        Raises:
            StorageFailed: nothing of it is visible, and the same change may be tried again.
        """

    def parts(self, table: str) -> Iterator[tuple[int, int, bytes]]:
        """(part, sequence, bytes) of a table of state, as they were last written whole."""

    def deltas(self, table: str) -> Iterator[tuple[int, bytes]]:
        """(sequence, bytes) of the changes of a table since its oldest whole part, in order."""

    def tables(self) -> list[str]:
        """The tables of state that are kept."""

    def texts(self, hashes: Sequence[int]) -> Mapping[int, str]:
        """The texts behind hashes."""

    def restart(self, moment: Moment, tables: Sequence[str]) -> None:
        """Go on from another place with the given tables empty: their state is of a log, or of a declaration, that is no more."""

    def forget(self, tables: Sequence[str]) -> None:
        """Let go of state of tables that nobody has any more."""

    def prune(self, clock_us: Mapping[str, int], delivered: Mapping[str, int], keep: Keep = ...) -> None:
        """Remove rows behind what views keep, changes that whole parts cover, and alerts that are old and delivered everywhere."""
