"""From the log to the lake: exactly once, whatever is interrupted; sums that the doctor proves."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import msgspec
import pyarrow.parquet as pq
import pytest
from listed_log import ListedLog

from footfall import clock
from footfall.app.doctor import examine
from footfall.app.front import landing
from footfall.app.front.landing import Landing
from footfall.app.live.process import WARM
from footfall.app.project import Project, init_project, open_project
from footfall.errors import LakeConflict, StorageFailed
from footfall.eventlog.contract import Counts, Frame, Group
from footfall.eventlog.opening import open_log
from footfall.lake.delta import DeltaLake
from up_support import wait_until

RECEIVED_US = 1_795_341_600_000_000


def group_of(first: int, count: int = 10) -> Group:
    """A group with events (one in seven of them nobody's), a letter and a log line; `first` makes its people and ids its own."""
    events = [
        {"name": "view", "event_id": f"e{first + number}", "user_id": f"u{(first + number) % 13}", "anonymous_id": f"a{(first + number) % 13}"}
        if number % 7
        else {"name": "view", "event_id": f"lost{first + number}"}
        for number in range(count)
    ]
    encoder = msgspec.json.Encoder()
    frames = [
        Frame("events", "native", "lines", count, RECEIVED_US, encoder.encode_lines(events), "web"),
        Frame("letters", "native", "lines", 1, RECEIVED_US, b'{"reason":"missing_name","detail":"d","row":"r"}\n', "web"),
        Frame("logs", "native", "lines", 1, RECEIVED_US, b'{"kind":"access","user_id":"u1"}\n', "web"),
    ]
    return Group(frames, b"", Counts(received=count + 4, accepted=count + 1, duplicate=2, dead_lettered=1), RECEIVED_US)


def landed(project: Project) -> dict[str, list]:
    """The positions in every table."""
    lake = project.lake
    events = [row for part in lake.snapshot().parts for row in pq.read_table(part.path, columns=["position"]).column(0).to_pylist()]
    tables = {"letters": lake.dead_letters(), "logs": lake.logs(), "edges": lake.edges()}
    return {"events": sorted(events)} | {name: sorted(table.column("position").to_pylist()) for name, table in tables.items()}


def expected(groups: int, count: int = 10) -> dict[str, list]:
    """What must be there after so many groups."""
    starts = range(0, groups * (count + 2), count + 2)
    events = [start + number for start in starts for number in range(count) if number % 7]
    letters = [start + number for start in starts for number in (*range(0, count, 7), count)]
    seen: set[int] = set()
    edges = [
        position
        for position in events
        if (person := (position // (count + 2) * count + position % (count + 2)) % 13) not in seen and not seen.add(person)
    ]
    return {"events": events, "letters": sorted(letters), "logs": [start + count + 1 for start in starts], "edges": edges}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return init_project(tmp_path / "shop")


def checks(project: Project) -> dict[str, tuple[str, str]]:
    return {check.name: (check.state, check.detail) for check in examine(project)}


def test_every_record_lands_once_and_steps_without_news_change_nothing(project, monkeypatch):
    log = ListedLog()
    monkeypatch.setattr(landing, "RECORDS_MAX", 20)
    for number in range(5):
        log.append(group_of(number * 10))
    lander = Landing(project, log)
    assert lander.step()
    assert log.readers == {"lake": 24}
    while lander.step():
        pass
    assert landed(project) == expected(5)
    version = project.lake.snapshot().version
    assert not lander.step()
    assert not Landing(project, log).step()
    log.move("lake", 0)  # a position that was lost: the lake knows better
    assert not Landing(project, log).step()
    assert project.lake.snapshot().version == version
    assert log.readers == {"lake": 60}


CUTS = ("add_dead_letters", "add_edges", "add_logs", "stage", "commit")


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("after", [False, True])
def test_a_failure_between_any_two_writes_repeats_nothing(project, monkeypatch, cut, after):
    chance = random.Random(cut)
    log = ListedLog()
    for number in range(4):
        log.append(group_of(number * 10))
    whole = getattr(DeltaLake, cut)

    def broken(self, *arguments, **named):
        if after:
            whole(self, *arguments, **named)
        raise StorageFailed("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(DeltaLake, cut, broken)
        patched.setattr(landing, "RECORDS_MAX", chance.choice([12, 30, 100]))
        with pytest.raises(StorageFailed):
            Landing(project, log).step()
    monkeypatch.setattr(landing, "RECORDS_MAX", chance.choice([12, 30, 100]))
    log.append(group_of(40))
    lander = Landing(project, log)
    while lander.step():
        pass
    assert landed(project) == expected(5)
    assert project.lake.counted("landed") == len(expected(5)["events"])


def test_of_two_processes_one_lands(project):
    log = ListedLog()
    log.append(group_of(0))
    first, second = Landing(project, log), Landing(open_project(project.path), log)
    second._start = lambda: 0  # it looked before the other one committed
    first.step()
    with pytest.raises(LakeConflict, match="another process lands the same log"):
        second.step()
    assert landed(project) == expected(1)


def test_the_loop_goes_on_after_a_failure_and_ends_when_told(project, monkeypatch, caplog):
    log = ListedLog()
    log.append(group_of(0))
    monkeypatch.setattr(landing, "BACK_OFF_S", (0.01,))
    failures = itertools.count()
    whole = DeltaLake.commit

    def fails_twice(self, *arguments, **named):
        if next(failures) < 2:
            raise StorageFailed("the disk is full")
        return whole(self, *arguments, **named)

    monkeypatch.setattr(DeltaLake, "commit", fails_twice)
    monkeypatch.setattr(landing, "COMMIT_S", 0.0)
    stop = Event()
    loop = Thread(target=Landing(project, log).run, args=(stop,))
    loop.start()
    until = clock.monotonic_s() + 30
    while log.readers.get("lake") != 12:
        assert clock.monotonic_s() < until, "nothing lands"
        stop.wait(0.01)
    stop.set()
    loop.join(30)
    assert not loop.is_alive()
    assert landed(project) == expected(1)
    assert [record.getMessage() for record in caplog.records] == ["landing waits: the disk is full"]


def test_compaction_beside_the_landing_keeps_every_row(project, monkeypatch):
    log = ListedLog()
    monkeypatch.setattr(landing, "RECORDS_MAX", 10)
    monkeypatch.setattr(landing, "COMPACT_FILES", 3)
    monkeypatch.setattr(landing, "COMMIT_S", 0.0)
    monkeypatch.setattr(landing, "COMPACT_SHARE", 0.0)
    for number in range(12):
        log.append(group_of(number * 10))
    lander = Landing(project, log)
    while lander.step():
        pass
    assert lander._compaction is not None
    lander._compaction.join(60)
    assert landed(project) == expected(12)
    assert any(part.bucket is not None for part in project.lake.snapshot().parts)


def test_the_doctor_proves_the_sums(project):
    log = open_log(project.config.log, project.path)
    for number in range(3):
        log.append(group_of(number * 10))
    Landing(project, log).step()
    log.append(group_of(30))
    found = checks(project)
    assert found["events"] == ("ok", "imported 0 + landed 24 = in the lake 24 + erased or expired 0")
    assert found["dead letters"][0] == "ok"
    assert found["event log"][1].endswith(
        "48 records, the lake has those before 36, 12 wait, the oldest for " + found["event log"][1].rpartition("for ")[2]
    )
    assert found["front door"] == ("ok", "received 56 = stored 27 + duplicate 8 + dead-lettered 9 + still in the log 12")
    project.lake.erase("u1")
    assert checks(project)["events"][0] == "ok"
    assert checks(project)["front door"][0] == "ok"
    assert "u1" not in project.lake.logs().column("user_id").to_pylist()
    assert "u1" not in project.lake.edges().column("b").to_pylist()
    log.append(Group([], b"", Counts(received=5, accepted=5), RECEIVED_US))  # counts without records
    assert checks(project)["front door"] == (
        "problem",
        "received 61 = stored 27 + duplicate 8 + dead-lettered 9 + still in the log 12 does not add up: 5 are missing",
    )
    log.close()


def test_idle_landing_loads_nothing_heavy(project):
    open_log(project.config.log, project.path).close()
    code = (
        "import sys, threading\n"
        "from footfall.app.front.landing import Landing\n"
        "from footfall.app.project import open_project\n"
        "lander = Landing(open_project(sys.argv[1]))\n"
        "assert lander._turn() > 0\n"
        "print([name for name in ('pyarrow', 'deltalake', 'numba', 'numpy', 'duckdb') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(project.path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_warming_up_leaves_nothing_behind(project):
    command = [sys.executable, "-m", "footfall.app.live.process", WARM, str(project.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.name for path in project.path.rglob("*")) == ["footfall.toml"]


def test_a_log_that_is_not_there_yet_is_waited_for_in_silence(project, caplog):
    lander, stop = Landing(project), Event()
    thread = Thread(target=lander.run, args=(stop,))
    thread.start()
    try:
        log = open_log(project.config.log, project.path)
        log.append(group_of(0))
        wait_until(lambda: landed(project) == expected(1))
        log.close()
    finally:
        stop.set()
        thread.join(30)
    assert caplog.records == []
    patient = Landing(init_project(project.path / "other"))
    patient._silent_until_s = 0.0
    stop = Event()
    thread = Thread(target=patient.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: caplog.records)
    finally:
        stop.set()
        thread.join(30)
    assert "landing waits: there is no event log in" in caplog.records[0].getMessage()


@pytest.mark.slow
def test_a_killed_landing_leaves_every_record_exactly_once(project):
    log = open_log(project.config.log, project.path)
    chance = random.Random(5)
    groups = 0
    command = [sys.executable, "-m", "footfall.app.live.process", str(project.path)]
    for _ in range(6):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until = clock.monotonic_s() + chance.uniform(2, 6)
        while clock.monotonic_s() < until:
            log.append(group_of(groups * 10))
            groups += 1
            clock.sleep_s(chance.choice([0.001, 0.05]))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until = clock.monotonic_s() + 60
    while log.positions().get("lake") != log.end():
        assert clock.monotonic_s() < until, "landing does not end"
        clock.sleep_s(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert landed(project) == expected(groups)
    assert [check for check in examine(project) if check.state == "problem"] == []
    log.close()
