"""footfall import at the command line: mistakes in words, summaries that add up, nothing written by --explain."""

from __future__ import annotations

import gzip
import json

import pytest

from footfall.cli.main import main

ROWS = "who,what,when,price\nana,view,2026-03-02T08:00:00Z,\nana,buy,2026-03-02T08:05:00Z,9.5\n,view,2026-03-02T09:00:00Z,\nben,view,soon,\n"
MAPS = ("--map", "user_id=who", "--map", "name=what", "--map", "event_time=when")


@pytest.fixture
def shop(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "visits.csv").write_text(ROWS, encoding="utf-8")
    assert main(["init", "shop"]) == 0
    capsys.readouterr()
    return tmp_path


def run(capsys, *words, status=0):
    assert main(["-C", "shop", *words]) == status, capsys.readouterr().err
    return capsys.readouterr()


@pytest.mark.usefixtures("shop")
def test_the_summary_adds_up_on_the_screen_and_in_json(capsys):
    out, err = run(capsys, "import", "visits.csv", *MAPS)
    assert "read 4 = stored 2 + duplicate 0 + dead-lettered 2" in err
    assert "1 dead letters of missing_person, first on lines 4" in err
    assert "visits.csv" in out
    again = json.loads(run(capsys, "import", "visits.csv", *MAPS, "--json").out)
    assert [again["total"][name] for name in ("read", "stored", "duplicate", "dead_lettered")] == [4, 0, 4, 0]
    letters = json.loads(run(capsys, "deadletters", "--json").out)
    assert sorted((row["line"], row["reason"]) for row in letters["rows"]) == [(4, "missing_person"), (5, "invalid_time")]
    assert {check["state"] for check in json.loads(run(capsys, "doctor", "--json").out)} == {"ok"}


@pytest.mark.usefixtures("shop")
def test_explain_writes_nothing_and_says_what_to_type(capsys):
    out, err = run(capsys, "import", "visits.csv", *MAPS, "--explain")
    assert "--map user_id=who" in err
    assert "Nothing was written." in err
    assert "ana" in out
    explained = json.loads(run(capsys, "import", "visits.csv", *MAPS, "--explain", "--json").out)
    assert explained["files"][0]["mapping"] == {"event_time": "when", "name": "what", "user_id": "who"}
    assert json.loads(run(capsys, "sql", "SELECT count(*) AS n FROM events", "--json").out)["rows"] == [{"n": 0}]


def test_the_guess_is_printed_before_an_import_without_a_mapping(shop, capsys):
    (shop / "log.csv").write_text("user,event,time\nana,view,1772438400\n", encoding="utf-8")
    err = run(capsys, "import", "log.csv").err
    assert err.startswith("log.csv: delimited by commas, with a header, read as --map event_time=time --map name=event --map user_id=user\n")


def test_a_relative_file_is_looked_for_here_then_in_the_project(shop, capsys):
    (shop / "shop" / "inside.csv").write_text(ROWS.replace("ana", "cem"), encoding="utf-8")
    assert "stored 2" in run(capsys, "import", "inside.csv", *MAPS).err


def test_options_reach_the_file(shop, capsys):
    (shop / "plain.csv").write_text("ana;view;02.03.2026 08:00\n", encoding="utf-8")
    options = ("--no-header", "--delimiter", ";", "--time-format", "dmy", "--time-zone", "Europe/Berlin", "--no-compact")
    run(capsys, "import", "plain.csv", *options, "--map", "user_id=c0", "--map", "name=c1", "--map", "event_time=c2")
    rows = json.loads(run(capsys, "sql", "SELECT person_id, name, time_us FROM events", "--json").out)["rows"]
    assert rows == [{"person_id": "ana", "name": "view", "time_us": 1_772_434_800_000_000}]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "empty"),
        ("header.csv", b"who,what,when\n", "rows"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "image"),
        ("broken.csv.gz", gzip.compress(ROWS.encode() * 100)[:-20], "broken.csv.gz"),
    ],
)
def test_a_file_without_events_gets_a_sentence_and_a_hint(shop, capsys, name, content, sentence):
    (shop / name).write_bytes(content)
    err = run(capsys, "import", name, *MAPS, status=2).err
    first, second = err.splitlines()
    assert first.startswith("error: ")
    assert sentence in first
    assert second.startswith("hint: ")
    assert json.loads(run(capsys, "sql", "SELECT count(*) AS n FROM events", "--json").out)["rows"] == [{"n": 0}]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("words", "sentence", "hint"),
    [
        (["nowhere.csv"], "nowhere.csv", "hint"),
        (["visits.csv", "--map", "user_id"], "--map user_id names no column", "write --map user_id=COLUMN"),
        (["visits.csv", "--map", "name=what", "--map", "name=who"], "--map fills name twice", "keep one of them"),
        (["visits.csv", "--map", "user_id=whoo"], "visits.csv has no column 'whoo'", "did you mean who"),
        (["visits.csv", "--map", "user=who"], "events have no field 'user'", "did you mean user_id"),
        (["visits.csv", "--format", "cvs"], "cvs", "csv"),
        (["visits.csv", *MAPS, "--time-zone", "Mars"], "Mars", "hint"),
        (["visits.csv", "--encoding", "utf-99"], "utf-99", "hint"),
    ],
)
def test_a_wrong_option_gets_a_sentence_and_a_hint(capsys, words, sentence, hint):
    err = run(capsys, "import", *words, status=2).err
    assert sentence in err.splitlines()[0]
    assert hint in err.splitlines()[1]
    assert len(err.splitlines()) == 2
