"""A dimension in a file; it changed when its time, its size or the file itself is another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from footfall.errors import InvalidConfig, StorageFailed


class FileSource:
    """A file that `read` reads, given its path and the column that is its key."""

    def __init__(self, name: str, path: Path, key: str, read: Callable[[Path, str], pa.Table]) -> None:
        self._name, self._path, self._key, self._read = name, path, key, read
        self._seen: tuple[int, int, int] | None = None

    def load(self) -> pa.Table:
        """See `DimensionSource`.  A file that grows while it is read has changed again afterwards."""
        self._seen, signature = None, self._signature()
        if signature is None:
            raise InvalidConfig(
                f"dimension {self._name!r} has no file {self._path}",
                field=f"dimensions.{self._name}.path",
                got=str(self._path),
                hint="correct the path in footfall.toml",
            )
        try:
            table = self._read(self._path, self._key)
        except StorageFailed as problem:
            raise InvalidConfig(
                f"dimension {self._name!r} cannot be read: {problem.sentence}",
                field=f"dimensions.{self._name}.path",
                got=str(self._path),
                hint=problem.hint,
            ) from problem
        self._seen = signature
        return table

    def changed(self) -> bool:
        """See `DimensionSource`."""
        return self._seen is None or self._signature() != self._seen

    def _signature(self) -> tuple[int, int, int] | None:
        """None where there is no file."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise StorageFailed(
                f"dimension {self._name!r} cannot be read: {self._path}: {problem.strerror}", got=str(self._path), hint="check the file's permissions"
            ) from problem
        return found.st_mtime_ns, found.st_size, found.st_ino
