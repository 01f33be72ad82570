"""What SQLite and the disk say, as StorageFailed with a sentence and a hint."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from footfall.errors import StorageFailed

FULL = ("full", "No space left", "quota")
DAMAGED = ("malformed", "not a database", "corrupt")


def storage_failed(doing: str, path: Path, problem: Exception) -> StorageFailed:
    """The error for a thing that could not be done with a file, as in `("append to", path, problem)`."""
    said = str(getattr(problem, "strerror", None) or problem)
    name = getattr(problem, "sqlite_errorname", "")
    said = f"{said} ({name})" if name else said
    if any(word in said for word in FULL):
        hint = "free some space on its disk; the log then goes on by itself"
    elif any(word in said for word in DAMAGED):
        hint = "the file is damaged: check the disk, and restore the file from a copy if there is one"
    else:
        hint = "check the disk and the rights of the folder; the log tries again with the next events"
    return StorageFailed(f"could not {doing} the event log {path}: {said}", field="log.url", got=path, hint=hint)


@contextmanager
def told_as(doing: str, path: Path) -> Iterator[None]:
    """Turn what goes wrong in the block into StorageFailed; a wrong statement stays a bug.

    Raises:
        StorageFailed: SQLite or the system refused.
    """
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
        raise
    except (sqlite3.Error, OSError) as problem:
        raise storage_failed(doing, path, problem) from problem
