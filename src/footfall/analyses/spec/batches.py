"""Between a walk and its kernel: arrays as kernels take them, and partial results as one array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from footfall.analyses.spec.contract import PersonBatch


def walked_arrays(batch: PersonBatch) -> tuple[Any, Any, Any, Any]:
    """Person, time_us, code and group of a batch; group is empty without a breakdown.

    All are read-only views: numba compiles a kernel once for arrays that may be written and once for those that may not, and an engine
    hands out both.
    """
    import numpy as np

    group = np.empty(0, np.int32) if batch.group is None else batch.group
    views = [np.ascontiguousarray(array).view() for array in (batch.person, batch.time_us, batch.code, group)]
    for view in views:
        view.flags.writeable = False
    return views[0], views[1], views[2], views[3]


def gathered(partials: Sequence[Mapping[str, Any]], key: str) -> Any:
    """One array of every batch's, in no particular order of batches."""
    import numpy as np

    arrays = [partial[key] for partial in partials]
    return np.concatenate(arrays) if arrays else np.empty(0, np.int64)
