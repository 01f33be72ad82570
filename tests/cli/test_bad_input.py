"""What users get wrong: one sentence, a hint, exit status 2, no traceback, and a lake that is as it was."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import footfall as ff
from footfall.cli.main import main

HEADER = "user,action,at\n"
MAPS = ("--map", "user_id=user", "--map", "name=action", "--map", "event_time=at")


@pytest.fixture
def shop(tmp_path, capfd) -> Iterator[Path]:
    folder = tmp_path / "shop"
    good = tmp_path / "good.csv"
    good.write_text(HEADER + "".join(f"u{row % 5},{'view' if row % 2 else 'buy'},2026-10-01 10:00:{row:02d}\n" for row in range(20)))
    assert main(["init", str(folder)]) == 0
    assert main(["-C", str(folder), "import", str(good), *MAPS]) == 0
    capfd.readouterr()
    before = ff.open(folder).lake.snapshot().version
    yield folder
    assert ff.open(folder).lake.snapshot().version == before


def refused(capfd, *words: str) -> tuple[str, str]:
    """The sentence and the hint of a command that must end with exit status 2."""
    status = main([*words])
    out, err = capfd.readouterr()
    assert status == 2, (words, out, err)
    assert out == ""
    assert "Traceback" not in err
    lines = err.strip().splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    hints = [line for line in lines if line.startswith("hint: ")]
    assert (len(errors), len(hints)) == (1, 1), err
    assert main([*words, "--json"]) == 2
    problem = json.loads(capfd.readouterr().err.strip().splitlines()[-1])["error"]
    assert problem["sentence"] == errors[0].removeprefix("error: ")
    return errors[0].removeprefix("error: "), hints[0].removeprefix("hint: ")


def write(shop: Path, name: str, content: bytes | str) -> str:
    path = shop.parent / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_a_missing_file(shop, capfd):
    sentence, hint = refused(capfd, "-C", str(shop), "import", str(shop.parent / "god.csv"), *MAPS)
    assert "god.csv" in sentence
    assert hint


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "empty"),
        ("blank.csv", b"\n\n\n", ""),
        ("header.csv", HEADER, "header"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "is an image, not rows of text"),
        ("broken.parquet", b"PAR1" + bytes(2000) + b"PAR1", "Parquet"),
        ("broken.csv.gz", b"\x1f\x8b" + bytes(500), ""),
    ],
)
def test_files_that_are_no_events(shop, capfd, name, content, words):
    sentence, hint = refused(capfd, "-C", str(shop), "import", write(shop, name, content), *MAPS)
    assert name in sentence
    assert words in sentence
    assert hint


def test_a_folder_without_permission(shop, capfd):
    folder = shop.parent / "closed"
    folder.mkdir()
    (folder / "x.csv").write_text(HEADER)
    folder.chmod(0o000)
    root = os.geteuid() == 0
    try:
        # Root may read everything; everything that the command needs was loaded when the project was made.
        if root:
            for parent in shop.parents:
                if parent.stat().st_uid == 0 and Path(tempfile.gettempdir()) in parent.parents:
                    parent.chmod(0o755)
            os.seteuid(65534)
        sentence, hint = refused(capfd, "-C", str(shop), "import", str(folder), *MAPS)
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
    assert "closed" in sentence
    assert "may not be read" in sentence
    assert "chmod" in hint


@pytest.mark.parametrize(
    ("words", "sentence", "hint"),
    [
        (("import", "FILE", "--map", "user_id=usr", "--map", "name=action", "--map", "event_time=at"), "has no column 'usr'", "user"),
        (("import", "FILE", "--map", "user_id"), "names no column", "--map user_id=COLUMN"),
        (("import", "FILE", "--map", "usr_id=user"), "usr_id", "user_id"),
        (("funnel", "view", "buy", "--window", "7x"), "'7x' is not a span of time", "7d"),
        (("funnel", "view"), "a funnel needs 2 steps or more", "footfall funnel"),
        (("funnel",), "", ""),
        (("funnel", "view", "bye"), "there is no event named 'bye'", "'buy'"),
        (("trends", "vew"), "there is no event named 'vew'", "'view'"),
        (("retention", "--start-event", "viw"), "there is no event named 'viw'", "'view'"),
        (("sessions", "--gap", "soon"), "'soon' is not a span of time", "30m"),
        (("sessions", "--where", "contry=DE"), "events have no column 'contry'", "country"),
        (("trends", "--interval", "fortnight"), "fortnight", "--help"),
        (("trends", "--since", "yesterday"), "'yesterday' is not a date or time", "2026-11-01"),
        (("sql", "DROP TABLE events"), "", "SELECT"),
        (("sql", "SELECT nme FROM events"), "nme", "name"),
        (("funel", "a", "b"), "there is no command 'funel'", "funnel"),
    ],
)
def test_questions_that_cannot_be(shop, capfd, words, sentence, hint):
    file = str(shop.parent / "good.csv")
    got, advice = refused(capfd, "-C", str(shop), *[file if word == "FILE" else word for word in words])
    assert sentence in got
    assert hint in advice


def test_a_folder_that_is_no_project(tmp_path, capfd):
    sentence, hint = refused(capfd, "-C", str(tmp_path), "sessions")
    assert "footfall.toml" in sentence
    assert "footfall init" in hint


def test_a_full_disk_in_the_middle_of_an_import_leaves_the_lake_as_it_was(tmp_path, capfd):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk (root)")
    try:
        project = disk / "p"
        small, large = tmp_path / "small.csv", tmp_path / "large.csv"
        small.write_text(HEADER + "u1,view,2026-10-01\n")
        with large.open("w") as file:
            file.write(HEADER)
            file.writelines(f"user number {row * 7919 % 1_000_003},view {row % 17},2026-10-01 10:00:{row % 60:02d}\n" for row in range(200_000))
        assert main(["init", str(project)]) == 0
        assert main(["-C", str(project), "import", str(small), *MAPS, "--no-compact"]) == 0
        before = {path.name for path in (project / ".footfall" / "lake" / "events").glob("*.parquet")}
        capfd.readouterr()
        assert main(["-C", str(project), "import", str(large), *MAPS]) == 1
        err = capfd.readouterr().err
        assert "full" in err
        assert "Traceback" not in err
        after = {path.name for path in (project / ".footfall" / "lake" / "events").glob("*.parquet")}
        assert after == before
        assert ff.open(project).lake.snapshot().rows == 1
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
