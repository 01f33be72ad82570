"""The embedded log under fault.

Fault model: the appending process is killed with SIGKILL at any moment; the disk is full, for a while; a file cannot grow any more; a sync
fails, of one file or of all; the write-ahead log ends anywhere or has a bit flipped in it, as after a power loss; a block or a page is not as it was
written; files vanish under a reader because another process trims.  Not modelled: a disk that says it has synced and has not.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from log_conformance import blocks, expected, frame, group, sum_of

from footfall import clock
from footfall.errors import LogBusy, StorageFailed
from footfall.eventlog.contract import Counts, Frame, Group
from footfall.eventlog.opening import open_log
from footfall.eventlog.settings import LogSection
from footfall.eventlog.sqlite import SqliteLog

HERE = Path(__file__).parent
DAY_US = 86_400_000_000
START = """
import os, resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from log_conformance import blocks, expected, group
from footfall.errors import StorageFailed
from footfall.eventlog.sqlite import SqliteLog
folder = Path(sys.argv[2])
def tell(text):
    os.write(1, f"{text}\\n".encode())
"""


def child(program: str, folder: Path, *arguments: object, **options) -> subprocess.Popen[str]:
    """A process that runs a program of the test's."""
    command = [sys.executable, "-c", START + program, str(HERE), str(folder), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def run(program: str, folder: Path, *arguments: object, **options) -> list[str]:
    """What such a process says, once it has come to its end."""
    process = child(program, folder, *arguments, **options)
    said, _ = process.communicate(timeout=120)
    assert process.returncode in (0, -signal.SIGKILL), said
    return said.splitlines()


# --- kill -9 -----------------------------------------------------------------------------------------------------------------

APPEND_FOR_EVER = """
log = SqliteLog(folder, file_bytes=60_000)
number = int(sys.argv[3])
while True:
    position = log.append(group(number, (1, 2), duplicate=1, size=number * 37 % 3_000))
    tell(f"{number} {position}")
    number += 1
"""


def kill_in_mid_append(folder: Path, *, rounds: int) -> None:
    chance = random.Random(20)
    number = 0
    for _ in range(rounds):
        writer = child(APPEND_FOR_EVER, folder, number)
        assert writer.stdout is not None
        for _ in range(chance.randrange(1, 120)):
            assert writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged = [int(line.split()[0]) for line in writer.stdout.read().splitlines() if line.count(" ") == 1]
        writer.wait()
        writer.stdout.close()
        reader = SqliteLog(folder, read_only=True)
        found = blocks(reader)
        numbers = [block.frames[0].received_us - 1_700_000_000_000_000 for block in found]
        # In order and without a gap; one group may be there that nobody was told about.
        assert numbers == [100 * k for k in range(len(found))]
        assert len(found) - 1 in (max(acknowledged, default=len(found) - 1), max(acknowledged, default=0) + 1)
        assert [block.position for block in found] == [3 * k for k in range(len(found))]
        assert (reader.end(), reader.totals()) == (3 * len(found), Counts(4 * len(found), 3 * len(found), len(found), 0))
        assert len(list(reader.ids(0))) == len(found)
        reader.close()
        number = len(found)


def test_a_killed_writer_loses_nothing_that_it_promised(tmp_path):
    kill_in_mid_append(tmp_path / "log", rounds=4)


@pytest.mark.slow
def test_a_writer_killed_often_loses_nothing_that_it_promised(tmp_path):
    kill_in_mid_append(tmp_path / "log", rounds=40)


# --- full disks --------------------------------------------------------------------------------------------------------------


def noisy(number: int, size: int) -> Group:
    one = frame(number * 100)
    body = random.Random(number).randbytes(size)
    return Group(
        [Frame(one.stream, one.protocol, one.form, 1, one.received_us, body)], number.to_bytes(8, "little"), Counts(1, 1, 0, 0), clock.now_us()
    )


def test_a_full_disk_refuses_and_the_log_goes_on_when_there_is_space(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk (root); the file size limit below covers the same path")
    try:
        log, reader = SqliteLog(disk / "log", file_bytes=1 << 20), SqliteLog(disk / "log", read_only=True)
        promised, problems, number = [], [], 0
        for space_is_back in range(2):
            while len(problems) < 12 * (space_is_back + 1):
                one = noisy(number, 30_000 if number % 3 else 400)
                number += 1
                try:
                    assert log.append(one) == len(promised)
                    promised.append(one)
                except StorageFailed as problem:
                    problems.append(problem)
                assert (log.end(), log.totals()) == (reader.end(), reader.totals()) == (len(promised), sum_of(promised))
            assert blocks(reader) == expected(promised)
            assert subprocess.run(["mount", "-o", f"remount,size={4 + space_is_back}m", str(disk)], check=False).returncode == 0
        assert all("disk is full" in str(problem) or "No space left" in str(problem) for problem in problems)
        assert {problem.hint for problem in problems} == {"free some space on its disk; the log then goes on by itself"}
        for one in (noisy(number + more, 400) for more in range(5)):
            assert log.append(one) == len(promised)
            promised.append(one)
        log.close()
        log = SqliteLog(disk / "log")
        for view in (log, reader):
            assert (blocks(view), view.totals()) == (expected(promised), sum_of(promised))
            assert [ids for _, ids in view.ids(0)] == [one.ids for one in promised]
        reader.close()
        log.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


LIMITED_FILES = """
import random
from test_event_log_faults import noisy
log = SqliteLog(folder, file_bytes=10_000_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
for number in range(60):
    try:
        log.append(noisy(number, 20_000))
        tell(f"promised {number}")
    except StorageFailed:
        tell(f"refused {number}")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_that_cannot_grow_is_given_up_for_the_next(tmp_path):
    said = run(LIMITED_FILES, tmp_path / "log")
    promised = [int(line.split()[1]) for line in said if line.startswith("promised")]
    assert 40 < len(promised) < 60
    log = SqliteLog(tmp_path / "log")
    assert [part.body for block in blocks(log) for part in block.frames] == [noisy(number, 20_000).frames[0].body for number in promised]
    assert (log.end(), log.totals().accepted) == (len(promised), len(promised))
    log.close()


# --- failing syncs -----------------------------------------------------------------------------------------------------------


SYNC_FAILS = """
flag, names = Path(sys.argv[3]), sys.argv[4]
log, reader = SqliteLog(folder), SqliteLog(folder, read_only=True)
for number in range(3):
    log.append(group(number))
def refused(number):
    try:
        log.append(group(number))
    except StorageFailed as problem:
        tell(f"{number} refused: {problem.__cause__}")
    else:
        tell(f"{number} promised")
    assert (log.end(), reader.end(), len(blocks(reader))) == (log.totals().accepted,) * 3
flag.write_text(names)
refused(3)
if names == "-wal":
    os.kill(os.getpid(), signal.SIGKILL)
refused(4)
flag.unlink()
refused(5)
log.close()
"""


def test_a_group_whose_sync_failed_is_never_seen_though_the_disk_has_it(tmp_path, failing_sync):
    folder, flag = tmp_path / "log", tmp_path / "flag"
    assert run(SYNC_FAILS, folder, flag, "-wal", env=failing_sync(flag)) == ["3 refused: disk I/O error"]
    old = min(folder.glob("*.db"))
    shutil.copytree(folder, tmp_path / "copy")
    with sqlite3.connect(tmp_path / "copy" / old.name) as ghost:
        assert ghost.execute("SELECT count(*) FROM groups").fetchone() == (4,), "the fault is not what this test is about"
    ghost.close()
    reader = SqliteLog(folder, read_only=True)
    log = SqliteLog(folder)
    assert log.append(group(9)) == 3
    for view in (log, reader):
        assert [block.frames for block in blocks(view)] == [[frame(number)] for number in (0, 100, 200, 900)]
        assert (view.end(), view.totals()) == (4, Counts(4, 4, 0, 0))
        assert [int.from_bytes(ids, "little") for _, ids in view.ids(0)] == [0, 100, 200, 900]
    reader.close()
    log.close()


def test_when_no_sync_works_nothing_is_promised_until_one_does(tmp_path, failing_sync):
    folder, flag = tmp_path / "log", tmp_path / "flag"
    said = run(SYNC_FAILS, folder, flag, "/log", env=failing_sync(flag))
    assert said == ["3 refused: disk I/O error", "4 refused: [Errno 5] Input/output error", "5 promised"]
    log = SqliteLog(folder, read_only=True)
    assert [block.frames for block in blocks(log)] == [[frame(number)] for number in (0, 100, 200, 500)]
    log.close()


# --- power loss and damage ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_a_torn_write_ahead_log_leaves_a_beginning_of_whole_groups(tmp_path, seed):
    chance = random.Random(seed)
    folder = tmp_path / "log"
    log = SqliteLog(folder)
    groups = [group(number, (1, 2), size=chance.randrange(20_000)) for number in range(12)]
    for one in groups:
        log.append(one)
    crashed = tmp_path / "crashed"
    shutil.copytree(folder, crashed, ignore=shutil.ignore_patterns("*-shm"))
    log.close()
    (wal,) = crashed.glob("0*-wal")
    whole = wal.read_bytes()
    at = chance.randrange(len(whole))
    wal.write_bytes(whole[:at] if chance.random() < 0.5 else whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
    log = SqliteLog(crashed)
    kept = len(blocks(log))
    assert kept < 12
    assert (blocks(log), log.totals()) == (expected(groups[:kept]), sum_of(groups[:kept]))
    assert log.append(groups[kept]) == 3 * kept
    assert blocks(log) == expected(groups[: kept + 1])
    log.close()


def test_a_damaged_block_is_named_and_its_neighbours_live(tmp_path):
    log = SqliteLog(tmp_path / "log")
    groups = [group(number, (2,), size=500) for number in range(5)]
    for one in groups:
        log.append(one)
    log.close()
    (path,) = (tmp_path / "log").glob("0*.db")
    with sqlite3.connect(path) as file:
        (block,) = file.execute("SELECT block FROM groups WHERE position = 4").fetchone()
        file.execute("UPDATE groups SET block = ? WHERE position = 4", (block[:30] + bytes([block[30] ^ 4]) + block[31:],))
    file.close()
    log = SqliteLog(tmp_path / "log")
    reading = log.read(0)
    assert [next(reading), next(reading)] == expected(groups)[:2]
    with pytest.raises(StorageFailed, match=r"is damaged at position 4: ") as raised:
        next(reading)
    assert path.name in str(raised.value)
    assert raised.value.hint == "check the disk and restore the file from a copy; the next block begins at position 6"
    assert list(log.read(6)) == expected(groups)[3:]
    log.close()


@pytest.mark.parametrize("seed", range(6))
def test_no_bit_of_a_block_flips_unnoticed(tmp_path, seed):
    chance = random.Random(seed)
    log = SqliteLog(tmp_path / "log")
    one = group(seed, (1, 1), size=200)
    log.append(one)
    log.close()
    (path,) = (tmp_path / "log").glob("0*.db")
    file = sqlite3.connect(path)
    (block,) = file.execute("SELECT block FROM groups").fetchone()
    for _ in range(40):
        at = chance.randrange(len(block))
        with file:
            file.execute("UPDATE groups SET block = ?", (block[:at] + bytes([block[at] ^ 1 << chance.randrange(8)]) + block[at + 1 :],))
        log = SqliteLog(tmp_path / "log", read_only=True)
        with contextlib.suppress(StorageFailed):
            assert list(log.read(0)) == expected([one])  # where the bit means nothing
        log.close()
    file.close()


def test_a_file_that_is_no_database_is_named(tmp_path):
    log = SqliteLog(tmp_path / "log")
    log.append(group(0))
    log.close()
    (path,) = (tmp_path / "log").glob("0*.db")
    path.write_bytes(b"something else entirely " * 2_000)
    for read_only in (False, True):
        with pytest.raises(StorageFailed, match=r"file is not a database") as raised:
            SqliteLog(tmp_path / "log", read_only=read_only)
        assert raised.value.hint is not None
        assert raised.value.hint.startswith("the file is damaged")


def test_damaged_past_ids_are_named(tmp_path):
    log = SqliteLog(tmp_path / "log", file_bytes=1)
    for number in range(3):
        log.append(group(number))
    log.move("lake", 2)
    assert log.trim() > 0
    past = min((tmp_path / "log").glob("ids-*"))
    past.write_bytes(past.read_bytes()[:-1] + b"?")
    with pytest.raises(StorageFailed, match=r"the file of past event ids .* is damaged"):
        list(log.ids(0))
    log.close()


# --- other processes ---------------------------------------------------------------------------------------------------------


def test_only_one_process_appends(tmp_path):
    log = open_log(LogSection(url="sqlite:queue"), tmp_path)
    with pytest.raises(LogBusy, match=r"another process appends to the event log .*queue"):
        open_log(LogSection(url="sqlite:queue"), tmp_path)
    reader = open_log(LogSection(url="sqlite:queue"), tmp_path, read_only=True)
    log.append(group(0))
    assert reader.end() == 1
    log.close()
    open_log(LogSection(url="sqlite:queue"), tmp_path).close()
    reader.close()


def test_reading_needs_a_log(tmp_path):
    with pytest.raises(StorageFailed, match=r"there is no event log in ") as raised:
        open_log(LogSection(), tmp_path, read_only=True)
    assert raised.value.hint == "start it with `footfall up`"


FOLLOW = """
log = SqliteLog(folder, read_only=True)
position, end, reader = 0, int(sys.argv[3]), sys.argv[4]
log.move(reader, 0)
tell("here")
while position < end:
    for block in log.read(position, bytes_max=int(sys.argv[5])):
        assert block.position == position, (block.position, position)
        assert block.frames[0].received_us - 1_700_000_000_000_000 == 100 * (position // 3), position
        position = block.end
    assert log.start() <= position <= log.end()
    log.move(reader, position)
tell("through")
"""


def test_readers_follow_while_files_come_and_go(tmp_path):
    folder, groups = tmp_path / "log", 400
    log = SqliteLog(folder, file_bytes=20_000)
    readers = [child(FOLLOW, folder, 3 * groups, name, size) for name, size in (("lake", 1 << 20), ("rules", 1))]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "here\n"
    freed = 0
    for number in range(groups):
        log.append(group(number, (1, 2), size=400))
        if number % 10 == 0:
            freed += log.trim()
    for reader in readers:
        assert reader.communicate(timeout=120)[0] == "through\n"
        assert reader.returncode == 0
    freed += log.trim()
    assert freed > 0
    assert log.start() > 0
    assert len(list(folder.glob("0*.db"))) == 1
    assert len(list(log.ids(0))) == groups
    assert (log.end(), log.totals()) == (3 * groups, Counts(3 * groups, 3 * groups, 0, 0))
    log.close()


# --- ids ---------------------------------------------------------------------------------------------------------------------


def test_ids_outlive_trimming_for_as_long_as_the_window(tmp_path):
    folder = tmp_path / "log"
    log = SqliteLog(folder, file_bytes=1, window_days=2)
    now_us = clock.now_us()
    groups = [group(number, (1, 1), received_us=now_us - (12 - number) * DAY_US // 2) for number in range(12)]
    for one in groups:
        log.append(one)
    log.move("lake", log.end())
    log.trim()
    log.close()
    log = SqliteLog(folder, file_bytes=1, window_days=2)
    assert log.start() == 22
    # The window counts whole days, so up to one more day is kept.
    kept = [(one.received_us, one.ids) for one in groups if one.received_us > now_us - 3 * DAY_US]
    assert list(log.ids(0)) == kept
    assert list(log.ids(now_us - DAY_US)) == [(at, ids) for at, ids in kept if at >= now_us - DAY_US]
    shutil.copy(min(folder.glob("ids-*")), folder / "ids-00000000000000000000-00000000000000000000-00000000000000000009")
    log.trim()
    assert list(log.ids(0)) == kept
    log.close()


def test_a_crash_between_keeping_the_ids_and_removing_the_file_counts_them_once(tmp_path):
    folder = tmp_path / "log"
    log = SqliteLog(folder, file_bytes=1)
    groups = [group(number) for number in range(4)]
    for one in groups:
        log.append(one)
    before = {path.name for path in folder.glob("0*.db")}
    shutil.copytree(folder, tmp_path / "before")
    log.move("lake", 3)
    log.trim()
    for name in before:
        shutil.copy(tmp_path / "before" / name, folder / name)
        for beside in (tmp_path / "before").glob(f"{name}-wal"):
            if not (folder / beside.name).exists():
                shutil.copy(beside, folder / beside.name)
    assert list(log.ids(0)) == [(one.received_us, one.ids) for one in groups]
    log.close()
