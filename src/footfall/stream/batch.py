"""A micro-batch of one stream as columns, with the event clock as every record found it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from footfall.stream.columns import Columns
from footfall.stream.contract import StreamName

if TYPE_CHECKING:
    from footfall.event.filters import Filter
    from footfall.stream.contract import Outputs
    from footfall.stream.dimensions import DimensionTable

AHEAD_US = 60_000_000
BEFORE_ALL_US = -(1 << 62)
TIME_OF: dict[StreamName, str] = {"events": "event_time", "logs": "time"}


@dataclass(slots=True)
class Batch:
    """(n,) records of one stream in the order of their positions.

    `clock_us[i]` is the event clock before record i, `clock_end_us` the one behind the last.  `ahead` marks records whose time lies more than
    AHEAD_US after their receipt.
    """

    stream: StreamName
    columns: Columns
    time_us: Any
    position: Any
    clock_us: Any
    clock_end_us: int
    ahead: Any
    number: int

    def __len__(self) -> int:
        return len(self.time_us)

    def take_part(self, operator: str, lateness_us: int, where: Sequence[Filter], out: Outputs, among: Any = None) -> Any:
        """(n,) bool: the records that an operator takes; those that meet `where` but come too late or are ahead are counted.

        `among` (n,) says which records there are for it at all; None: all of them.
        """
        wanted = self.columns.mask(where) if where else np.ones(len(self), np.bool_)
        if among is not None:
            wanted = wanted & among
        late = self.time_us < self.clock_us - lateness_us
        if late.any():
            out.count(operator, "late", int((wanted & late & ~self.ahead).sum()))
            wanted = wanted & ~late
        if self.ahead.any():
            out.count(operator, "ahead", int((wanted & self.ahead).sum()))
            wanted = wanted & ~self.ahead
        return wanted


@dataclass(frozen=True, slots=True)
class Around:
    """What records are read with: dimension tables to look things up in, and the zone where days begin."""

    dimensions: Mapping[str, DimensionTable] = field(default_factory=dict)
    time_zone: str = "UTC"


def batch_of(stream: StreamName, table: pa.Table, clock_us: int, number: int, around: Around = Around()) -> Batch:
    """A batch of settled records that follow the ones which left the event clock at `clock_us`."""
    time_us = _micros(table, TIME_OF[stream])
    received_us = _micros(table, "received_time")
    seen = np.maximum.accumulate(np.concatenate([[clock_us], np.minimum(time_us, received_us)])) if len(time_us) else np.array([clock_us])
    position = np.array(table.column("position").to_numpy())
    columns = Columns(table, around.dimensions, time_zone=around.time_zone)
    return Batch(stream, columns, time_us, position, seen[:-1], int(seen[-1]), time_us > received_us + AHEAD_US, number)


def _micros(table: pa.Table, name: str) -> Any:
    """A copy: what Arrow lends may be read-only or not, and numba compiles every kernel anew for the other kind."""
    return np.array(table.column(name).cast(pa.int64()).to_numpy())
