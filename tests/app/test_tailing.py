"""`footfall tail`: from files to a real HTTP server, each line once, whatever the server says and whenever the process dies."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from receiving_support import Collector

from footfall.app.front.sending.door import Door, Post
from footfall.app.front.tailing import Tail, TailOptions
from footfall.cli.main import main
from footfall.errors import InvalidQuery, StorageFailed


@pytest.fixture
def collector():
    with Collector() as server:
        yield server


def line(number):
    return f'10.0.0.{number % 250} - - [22/Nov/2026:10:{number // 60 % 60:02}:{number % 60:02} +0000] "GET /p/{number} HTTP/1.1" 200 {number}\n'


def tail_once(tmp_path, collector, *files, **options):
    said: list[str] = []
    options = {"once": True, **options}
    counts = Tail([str(tmp_path / file) for file in files], collector.url, tmp_path / ".footfall", TailOptions(**options), say=said.append).run()
    return counts, said


def test_lines_reach_the_collector_packed_and_once(tmp_path, collector):
    (tmp_path / "access.log").write_text("".join(map(line, range(300))))
    counts, _ = tail_once(tmp_path, collector, "access.log", key="k-1")
    path, headers, _ = collector.requests[0]
    assert (path, headers["content-encoding"], headers["authorization"]) == ("/api/v1/logs", "gzip", "Bearer k-1")
    assert [record["path"] for record in collector.lines()] == [f"/p/{number}" for number in range(300)]
    assert (counts.sent, counts.unreadable) == (300, 0)
    assert tail_once(tmp_path, collector, "access.log")[0].sent == 0
    first = collector.lines()[61]
    moment = int(datetime(2026, 11, 22, 10, 1, 1, tzinfo=UTC).timestamp() * 1_000_000)
    assert (first["kind"], first["time"], first["ip"], first["bytes"]) == ("access", moment, "10.0.0.61", 61)


def test_another_try_sends_the_same(tmp_path, collector):
    (tmp_path / "access.log").write_text("".join(map(line, range(50))))
    collector.answers = [(503, {"Retry-After": "0"}, b""), (429, {"Retry-After": "0"}, b""), (0, {}, b"")]
    counts, said = tail_once(tmp_path, collector, "access.log")
    assert counts.sent == 50
    assert len(collector.stored) == 50
    assert collector.again == 50  # the one that was taken without an answer came again, with the same ids
    assert any("trying again" in sentence for sentence in said)


def test_a_collector_that_says_no_is_an_error_and_nothing_is_lost(tmp_path, collector):
    (tmp_path / "access.log").write_text(line(1))
    collector.answers = [(401, {}, b'{"code":"unknown_source"}')]
    with pytest.raises(InvalidQuery, match="answers 401") as caught:
        tail_once(tmp_path, collector, "access.log")
    assert "--key" in caught.value.hint
    assert tail_once(tmp_path, collector, "access.log")[0].sent == 1


def test_a_batch_that_is_too_large_is_halved(tmp_path, collector):
    (tmp_path / "access.log").write_text("".join(map(line, range(4))))
    collector.answers = [(413, {}, b"")] * 3
    tail_once(tmp_path, collector, "access.log")
    assert sorted(record.get("path", record.get("reason")) for record in collector.lines()) == ["/p/1", "/p/2", "/p/3", "event_too_large"]
    assert len(collector.stored) == 4


def test_nobody_there(tmp_path):
    (tmp_path / "access.log").write_text(line(1))
    with Collector() as gone:
        url = gone.url
    with pytest.raises(StorageFailed, match="does not answer"):
        Door(url, patience_s=0).post(Post("/", b""))
    with pytest.raises(InvalidQuery, match="no address of a collector"):
        Door("ftp://x")


def test_real_requests_all_arrive(real_data, tmp_path, collector):
    text = gzip.decompress(real_data("elastic_apache_logs/apache_logs.gz").read_bytes())
    (tmp_path / "apache.log").write_bytes(text if text.endswith(b"\n") else text + b"\n")
    counts, _ = tail_once(tmp_path, collector, "apache.log")
    statuses: dict[int, int] = {}
    for record in collector.stored.values():
        statuses[record["status"]] = statuses.get(record["status"], 0) + 1
    assert counts.sent == len(collector.stored) == 10_000
    assert statuses == {200: 9_126, 304: 445, 404: 213, 301: 164, 206: 45, 500: 3, 403: 2, 416: 2}
    assert len({record["ip"] for record in collector.stored.values()}) == 1_753


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_moments_while_the_log_rotates(tmp_path, collector, seed):
    """A child follows the log and dies at a random request, before or after its checkpoint; the log rotates meanwhile."""
    rng = random.Random(seed)
    log = tmp_path / "access.log"
    log.write_text("")
    program = (
        "import sys; from pathlib import Path; from footfall.connectors.logs import following; following.CHUNK_BYTES = 2000\n"
        "from footfall.app.front.tailing import Tail, TailOptions\n"
        f"Tail([{str(log)!r}], {collector.url!r}, Path({str(tmp_path / '.footfall')!r}), TailOptions(once=True), say=print).run()"
    )
    written = 0
    for rotation in range(3):
        with log.open("a") as file:
            for _ in range(rng.randrange(200, 600)):
                file.write(line(written))
                written += 1
        for _ in range(3):
            deadly = rng.randrange(1, 15)
            seen = []
            dead = threading.Event()
            child = subprocess.Popen(
                [sys.executable, "-c", program], stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
            )

            def kill(child=child, seen=seen, deadly=deadly, dead=dead):
                seen.append(1)
                if len(seen) == deadly:
                    dead.set()
                    child.send_signal(signal.SIGKILL)

            collector.on_request = kill
            child.wait(60)
        collector.on_request = None
        if rng.random() < 0.5:
            log.rename(tmp_path / f"access.log.{rotation}")
        else:
            (tmp_path / f"access.log.{rotation}").write_bytes(log.read_bytes())
        log.write_text("")
    for _ in range(2):
        tail_once(tmp_path, collector, "access.log")
    assert sorted(int(record["path"][3:]) for record in collector.stored.values()) == list(range(written)), f"seed {seed}"


def test_the_command_needs_a_collector_or_a_project(tmp_path, collector, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.log").write_text("2026-11-22 10:00:00 ERROR app: no\nhm")
    assert main(["tail", "app.log", "--once"]) == 2
    assert "not a footfall project" in capsys.readouterr().err
    assert main(["tail", "app.log", "--once", "--to", collector.url, "--time-zone", "Europe/Berlin", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"sent": 1, "unreadable": 0, "requests": 1}
    assert "the last line has no end yet (2 bytes)" in err
    assert collector.lines()[0]["time"] == int(datetime(2026, 11, 22, 9, tzinfo=UTC).timestamp() * 1_000_000)
    assert main(["tail", "app.log", "--once", "--to", collector.url, "--format", "jsn"]) == 2
    assert capsys.readouterr().err.splitlines() == ["error: 'jsn' is no format of log lines", "hint: did you mean 'json'?"]
