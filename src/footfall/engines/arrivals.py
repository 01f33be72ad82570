"""Events in the order in which they arrived: what a rule saw live, for the same rule over the lake.

Events of the event log arrive in the order of their positions.  Imported ones were never live: they arrive in the order of their own times, as
if they had been taken when they happened.  Where a lake has both, imported events arrive at their time and logged ones when they were received.
Cost: one scan of the columns that are wanted and one sort, which spills to disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from footfall.engines.relation import identifier

if TYPE_CHECKING:
    from footfall.engines.duckdb import DuckDBEngine

IMPORTED = "footfall_imported"
BATCH_ROWS = 50_000


def arrivals(engine: DuckDBEngine, columns: Sequence[str], imported_us: Sequence[int], since_us: int | None) -> Iterator[pa.Table]:
    """Tables of these columns and `logged` (whether a row came through the event log), of events since a moment, in the order of arrival.

    `imported_us` are the times of receipt of imports.
    """
    engine.register(IMPORTED, pa.table({"us": pa.array(sorted(set(imported_us)), pa.int64())}))
    listed = ", ".join(identifier(name) for name in dict.fromkeys(columns))
    condition = "" if since_us is None else f" WHERE time_us >= {since_us}"
    source = f"SELECT {listed}, time_us, epoch_us(received_time) NOT IN (SELECT us FROM {IMPORTED}) AS logged FROM footfall_events{condition}"
    kinds = engine.query(f"SELECT DISTINCT logged FROM ({source})", anything=True).column("logged").to_pylist()
    if kinds == [True]:
        order = "position"
    elif kinds == [False]:
        order = "time_us, position"
    else:
        came = "CASE WHEN logged THEN max(epoch_us(received_time)) OVER (PARTITION BY logged ORDER BY position) ELSE time_us END"
        source, order = f"SELECT *, {came} AS came_us FROM ({source})", "came_us, logged, position"
    yield from engine.stream(f"SELECT {listed}, logged FROM ({source}) ORDER BY {order}", BATCH_ROWS)
