"""The benchmark runs from end to end; how fast is not asked here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_a_quick_run_measures_everything():
    command = [sys.executable, str(ROOT / "bench" / "run.py"), "--quick", "--no-peers", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    questions = {one["question"] for one in found["measured"]}
    assert questions == {"funnel", "sessions", "sessions whole row", "transitions", "retention", "import csv", "import ndjson", "compact csv"}
    assert all(one["median_s"] > 0 and one["peak_mb"] > 50 for one in found["measured"])
    assert "failed" not in done.stderr
    assert len(found["tables"]) == 8
    assert {one["kind"] for one in found["door"]} == {"raw", "drop", "durable", "with landing"}
    assert all(one["events_s"] > 0 and set(one["statuses"]) == {"200"} for one in found["door"])
    cells = {(one["case"], one["rows"]) for one in found["live"] if "rows" in one}
    assert {case for case, _ in cells} == {"r1", "r2", "w", "s", "all", "log", "log with built-in views", "day"}
    assert [one for one in found["live"] if one.get("failed") or one.get("differs")] == []
    assert all(one["missing"] == 0 and one["alerts"] > 0 for one in found["live"] if one["case"] == "from HTTP")
