"""Kernels always see the same kind of arrays."""

from __future__ import annotations

import numpy as np

from footfall.analyses.spec.batches import gathered, walked_arrays
from footfall.analyses.spec.contract import PersonBatch


def test_arrays_are_read_only_views_and_group_is_never_missing():
    person, time_us, code = np.zeros(3, np.int64), np.arange(6, dtype=np.int64)[::2], np.zeros(3, np.int32)
    arrays = walked_arrays(PersonBatch(person, time_us, code))
    assert not any(array.flags.writeable for array in arrays)
    assert all(array.flags.c_contiguous for array in arrays)
    assert arrays[1].tolist() == [0, 2, 4]
    assert (len(arrays[3]), arrays[3].dtype) == (0, np.int32)
    assert person.flags.writeable
    assert np.shares_memory(arrays[0], person)


def test_partial_results_become_one_array():
    assert gathered([{"a": np.array([1, 2])}, {"a": np.array([3])}], "a").tolist() == [1, 2, 3]
    assert len(gathered([], "a")) == 0
