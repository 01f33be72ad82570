"""kill -9, a full disk and their like under load: what was acknowledged is there, once, and the counters add up.

FOOTFALL_TEST_KILLS sets how often the server is killed (20 when left out; 200 before a release).
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections import Counter

import pytest

from footfall import clock
from footfall.app.doctor import examine
from footfall.app.project import init_project, open_project
from footfall.eventlog.opening import open_log
from up_support import Sender, Up, ids_in_log, wait_until

KILLS = int(os.environ.get("FOOTFALL_TEST_KILLS", "20"))
pytestmark = pytest.mark.slow


def finish(senders):
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        sender.join(30)


def totals_of(folder):
    project = open_project(folder)
    log = open_log(project.config.log, folder, read_only=True)
    try:
        return log.totals()
    finally:
        log.close()


def test_every_acknowledged_event_survives_kill_9_exactly_once(tmp_path):
    up = Up(tmp_path / "shop").start()
    senders = [Sender(up, f"c{number}") for number in range(4)]
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    for sender in senders:
        sender.start()
    try:
        for _ in range(KILLS):
            clock.sleep_s(chance.uniform(0.02, 0.6))
            up.kill()
            up = Up(tmp_path / "shop", port=up.port).start()
        clock.sleep_s(0.5)
        finish(senders)
        acknowledged = [one for sender in senders for one in sender.acknowledged]
        assert len(acknowledged) > 20 * KILLS, f"state {seed}"
        try:
            in_lake = wait_until(lambda: landed(up.folder, len(set(acknowledged))), 120)
        except AssertionError:
            raise AssertionError(f"state {seed}: {up.talk}\n" + "\n".join(f"{one.name}: {one.detail}" for one in examine(up.project()))) from None
        assert up.stop() == 0
    finally:
        if up.process.poll() is None:
            up.kill()
    counted = Counter(in_lake)
    assert [one for one in acknowledged if counted[one] != 1] == [], f"state {seed}"
    assert max(counted.values()) == 1, f"state {seed}: even what nobody was told about is there once at most"
    totals = totals_of(up.folder)
    assert totals.received == totals.accepted + totals.duplicate + totals.dead_lettered
    assert totals.accepted == len(in_lake)


def landed(folder, count):
    rows = open_project(folder).sql("SELECT event_id FROM events").column("event_id").to_pylist()
    log = open_log(open_project(folder).config.log, folder, read_only=True)
    end = log.end()
    log.close()
    return rows if len(rows) >= count and len(rows) >= end else None


def small_disk(path, size):
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount a small tmpfs: {done.stderr.strip()}")


def test_a_full_disk_refuses_cleanly_and_recovers_without_help(tmp_path):
    disk = tmp_path / "disk"
    small_disk(disk, "24m")
    try:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(14 << 20))
        init_project(disk / "shop")
        up = Up(disk / "shop", only="door").start()
        senders = [Sender(up, f"c{number}", events=200) for number in range(4)]
        for sender in senders:
            sender.start()
        wait_until(lambda: all(sender.refused for sender in senders), 120)
        assert {status for sender in senders for status in sender.refused} <= {429, 503}
        assert up.ask("/healthz")[0] == 503
        before = [len(sender.acknowledged) for sender in senders]
        ballast.unlink()
        wait_until(lambda: all(len(sender.acknowledged) > count for sender, count in zip(senders, before, strict=True)), 60)
        finish(senders)
        assert up.stop() == 0
        counted = Counter(ids_in_log(disk / "shop"))
        acknowledged = [one for sender in senders for one in sender.acknowledged]
        assert [one for one in acknowledged if counted[one] != 1] == []
        assert max(counted.values()) == 1
        totals = totals_of(disk / "shop")
        assert totals.accepted == sum(counted.values())
        assert totals.received == totals.accepted + totals.duplicate + totals.dead_lettered
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
        shutil.rmtree(disk, ignore_errors=True)


def test_failing_syncs_refuse_cleanly_and_recover_without_help(tmp_path, failing_sync):
    """Syncs of the log fail now and then under load, once with a kill -9 while they do."""
    flag = tmp_path / "flag"
    up = Up(tmp_path / "shop", only="door", environment=failing_sync(flag)).start()
    senders = [Sender(up, f"c{number}") for number in range(4)]
    for sender in senders:
        sender.start()
    for turn, names in enumerate(("-wal", "/log/", "-wal", "/log/", "-wal")):
        before = [sum(sender.refused.values()) for sender in senders]
        flag.write_text(names)
        wait_until(lambda before=before: any(sum(sender.refused.values()) > count for sender, count in zip(senders, before, strict=True)), 60)
        clock.sleep_s(0.3)
        if turn == 2:
            up.kill()
        flag.unlink()
        if turn == 2:
            up = Up(tmp_path / "shop", only="door", port=up.port, environment=failing_sync(flag)).start()
        acknowledged = [len(sender.acknowledged) for sender in senders]
        wait_until(
            lambda acknowledged=acknowledged: all(len(sender.acknowledged) > count for sender, count in zip(senders, acknowledged, strict=True)), 60
        )
    assert {status for sender in senders for status in sender.refused} <= {429, 503}
    finish(senders)
    assert up.ask("/healthz")[0] == 200
    assert up.stop() == 0
    counted = Counter(ids_in_log(tmp_path / "shop"))
    assert [one for sender in senders for one in sender.acknowledged if counted[one] != 1] == []
    assert max(counted.values()) == 1
    totals = totals_of(tmp_path / "shop")
    assert totals.accepted == sum(counted.values())
    assert totals.received == totals.accepted + totals.duplicate + totals.dead_lettered
