"""Imports that break off.

Fault model: the process dies at any moment (kill -9), is interrupted, the disk refuses to grow a file, a file ends in the middle of its
compression, a crash falls between the commit of the events and the ledger, the journal's last line is torn, a staged file is gone.
Whatever happens, the lake holds the whole file or nothing of it, and the same command again completes it with the same rows.
"""

from __future__ import annotations

import gzip
import io
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from importing_support import events_of, new_project, pending, staged, take

from footfall.app.import_journal import Journal
from footfall.app.importing import import_files
from footfall.connectors.files.options import FileOptions
from footfall.errors import InvalidFile, StorageFailed
from footfall.lake.delta import DeltaLake

ROWS = 2_000
TEXT = (
    "user_id,event,timestamp,note\n"
    + "".join(f'{row % 9},e{row % 4},2026-11-01T00:{row // 60 % 60:02d}:{row % 60:02d}Z,"n{row}"\n' for row in range(ROWS))
    + "broken\n"
)
SMALL = {"block_bytes": 4_000}

PROGRAM = """
import os, signal, sys, resource
from pathlib import Path
from footfall.app.project import open_project
project = open_project(Path(sys.argv[1]))
end, count = sys.argv[3], int(sys.argv[4])
steps = 0
def step(*_):
    global steps
    steps += 1
    if end == "kill" and steps == count:
        os.kill(os.getpid(), signal.SIGKILL)
    if end == "interrupt" and steps == count:
        os.kill(os.getpid(), signal.SIGINT)
if end == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, resource.RLIM_INFINITY))
try:
    summary = project.import_files(sys.argv[2], compact=False, progress=step, block_bytes=4000)
except KeyboardInterrupt:
    sys.exit(130)
except Exception as problem:
    print(type(problem).__name__, problem, problem.hint)
    sys.exit(9)
print(summary.read, summary.stored)
"""


def run(project_folder: Path, file: Path, end: str, count: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(project_folder), str(file), end, str(count)], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    (folder / "x.csv").write_text(TEXT)
    project = new_project(folder / "p")
    summary = take(project, folder / "x.csv")
    assert (summary.read, summary.stored, summary.dead_lettered) == (ROWS + 1, ROWS, 1)
    return events_of(project)


def complete(project, file, expected):
    """The same command again stores the whole file, once."""
    first: list[int] = []
    summary = take(project, file, progress=lambda _, __, rows: first.append(rows), **SMALL)
    assert (summary.read, summary.stored, summary.dead_lettered) == (ROWS + 1, ROWS, 1)
    rows = events_of(project)
    if file.suffix == ".csv":
        assert rows == expected
    assert [{**row, "event_id": ""} for row in rows] == [{**row, "event_id": ""} for row in expected]
    assert project.dead_letters().column("line").to_pylist() == [ROWS + 2]
    assert staged(project) == pending(project) == []
    assert take(project, file).stored == 0
    return first[0]


@pytest.mark.parametrize(
    ("name", "blocks"), [("x.csv", 9), pytest.param("x.csv.gz", 9, marks=pytest.mark.slow), pytest.param("x.csv", 1, marks=pytest.mark.slow)]
)
def test_a_killed_import_goes_on_behind_its_last_block(tmp_path, expected, name, blocks):
    file = tmp_path / name
    file.write_bytes(gzip.compress(TEXT.encode()) if name.endswith("gz") else TEXT.encode())
    project = new_project(tmp_path / "p")
    assert run(tmp_path / "p", file, "kill", blocks).returncode == -9
    assert events_of(project) == []
    assert len(staged(project)) >= blocks - 3, "what the threads had in hand is lost"
    rows_at_first_step = complete(project, file, expected)
    assert blocks == 1 or rows_at_first_step > 4_000 // 45 * (blocks - 3)


@pytest.mark.slow
def test_an_interrupted_import_goes_on(tmp_path, expected):
    (tmp_path / "x.csv").write_text(TEXT)
    project = new_project(tmp_path / "p")
    assert run(tmp_path / "p", tmp_path / "x.csv", "interrupt", 6).returncode == 130
    assert events_of(project) == []
    assert complete(project, tmp_path / "x.csv", expected) > 300


