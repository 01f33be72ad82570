"""The lake under fault.

Fault model: the writing process is killed with SIGKILL at any moment; the disk fills in the middle of a part; readers in other
processes look on all the while.  Not modelled here: power loss, and a second writer on another machine.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from footfall import clock
from footfall.errors import StorageFailed
from footfall.lake.contract import CommitId
from footfall.lake.delta import DeltaLake
from tests_support import event_table

SCHEMA = event_table([{"user_id": "a", "name": "x", "event_time": 1, "price": 1.0}]).schema
ROWS = 50


def batch(number: int):
    return event_table(
        [{"user_id": f"u{row % 7}", "name": "x", "event_time": number * 1_000_000 + row, "price": 1.0} for row in range(ROWS)],
        first_position=number * ROWS,
    )


def write_for_ever(root: str, start: int) -> None:
    lake = DeltaLake(root, SCHEMA)
    number = start
    while True:
        table = batch(number)
        lake.commit([lake.stage(table)], CommitId(f"batch:{number}", 1), SCHEMA)
        if number % 5 == 4:
            lake.compact()
        number += 1


@pytest.mark.slow
def test_a_killed_writer_leaves_whole_commits_and_readers_never_see_half(tmp_path):
    root = tmp_path / "lake"
    context = multiprocessing.get_context("spawn")
    start, looks = 0, 0
    for kill in range(6):
        writer = context.Process(target=write_for_ever, args=(str(root), start))
        writer.start()
        until = clock.monotonic_s() + 60
        while (rows := DeltaLake(root, SCHEMA).snapshot().rows) < (start + 3 + kill) * ROWS:
            assert rows % ROWS == 0
            assert clock.monotonic_s() < until, "the writer commits nothing"
            looks += 1
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        lake = DeltaLake(root, SCHEMA)
        done = lake.snapshot().rows // ROWS
        committed = [number for number in range(done + 3) if lake.committed(f"batch:{number}") == 1]
        assert committed == list(range(done))
        assert all(Path(part.path).exists() for part in lake.snapshot().parts)
        start = done
    assert start > 0
    assert looks > 0


def test_a_part_that_does_not_fit_leaves_nothing_behind(tmp_path):
    lake = DeltaLake(tmp_path / "lake", SCHEMA)
    lake.commit([lake.stage(batch(0))], CommitId("first", 1), SCHEMA)
    before = sorted(path.name for path in lake.events.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        with pytest.raises(StorageFailed, match="cannot be written"):
            lake.stage(batch(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(path.name for path in lake.events.iterdir()) == before
    assert lake.snapshot().rows == ROWS


def test_a_full_disk_in_a_compaction_leaves_the_lake_as_it_was(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)], check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk (root); the file size limit above covers the same path")
    try:
        lake = DeltaLake(disk / "lake", SCHEMA)
        parts = [lake.stage(batch(number)) for number in range(8)]
        lake.commit(parts, CommitId("first", 1), SCHEMA)
        with pytest.raises(OSError, match="No space left"):
            (disk / "ballast").write_bytes(b"x" * 400_000)
        with pytest.raises(StorageFailed, match="is full"):
            lake.compact()
        assert {part.path for part in lake.snapshot().parts} == {part.path for part in parts}
        (disk / "ballast").unlink()
        assert lake.compact().rows == 8 * ROWS
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
