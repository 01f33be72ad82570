"""What a running project says: one JSON object a line where that is asked for."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys

import pytest

from footfall.app.front.talking import JsonLines
from footfall.app.project import init_project


def test_a_record_is_one_object_with_its_error():
    try:
        int("no")
    except ValueError:
        record = logging.LogRecord("footfall.live", logging.WARNING, "", 1, "waits: %s", ("the disk",), sys.exc_info())
    said = json.loads(JsonLines("live").format(record))
    assert (said["level"], said["part"], said["logger"], said["message"]) == ("warning", "live", "footfall.live", "waits: the disk")
    assert "ValueError: invalid literal" in said["traceback"]
    assert said["time"].endswith("Z")


@pytest.mark.slow
def test_up_speaks_json_lines(tmp_path):
    init_project(tmp_path / "shop")
    command = [sys.executable, "-m", "footfall", "-C", str(tmp_path / "shop"), "up", "--port", "0", "--log", "json"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    first = json.loads(process.stderr.readline())
    process.send_signal(signal.SIGTERM)
    rest = process.stderr.read().splitlines()
    assert process.wait(60) == 0
    process.stderr.close()
    assert (first["part"], first["level"]) == ("door", "info")
    assert first["message"].startswith("listening on http://127.0.0.1:")
    assert all({"time", "level", "part", "logger", "message"} <= set(json.loads(line)) for line in rest)