@pytest.mark.parametrize("limit", [pytest.param(0, marks=pytest.mark.slow), 3_000])
def test_a_full_disk_leaves_the_lake_as_it_was(tmp_path, limit):
    file, other = tmp_path / "x.csv", tmp_path / "other.csv"
    file.write_text(TEXT)
    other.write_text("user_id,event,timestamp\n1,before,2020-01-01T00:00:00Z\n")
    project = new_project(tmp_path / "p")
    take(project, other)
    before = project.lake.snapshot()
    ended = run(tmp_path / "p", file, "full", limit)
    assert (ended.returncode, ended.stdout.split()[0]) == (9, "StorageFailed"), ended
    assert "cannot be written" in ended.stdout
    after = project.lake.snapshot()
    assert (after.version, after.parts) == (before.version, before.parts)
    assert staged(project) == pending(project) == []
    assert project.dead_letters().num_rows == 0
    assert take(project, file).stored == ROWS


class FullAfter(DeltaLake):
    """A lake whose disk is full after some parts."""

    parts_left = 3

    def stage(self, table, *, name=None):
        if self.parts_left == 0:
            raise StorageFailed("the disk is full", hint="free some space")
        self.parts_left -= 1
        return super().stage(table, name=name)


def test_a_disk_that_fills_up_takes_back_what_was_staged(tmp_path, expected):
    (tmp_path / "x.csv").write_text(TEXT)
    project = new_project(tmp_path / "p")
    project.__dict__["lake"] = FullAfter(project.lake.root, project.config.events.schema())
    with pytest.raises(StorageFailed, match="the disk is full"):
        import_files(project, [tmp_path / "x.csv"], options=FileOptions(**SMALL))
    assert staged(project) == pending(project) == []
    project.__dict__["lake"].parts_left = 1_000
    complete(project, tmp_path / "x.csv", expected)


