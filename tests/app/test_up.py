"""`footfall up` as its users meet it: ready, restarted, drained, and clear about what stands in its way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from footfall.app.front.running import address_of, collector_url
from footfall.app.project import init_project, open_project
from up_support import Up, landed_all, wait_until

pytestmark = pytest.mark.slow
EVENT = json.dumps({"event": "view", "userId": "ada", "messageId": "m1"}).encode()


def footfall(*arguments, folder):
    command = [sys.executable, "-m", "footfall", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def part_of(up, name):
    """The process of a part that runs now; None while there is none."""
    for child in psutil.Process(up.process.pid).children():
        if child.status() != psutil.STATUS_ZOMBIE and name in child.cmdline():
            return child.pid
    return None


def test_an_event_is_answered_soon_and_the_parts_come_back_alone(tmp_path):
    with Up(tmp_path / "shop") as up:
        assert up.ask("/v1/track", EVENT)[0] == 200
        wait_until(lambda: landed_all(up.folder))
        assert collector_url(up.project()) == f"http://127.0.0.1:{up.port}"
        for name in ("door", "live"):
            killed = part_of(up, name)
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda name=name, killed=killed: part_of(up, name) not in (None, killed))
        wait_until(lambda: (address_of(up.project()) is not None) and up.ask("/healthz")[0] == 200)
        assert up.ask("/v1/track", EVENT)[0] == 200
        assert up.ask("/v1/track", EVENT.replace(b"m1", b"m2"))[0] == 200
        wait_until(lambda: landed_all(up.folder))
        rows = up.project().sql("SELECT event_id FROM events ORDER BY 1").column("event_id").to_pylist()
        assert rows == ["m1", "m2"]
        assert up.stop() == 0
    assert address_of(open_project(tmp_path / "shop")) is None
    assert sum("starting it again" in line for line in up.talk) == 2


def test_parts_end_with_their_supervisor(tmp_path):
    up = Up(tmp_path / "shop").start()
    parts = psutil.Process(up.process.pid).children()
    os.kill(up.process.pid, signal.SIGKILL)
    up.process.wait(10)
    assert psutil.wait_procs(parts, timeout=30)[1] == []
    up.reader.join(5)
    up.process.stderr.close()


def test_what_stands_in_the_way_is_said_once(tmp_path):
    with Up(tmp_path / "shop") as up:
        same = footfall("up", "--port", "0", folder=up.folder)
        init_project(tmp_path / "other")
        taken = footfall("up", "--port", str(up.port), folder=tmp_path / "other")
        public = footfall("up", "--host", "0.0.0.0", folder=tmp_path / "other")
    assert (same.returncode, taken.returncode, public.returncode) == (1, 2, 2)
    assert "another process appends to the event log" in same.stderr
    assert f"port {up.port} of 127.0.0.1 cannot be listened on" in taken.stderr
    assert "can be reached by others, and no write key is set" in public.stderr
    for done in (same, taken, public):
        assert done.stderr.count("error:") == 1
        assert "hint:" in done.stderr
        assert "Traceback" not in done.stderr


def test_keys_from_the_command_line_open_the_door(tmp_path):
    with Up(tmp_path / "shop") as up:
        made = json.loads(footfall("keys", "add", "web", "--json", folder=up.folder).stdout)
        keyed = {"Authorization": f"Bearer {made['key']}"}
        assert wait_until(lambda: up.ask("/v1/track", EVENT)[0] == 401)
        assert up.ask("/v1/track", EVENT, keyed)[0] == 200
        assert made["key"] not in (up.folder / ".footfall" / "keys.json").read_text()
        assert [row["name"] for row in json.loads(footfall("keys", "list", "--json", folder=up.folder).stdout)] == ["web"]
        assert footfall("keys", "remove", "wep", folder=up.folder).stderr.count("did you mean 'web'?") == 1
        assert footfall("keys", "remove", "web", folder=up.folder).returncode == 0
        assert wait_until(lambda: up.ask("/v1/track", EVENT)[0] == 200)
        wait_until(lambda: landed_all(up.folder))
        sources = up.project().sql("SELECT source FROM events").column("source").to_pylist()
        assert sorted(sources, key=str) == [None, "web"], "one id of two sources is two events"
