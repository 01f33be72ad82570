"""Erasing from a running project: the person leaves the event log and the lake, under every id; everybody else stays."""

from __future__ import annotations

import json

import pytest

from footfall.app.front import erasing
from footfall.app.project import open_project
from up_support import Up, landed_all, wait_until

SECRET = "ada-7f3e9c"


def bytes_of(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def send(up, *messages):
    assert up.ask("/v1/batch", json.dumps({"batch": list(messages)}).encode(), {"Content-Type": "application/json"})[0] == 200


def fill(up):
    send(
        up,
        {"type": "track", "event": "view", "messageId": "1", "anonymousId": f"anonymous-{SECRET}"},
        {"type": "identify", "messageId": "2", "anonymousId": f"anonymous-{SECRET}", "userId": SECRET},
        {"type": "track", "event": "buy", "messageId": "3", "userId": SECRET},
        {"type": "track", "event": "view", "messageId": "4", "userId": "grace"},
    )
    wait_until(lambda: landed_all(up.folder))


@pytest.mark.slow
@pytest.mark.parametrize("running", [True, False])
def test_a_person_leaves_the_log_and_the_lake(tmp_path, running):
    folder = tmp_path / "shop"
    up = Up(folder).start()
    fill(up)
    if not running:
        assert up.stop() == 0
    report = open_project(folder).erase(SECRET)
    assert (report.events, report.found_after, report.log_emptied) == (3, 0, True)
    if running:
        send(
            up,
            {"type": "track", "event": "view", "messageId": "4", "userId": "grace"},
            {"type": "track", "event": "view", "messageId": "5", "userId": "grace"},
        )
        wait_until(lambda: landed_all(folder))
        assert up.stop() == 0
    people = open_project(folder).sql("SELECT person_id, count(*) AS events FROM events GROUP BY 1").to_pylist()
    assert people == [{"person_id": "grace", "events": 2 if running else 1}], "an id that was accepted before stays a duplicate"
    assert report.view_rows > 0
    assert SECRET.encode() not in bytes_of(folder / ".footfall" / "log")
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in (folder / ".footfall").glob("state.db*"))


def test_a_project_without_a_log_has_nothing_to_empty(tmp_path):
    from footfall.app.project import init_project

    assert erasing.empty_log(init_project(tmp_path / "shop")) is True