def test_a_file_cut_off_in_its_compression_stores_nothing(tmp_path):
    whole = gzip.compress(TEXT.encode())
    for number, broken in enumerate([whole[: len(whole) // 2], whole[:-3], whole[:2000] + b"\0\0\0\0" + whole[2004:]]):
        file = tmp_path / f"{number}.csv.gz"
        file.write_bytes(broken)
        project = new_project(tmp_path / f"p{number}")
        with pytest.raises(InvalidFile, match="is damaged or cut off") as caught:
            take(project, file, **SMALL)
        assert "nothing of it was imported" in caught.value.hint
        assert staged(project) == pending(project) == events_of(project) == []


class StopsBeforeTheLedger(DeltaLake):
    """A lake whose process dies after the events were committed."""

    def add_import(self, record):
        raise KeyboardInterrupt


def test_a_crash_between_commit_and_ledger_is_mended(tmp_path, expected):
    (tmp_path / "x.csv").write_text(TEXT)
    project = new_project(tmp_path / "p")
    whole = project.lake
    project.__dict__["lake"] = StopsBeforeTheLedger(whole.root, project.config.events.schema())
    with pytest.raises(KeyboardInterrupt):
        import_files(project, [tmp_path / "x.csv"], options=FileOptions(**SMALL))
    project.__dict__["lake"] = whole
    assert events_of(project) == expected
    assert list(whole.imports()) == []
    summary = take(project, tmp_path / "x.csv", **SMALL)
    assert (summary.read, summary.stored, summary.dead_lettered) == (ROWS + 1, ROWS, 1)
    assert events_of(project) == expected
    (record,) = whole.imports()
    assert (record.read, record.stored, record.dead_lettered) == (ROWS + 1, ROWS, 1)
    assert take(project, tmp_path / "x.csv").duplicate == ROWS + 1
    assert pending(project) == []


def broken_off(project, file: Path) -> None:
    """An import that somebody stops after a few blocks."""
    steps = iter(range(1_000))

    def stop(*_):
        if next(steps) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(project, file, progress=stop, **SMALL)
    assert len(staged(project)) >= 5


@pytest.mark.parametrize("harm", ["torn", "gone", "short", "other mapping", "moved on"])
def test_a_journal_that_does_not_fit_is_not_trusted(tmp_path, expected, harm):
    file = tmp_path / "x.csv"
    file.write_text(TEXT)
    project = new_project(tmp_path / "p")
    broken_off(project, file)
    (journal,) = (Path(project.lake.root) / "pending").glob("*.jsonl")
    landed = sorted((Path(project.lake.root) / "events").glob("landed-*"))
    if harm == "torn":
        journal.write_bytes(journal.read_bytes()[:-20])
    elif harm == "gone":
        landed[2].unlink()
    elif harm == "short":
        landed[0].write_bytes(landed[0].read_bytes()[:-1])
    elif harm == "other mapping":
        summary = take(project, file, mapping={"session_id": "note"}, **SMALL)
        assert summary.stored == ROWS
        assert project.sql("SELECT count(DISTINCT session_id) AS n FROM events").to_pylist() == [{"n": ROWS}]
        assert staged(project) == pending(project) == []
        return
    elif harm == "moved on":
        (tmp_path / "other.csv").write_text("user_id,event,timestamp\n1,before,2020-01-01T00:00:00Z\n")
        take(project, tmp_path / "other.csv")
        assert take(project, file, **SMALL).stored == ROWS
        positions = [row["position"] for row in events_of(project)]
        assert len(set(positions)) == ROWS + 1
        assert staged(project) == pending(project) == []
        return
    complete(project, file, expected)


def test_a_growing_file_whose_last_line_was_not_complete(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("user_id,event,timestamp\n1,a,2026-11-01T00:00:00Z\n1,b,2026-11-01T00")
    project = new_project(tmp_path / "p")
    take(project, file)
    with file.open("a") as more:
        more.write(":00:00Z\n1,c,2026-11-01T00:00:00Z\n")
    with pytest.raises(InvalidFile, match="whose last line was not complete") as caught:
        take(project, file)
    assert "its first 66 bytes are in the lake" in caught.value.hint


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_last_line_without_its_end_may_be_whole(tmp_path, line_end):
    file = tmp_path / "x.csv"
    rows = ["user_id,event,timestamp", *(f"{row},e,2026-11-01T00:00:00Z" for row in range(5))]
    project = new_project(tmp_path / "p")
    for seen in (3, 5, 6):
        file.write_bytes(line_end.join(rows[:seen]).encode())
        take(project, file)
    assert [row["person_id"] for row in events_of(project)] == ["0", "1", "2", "3", "4"]


def test_any_bytes_are_imported_or_refused(tmp_path):
    random.seed(20261122)
    text = TEXT.encode()[:3_000]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", text)
    lines = [b'{"user_id":%d,"event":"e","timestamp":"2026-11-01T00:00:00Z","more":{"a":[1,"x\\n"]}}' % row for row in range(40)]
    table = io.BytesIO()
    pq.write_table(pa.table({"user_id": ["a", "b"] * 50, "event": ["x"] * 100, "timestamp": [1_700_000_000] * 100}), table)
    log = b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "agent"\n' * 40
    seeds = [
        text,
        gzip.compress(text),
        packed.getvalue(),
        b"\n".join(lines),
        b"[" + b",".join(lines) + b"]",
        table.getvalue(),
        log,
        text.decode().encode("utf-16"),
    ]
    project = new_project(tmp_path / "p")
    outcomes = {True: 0, False: 0}
    for number in range(80):
        content = bytearray(seeds[number % len(seeds)])
        for _ in range(random.choice([1, 3, 30])):
            place = random.randrange(len(content) + 1)
            if random.random() < 0.5:
                content[place:place] = bytes(random.choices(b'",\n\r{}[]\\\x00\xff;\t0', k=random.randint(1, 4)))
            else:
                del content[place : place + random.randint(1, 60)]
        file = tmp_path / f"{number}.dat"
        file.write_bytes(content)
        try:
            summary = take(project, file, block_bytes=random.choice([300, 5_000, 1 << 20]))
        except InvalidFile:
            outcomes[False] += 1
        else:
            assert summary.read == summary.stored + summary.duplicate + summary.dead_lettered
            outcomes[True] += 1
    assert min(outcomes.values()) > 5, outcomes
    assert staged(project) == pending(project) == []


def test_the_journal_of_another_digest_is_left_alone(tmp_path):
    folder = tmp_path / "pending"
    folder.mkdir()
    (folder / "import-other.jsonl").write_bytes(b"{}\n")
    journal = Journal(folder, "0123456789abcdef")
    assert journal.finished() is None
    assert journal.head() is None
    journal.remove()
    assert [path.name for path in folder.iterdir()] == ["import-other.jsonl"]
