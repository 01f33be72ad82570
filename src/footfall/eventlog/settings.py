"""What footfall.toml may say about the event log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from footfall.errors import InvalidConfig


class LogSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where accepted events wait, durably, for everything that reads them."""

    url: Annotated[str, Meta(description="the event log: sqlite:FOLDER, relative to the project or absolute")] = "sqlite:.footfall/log"
    file_bytes: Annotated[int, Meta(description="size at which the log begins its next file; trimming removes whole files")] = 256 << 20
    window_days: Annotated[int, Meta(description="days within which an event id counts once, 1 to 7")] = 7

    def __post_init__(self) -> None:
        if not self.url.startswith("sqlite:") or self.url == "sqlite:":
            raise InvalidConfig(
                f"there is no event log {self.url!r}",
                field="log.url",
                got=self.url,
                allowed=("sqlite:FOLDER",),
                hint='write url = "sqlite:.footfall/log"',
            )
        if not 1 <= self.window_days <= 7:
            raise InvalidConfig(
                f"a window of {self.window_days} days is not possible", field="log.window_days", got=self.window_days, hint="write 1 to 7"
            )
        if self.file_bytes < 1 << 20:
            raise InvalidConfig(
                f"{self.file_bytes} bytes are too small for a log file", field="log.file_bytes", got=self.file_bytes, hint="write 1048576 or more"
            )

    def path(self, folder: Path) -> Path:
        """The log's folder, absolute."""
        return (folder / self.url.removeprefix("sqlite:")).resolve()
