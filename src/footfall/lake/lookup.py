"""Which event ids the lake already holds: the exact answer, in memory bounded by the ids asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from footfall.lake.contract import Snapshot


def known_event_ids(snapshot: Snapshot, ids: pa.Array, since_us: int, until_us: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(n,) ids -> (n,) whether an event of [since_us, until_us] has that id.  Cost: one scan of the touched files' id column."""
    paths = [part.path for part in snapshot.parts if part.time_us_max >= since_us and part.time_us_min <= until_us]
    known = np.zeros(len(ids), np.bool_)
    if not paths or not len(ids):
        return known
    import duckdb  # here, because the landing never asks and would hold another 10 MB

    asked = pa.table({"event_id": ids, "row": pa.array(np.arange(len(ids)))})
    with duckdb.connect() as connection:
        connection.register("asked", asked)
        found = connection.execute(
            "SELECT DISTINCT asked.row FROM read_parquet($paths) AS stored JOIN asked USING (event_id)", {"paths": paths}
        ).fetchnumpy()
    known[found["row"]] = True
    return known
