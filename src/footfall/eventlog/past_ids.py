"""The ids of trimmed files, kept as long as the window of duplicates lasts.

One file for each trimmed log file, named `ids-POSITION-SEQUENCE-NEWEST` after it and the newest time of receipt in it.  It is whole or not
there: written aside, synced, renamed, and only then is the log file removed.  Should both be there after a crash, the log file counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import xxhash

from footfall.errors import StorageFailed
from footfall.eventlog.log_file import FileName, sync_folder

NAME = re.compile(r"ids-(\d{20})-(\d{20})-(\d{20})")
CHECKSUM_BYTES = 8


class PastIds(NamedTuple):
    """One file of past ids."""

    file: FileName
    newest_us: int

    @property
    def text(self) -> str:
        """The name in the folder."""
        return f"ids-{self.file.position:020d}-{self.file.sequence:020d}-{self.newest_us:020d}"


def past_ids(folder: Path) -> list[PastIds]:
    """The files of past ids, oldest first."""
    found = [match for name in os.listdir(folder) if (match := NAME.fullmatch(name))]  # noqa: PTH208 -- names are all it needs
    return sorted(PastIds(FileName(int(match[1]), int(match[2])), int(match[3])) for match in found)


def write_ids(folder: Path, file: FileName, groups: Iterable[tuple[int, bytes]]) -> None:
    """Keep the ids of a log file that is about to be removed; nothing is written when there are none."""
    kept = list(groups)
    if not kept:
        return
    payload = msgspec.msgpack.encode(kept)
    unfinished = folder / "ids.tmp"
    with unfinished.open("wb") as out:
        out.write(xxhash.xxh3_64_digest(payload))
        out.write(payload)
        out.flush()
        os.fsync(out.fileno())
    unfinished.rename(folder / PastIds(file, max(received_us for received_us, _ in kept)).text)
    sync_folder(folder)


def read_ids(folder: Path, past: PastIds, since_us: int) -> Iterator[tuple[int, bytes]]:
    """(time of receipt, hashes) of the groups received since then; none when the file is gone, its window over.

    Raises:
        StorageFailed: the file is damaged.
    """
    path = folder / past.text
    try:
        written = path.read_bytes()
    except FileNotFoundError:
        return
    payload = written[CHECKSUM_BYTES:]
    if xxhash.xxh3_64_digest(payload) != written[:CHECKSUM_BYTES]:
        raise StorageFailed(
            f"the file of past event ids {path} is damaged",
            got=path,
            hint="restore it from a copy, or remove it: repeats of the events it stands for then count again",
        )
    for received_us, ids in msgspec.msgpack.decode(payload, type=list[tuple[int, bytes]]):
        if received_us >= since_us:
            yield received_us, ids


def drop_past_ids(folder: Path, before_us: int) -> None:
    """Remove the files whose newest id was received before then."""
    for past in past_ids(folder):
        if past.newest_us < before_us:
            (folder / past.text).unlink(missing_ok=True)
