"""The log that the configuration names."""

from __future__ import annotations

from pathlib import Path

from footfall.eventlog.contract import EventLog
from footfall.eventlog.settings import LogSection
from footfall.eventlog.sqlite import SqliteLog


def open_log(section: LogSection, folder: Path, *, read_only: bool = False) -> EventLog:
    """The event log of the project in `folder`, for appending or, any number of times, for reading.

    Raises:
        LogBusy: another process appends to it.
        StorageFailed: it cannot be opened, or is opened for reading and not there yet.
    """
    return SqliteLog(section.path(folder), file_bytes=section.file_bytes, window_days=section.window_days, read_only=read_only)
