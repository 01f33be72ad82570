"""From names and breakdown values to the small integers that kernels walk."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa


def values(column: pa.Array | pa.ChunkedArray, kind: Any) -> Any:
    """A column of fixed-width values without nulls as one array; a view when it is in one piece.

    pyarrow's own way loads pandas where that is installed, which takes longer than most questions.
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    arrays = [np.frombuffer(memoryview(chunk.buffers()[1]), dtype=kind)[chunk.offset : chunk.offset + len(chunk)] for chunk in chunks if len(chunk)]
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.empty(0, kind)


class NameCodes:
    """Codes of event names: a bit set of the steps a name fills, or its index among the known names.  Used by several threads."""

    def __init__(self, steps: Sequence[str], names: Sequence[str]) -> None:
        self._steps = bool(steps)
        self._code: dict[str | None, int] = {}
        if steps:
            for bit, step in enumerate(steps):
                self._code[step] = self._code.get(step, 0) | (1 << bit)
        else:
            self._code = {name: index for index, name in enumerate(names)}
        self._met: set[str] = set()
        self._lock = threading.Lock()

    def of(self, column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.int32]]:
        """(n,) names, dictionary-encoded or not -> (n,) codes."""
        chunks = []
        for chunk in column.chunks:
            encoded = chunk if isinstance(chunk, pa.DictionaryArray) else chunk.dictionary_encode()
            names = encoded.dictionary.to_pylist()
            default = 0 if self._steps else -1
            lookup = np.array([self._code.get(name, default) for name in names], np.int32)
            with self._lock:
                self._met.update(name for name in names if name in self._code)
            chunks.append(lookup.take(values(encoded.indices, np.int32)) if len(names) else np.empty(0, np.int32))
        if len(chunks) == 1:
            return chunks[0]
        return np.concatenate(chunks) if chunks else np.empty(0, np.int32)

    @property
    def met(self) -> set[str]:
        """The wanted names that some batch had in its dictionary."""
        return self._met


class GroupCodes:
    """Codes of breakdown values in order of first sight; null is -1.  Used by several threads."""

    def __init__(self) -> None:
        self._code: dict[str, int] = {}
        self._lock = threading.Lock()

    def of(self, column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.int32]]:
        """(n,) values as text -> (n,) codes."""
        encoded = pa.chunked_array(column).combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        found = encoded.dictionary.to_pylist()
        with self._lock:
            lookup = np.array([self._code.setdefault(value, len(self._code)) for value in found] + [-1], np.int32)
        indices = values(encoded.indices.fill_null(len(found)), np.int32)
        codes: np.ndarray[Any, np.dtype[np.int32]] = lookup[indices]
        return codes

    @property
    def values(self) -> list[str]:
        """Code -> value."""
        return list(self._code)
