"""Who did it: the resolved person and their stable 64-bit key.

`person_id` is the known user, else the anonymous id.  `person_key` is FNV-1a over the UTF-8 bytes of `person_id`, finished
with MurmurHash3's 64-bit mixer so that its top bits (the lake's bucket) are even.  The function is footfall's own because the
hash functions of engines change with their versions, and the key is stored.  Two persons of 100 million share a key with a
chance of about 3 in 10,000; the lake then walks them as one.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BUCKET_BITS = 4
BUCKETS = 1 << BUCKET_BITS


def _hash_strings(offsets: Any, values: Any, keys: Any) -> None:
    """(n+1,) offsets into (m,) bytes -> (n,) uint64 keys."""
    for i in range(len(keys)):
        h = np.uint64(0xCBF29CE484222325)
        for j in range(offsets[i], offsets[i + 1]):
            h = (h ^ np.uint64(values[j])) * np.uint64(0x100000001B3)
        h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
        h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
        keys[i] = h ^ (h >> np.uint64(33))


@functools.cache
def _hasher() -> Any:
    """The compiled loop; numba is loaded here, since most commands hash nobody and it takes a second."""
    import numba

    return numba.njit(nogil=True, cache=True)(_hash_strings)


def person_keys(person_id: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(n,) strings without nulls -> (n,) int64 keys.  Cost: one pass over the bytes."""
    if isinstance(person_id, pa.DictionaryArray):
        coded: np.ndarray[Any, np.dtype[np.int64]] = person_keys(person_id.dictionary)[person_id.indices.to_numpy(zero_copy_only=False)]
        return coded
    if person_id.type != pa.large_string():
        person_id = pc.cast(person_id, pa.large_string())
    keys = np.empty(len(person_id), np.uint64)
    if len(person_id):
        _, offsets, values = person_id.buffers()
        starts = np.frombuffer(memoryview(offsets), dtype=np.int64)[person_id.offset : person_id.offset + len(person_id) + 1]
        octets = np.frombuffer(memoryview(values), dtype=np.uint8) if values is not None else np.empty(0, np.uint8)
        _hasher()(starts, octets, keys)
    return keys.view(np.int64)


def person_key(person_id: str) -> int:
    """The key of one person."""
    return int(person_keys(pa.array([person_id], pa.large_string()))[0])


def bucket_of(keys: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int8]]:
    """The lake's bucket (0 to 15) of each key: its top bits in signed order, so bucket order is key order."""
    return ((keys >> np.int64(64 - BUCKET_BITS)) + np.int64(BUCKETS // 2)).astype(np.int8)
