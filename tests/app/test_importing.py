"""Imports end to end: every format gives the same events; the same content twice changes nothing; the counts add up."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
import zipfile

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from importing_support import events_of, new_project, pending, staged, take

ROWS = [
    {"user_id": f"u{row % 7}", "event": ("view", "cart", "køb 😀")[row % 3], "timestamp": f"2026-11-{row % 28 + 1:02d}T10:00:{row % 60:02d}.{row:06d}+01:00", "note": f'a,"{row}"\nb'}
    for row in range(300)
]  # fmt: skip
MAP = {"user_id": "user_id", "name": "event", "event_time": "timestamp"}


def csv_text(delimiter=",", line_end="\n", note=True):
    def cell(value):
        return '"' + value.replace('"', '""') + '"' if any(mark in value for mark in f'{delimiter}"\n\r') else value

    names = ["user_id", "event", "timestamp"] + (["note"] if note else [])
    return line_end.join(delimiter.join(cell(row[name]) for name in names) for row in [dict(zip(names, names, strict=True)), *ROWS]) + line_end


def ndjson_text():
    return "".join(json.dumps(row, ensure_ascii=bool(number % 2)) + "\n" for number, row in enumerate(ROWS))


FILES = {
    "x.csv": lambda: csv_text().encode(),
    "x.tsv": lambda: csv_text("\t").encode(),
    "semicolons.csv": lambda: csv_text(";").encode(),
    "bars.txt": lambda: csv_text("|").encode(),
    "crlf.csv": lambda: csv_text(line_end="\r\n").encode(),
    "bom.csv": lambda: b"\xef\xbb\xbf" + csv_text().encode(),
    "utf16.csv": lambda: csv_text().encode("utf-16"),
    "x.csv.gz": lambda: gzip.compress(csv_text().encode()),
    "two.csv.gz": lambda: gzip.compress(csv_text().encode()[:900]) + gzip.compress(csv_text().encode()[900:]),
    "x.csv.bz2": lambda: bz2.compress(csv_text().encode()),
    "x.csv.xz": lambda: lzma.compress(csv_text().encode()),
    "x.csv.zst": lambda: pa.Codec("zstd").compress(csv_text().encode(), asbytes=True),
    "x.ndjson": lambda: ndjson_text().encode(),
    "x.jsonl.gz": lambda: gzip.compress(ndjson_text().encode()),
    "array.json": lambda: json.dumps(ROWS).encode(),
    "indented.json": lambda: json.dumps(ROWS, indent=2).encode(),
    "wrapped.json": lambda: json.dumps({"count": 300, "next": None, "data": ROWS, "more": [1]}).encode(),
    "concatenated.json": lambda: "\n".join(json.dumps(row, indent=1) for row in ROWS).encode(),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    (folder / "x.csv").write_bytes(FILES["x.csv"]())
    project = new_project(folder / "p")
    summary = take(project, folder / "x.csv", mapping=MAP)
    assert (summary.read, summary.stored) == (300, 300)
    rows = events_of(project)
    for row, given in zip(rows, ROWS, strict=True):
        assert (row["name"], row["person_id"]) == (given["event"], given["user_id"])
        assert json.loads(row["properties"]) == {"note": given["note"]}
        assert row["position"] == ROWS.index(given)
    return [{key: row[key] for key in ("name", "person_id", "time_us", "position")} | {"note": json.loads(row["properties"])["note"]} for row in rows]


def shape(project):
    rows = events_of(project)
    return [{key: row[key] for key in ("name", "person_id", "time_us", "position")} | {"note": json.loads(row["properties"])["note"]} for row in rows]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("block_bytes", [997, 1 << 24])
def test_every_format_gives_the_same_events(tmp_path, expected, name, block_bytes):
    (tmp_path / name).write_bytes(FILES[name]())
    project = new_project(tmp_path / "p")
    summary = take(project, tmp_path / name, mapping=MAP, block_bytes=block_bytes)
    assert (summary.read, summary.stored, summary.duplicate, summary.dead_lettered) == (300, 300, 0, 0)
    assert shape(project) == expected
    again = take(project, tmp_path / name, mapping=MAP)
    assert (again.read, again.stored, again.duplicate) == (300, 0, 300)
    assert again.files[0].note.startswith("this content is already imported")
    assert shape(project) == expected
    assert staged(project) == pending(project) == []


def test_parquet_in_row_groups(tmp_path, expected):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "x.parquet", row_group_size=64)
    project = new_project(tmp_path / "p")
    assert take(project, tmp_path / "x.parquet", mapping=MAP).stored == 300
    assert shape(project) == expected


def test_carriage_returns_alone_and_latin_1(tmp_path):
    (tmp_path / "cr.csv").write_bytes(b"user_id,event,timestamp\r1,a,2026-11-01\r2,b,2026-11-02")
    (tmp_path / "latin.csv").write_bytes("user_id,event,timestamp\n3,købt,2026-11-01\n".encode("latin-1"))
    project = new_project(tmp_path / "p")
    summary = take(project, tmp_path / "cr.csv", tmp_path / "latin.csv")
    assert summary.stored == 3
    assert [row["name"] for row in events_of(project)] == ["a", "b", "købt"]
    assert summary.files[1].encoding == "iso8859-1"
    assert "read as Latin-1" in summary.warnings[-1] or any("read as Latin-1" in warning for warning in summary.warnings)


def test_zip_members_folders_and_patterns(tmp_path):
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / ".hidden.csv").write_text("user_id,event,timestamp\nx,x,2026-01-01\n")
    (data / "a.csv").write_text("user_id,event,timestamp\n1,a,2026-01-01T00:00:00Z\n")
    (data / "deep" / "b.ndjson").write_text('{"user_id":"2","event":"b","timestamp":"2026-01-01T00:00:00Z"}\n')
    (data / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (data / "empty.csv").write_bytes(b"")
    with zipfile.ZipFile(data / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/one.csv", "user_id,event,timestamp\n3,c,2026-01-01T00:00:00Z\n")
        archive.writestr("in/two.json", '[{"user_id":4,"event":"d","timestamp":1767225600}]')
    project = new_project(tmp_path / "p")
    summary = take(project, data)
    assert sorted(row["person_id"] for row in events_of(project)) == ["1", "2", "3", "4"]
    assert [file.file.rpartition("/")[2] for file in summary.files] == ["a.csv", "one.csv", "two.json", "b.ndjson"]
    assert {name.rpartition("/")[2] for name in summary.unread} == {"picture.png", "empty.csv"}
    assert take(project, data / "*.csv", data / "c.zip").stored == 0


def test_a_content_is_known_however_it_is_packed(tmp_path):
    plain, packed = tmp_path / "x.csv", tmp_path / "y.csv.gz"
    plain.write_bytes(FILES["x.csv"]())
    packed.write_bytes(gzip.compress(FILES["x.csv"]()))
    for first, second in ((plain, packed), (packed, plain)):
        project = new_project(tmp_path / first.name.replace(".", "-"))
        assert take(project, first, mapping=MAP).stored == 300
        again = take(project, second, mapping={**MAP, "session_id": "note"})
        assert (again.stored, again.duplicate) == (0, 300)
        assert "the mapping given now changes nothing" in again.files[0].note
        assert len(events_of(project)) == 300
        assert staged(project) == pending(project) == []


@pytest.mark.parametrize("name", ["x.csv", "x.ndjson", "bom.csv"])
def test_a_grown_file_goes_on_behind_its_old_end(tmp_path, expected, name):
    whole = FILES[name]()
    row = 120 if name == "x.ndjson" else 2 * 120 + 1  # a CSV row takes two lines
    at = len(b"\n".join(whole.split(b"\n")[:row])) + 1
    path = tmp_path / name
    path.write_bytes(whole[:at])
    project = new_project(tmp_path / "p")
    first = take(project, path, mapping=MAP)
    assert first.stored == 120
    path.write_bytes(whole)
    second = take(project, path, mapping=MAP, block_bytes=500)
    assert (second.read, second.stored) == (180, 180)
    assert "the first 120 rows were imported before" in second.files[0].note
    assert shape(project) == expected
    ids = [row["event_id"].rpartition("-")[2] for row in events_of(project)]
    assert ids == [str(number) for number in range(300)]
    path.write_bytes(whole + whole[-40:].split(b"\n", 1)[0] + b"\nbroken\n")
    third = take(project, path, mapping=MAP)
    assert third.dead_lettered == third.read > 0
    lines = project.dead_letters().column("line").to_pylist()
    assert lines[0] == whole.count(b"\n") + 1


def test_dead_letters_say_where_and_why(tmp_path):
    text = (
        b"user_id,event,timestamp,price\n"
        b"1,view,2026-11-01T10:00:00Z,1.5\n"
        b"1,view\n"
        b"\n"
        b"\xff\xfe,view,2026-11-01T10:00:00Z,1\n"
        b"1,view,,1\n"
        b"1,view,yesterday,1\n"
        b"1,,2026-11-01T10:00:00Z,1\n"
        b",view,2026-11-01T10:00:00Z,1\n"
        b'1,"vi\nsit",2026-11-01T10:00:00Z,1\n'
        b"1,view,2026-11-01T10:00:00Z,cheap\n"
        b"1,view,2026-11-01T10:00:00Z,\n"
    ) + "é".encode() * 3
    (tmp_path / "x.csv").write_bytes(text)
    project = new_project(tmp_path / "p", '[events]\nnames = ["view", "cart"]\n[events.columns]\nprice = "float64"\n')
    summary = take(project, tmp_path / "x.csv", encoding="utf-8")
    assert (summary.read, summary.stored, summary.dead_lettered) == (11, 2, 9)
    letters = project.dead_letters().to_pylist()
    assert [(letter["line"], letter["reason"]) for letter in letters] == [
        (3, "malformed_row"), (5, "invalid_encoding"), (6, "missing_time"), (7, "invalid_time"), (8, "missing_name"), (9, "missing_person"),
        (10, "unknown_name"), (12, "invalid_value"), (14, "malformed_row"),
    ]  # fmt: skip
    assert letters[0]["detail"] == "the row has 2 fields, the header has 4"
    assert letters[1]["row"] == "\\xff\\xfe,view,2026-11-01T10:00:00Z,1"
    assert letters[3]["detail"] == "timestamp = 'yesterday' is no time between 1970 and 2200"
    assert letters[7]["detail"] == "price = 'cheap' is not float64"
    assert [row["price"] for row in events_of(project, "price, position")] == [1.5, None]
    assert summary.reasons == summary.to_dict()["total"]["reasons"]
    assert summary.files[0].reasons["invalid_value"].lines == [12]


def test_promoted_columns_are_typed_and_leave_properties(tmp_path):
    config = '[events.columns]\nn = "int64"\nx = "float64"\nok = "bool"\nat = "timestamp"\nday = "date"\ns = "string"\n'
    row = {
        "user_id": 7,
        "event": "e",
        "timestamp": 1767225600,
        "n": 5,
        "x": 0.1,
        "ok": True,
        "at": "2026-01-01T00:00:00+02:00",
        "day": "2026-05-06",
        "s": "ü",
        "rest": [1, {"a": None}],
    }
    (tmp_path / "x.ndjson").write_text(
        json.dumps(row) + "\n" + json.dumps(row | {"n": "x"}) + "\n" + json.dumps({k: row[k] for k in ("user_id", "event", "timestamp")}) + "\n"
    )
    project = new_project(tmp_path / "p", config)
    summary = take(project, tmp_path / "x.ndjson")
    assert (summary.stored, summary.dead_lettered) == (2, 1)
    first, second = events_of(project, "n, x, ok, at, day, s, properties, person_id, position")
    assert (first["n"], first["x"], first["ok"], first["s"], first["person_id"]) == (5, 0.1, True, "ü", "7")
    assert first["at"].isoformat() == "2025-12-31T22:00:00+00:00"
    assert str(first["day"]).startswith("2026-05-06")
    assert first["properties"] == '{"rest": [1, {"a": null}]}'
    assert second["properties"] is None
    assert second["n"] is None


@pytest.mark.parametrize("seed", range(6))
def test_given_event_ids_are_stored_once(tmp_path, seed):
    random.seed(seed)
    project = new_project(tmp_path / "p")
    known: dict[str, str] = {}
    stored = read = 0
    for file in range(3):
        rows = [(f"id{random.randrange(150)}" if random.random() < 0.9 else "", f"e{file}-{row}") for row in range(random.choice([1, 40, 200]))]
        path = tmp_path / f"{file}.csv"
        path.write_text("event_id,user_id,event,timestamp\n" + "".join(f"{key},u,{name},2026-11-01T00:00:00Z\n" for key, name in rows))
        summary = take(project, path, mapping=MAP | {"event_id": "event_id"}, block_bytes=random.choice([64, 1000, 1 << 20]))
        for key, name in rows:
            known.setdefault(key or name, name)
        read += summary.read
        stored += summary.stored
        assert summary.read == len(rows)
        assert staged(project) == []
    assert stored == len(known)
    assert sorted(row["name"] for row in events_of(project)) == sorted(known.values())


def test_warnings_about_ids_and_zones(tmp_path):
    (tmp_path / "x.csv").write_text("user_id,event,timestamp\n" + "NA,e,2026-07-01 12:00:00\n" * 5 + "7,e,2026-07-01 12:00:00\n" * 5)
    project = new_project(tmp_path / "p")
    summary = take(project, tmp_path / "x.csv", time_zone="Europe/Berlin")
    assert summary.warnings == (
        "10 times have no zone and were read as Europe/Berlin; say another with --time-zone",
        "user_id is 'NA' on 5 rows; if that means nobody add --null NA",
    )
    assert project.sql("SELECT DISTINCT time_us FROM events").to_pylist() == [{"time_us": 1_782_900_000_000_000}]
    nobody = take(new_project(tmp_path / "q"), tmp_path / "x.csv", nulls=("NA",))
    assert (nobody.stored, nobody.dead_lettered, nobody.reasons) == (5, 5, {"missing_person": 5})


def test_an_explanation_writes_nothing_and_its_flags_say_the_same(tmp_path):
    (tmp_path / "x.csv").write_bytes(FILES["x.csv"]() + b"broken\n")
    project = new_project(tmp_path / "p")
    (file,) = project.explain_files(tmp_path / "x.csv").files
    assert file.mapping == {"event_time": "timestamp", "name": "event", "user_id": "user_id"}
    assert file.flags == ("--map event_time=timestamp", "--map name=event", "--map user_id=user_id")
    assert file.properties == ("note",)
    assert len(file.preview) == 10
    assert file.preview[0]["name"] == "view"
    assert [letter.reason for letter in file.letters] == ["malformed_row"]
    assert not (tmp_path / "p" / ".footfall").exists() or events_of(project) == []
    assert json.dumps(project.explain_files(tmp_path / "x.csv").to_dict())


def test_progress_runs_to_the_end(tmp_path):
    for name in ("x.csv", "x.jsonl.gz"):
        (tmp_path / name).write_bytes(FILES[name]())
    told: list[tuple[int, int, int]] = []
    project = new_project(tmp_path / "p")
    take(project, tmp_path / "x.csv", tmp_path / "x.jsonl.gz", mapping=MAP, block_bytes=4_000, progress=lambda *step: told.append(step))
    size = sum((tmp_path / name).stat().st_size for name in ("x.csv", "x.jsonl.gz"))
    assert told[-1] == (size, size, 600)
    assert all(done <= whole for done, whole, _ in told)
    assert [rows for *_, rows in told] == sorted(rows for *_, rows in told)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    import psutil

    rows = 1_500_000
    table = pa.table(
        {"user_id": pa.array(range(rows)).cast(pa.string()), "event": ["view"] * rows, "timestamp": [1_767_225_600] * rows, "note": ["x" * 60] * rows}
    )
    pa_csv.write_csv(table, tmp_path / "x.csv")
    del table
    project = new_project(tmp_path / "p")
    (tmp_path / "small.csv").write_text("user_id,event,timestamp,note\n1,a,1767225600,n\n")
    take(project, tmp_path / "small.csv")
    before = psutil.Process().memory_info().rss
    peak = 0

    def watch(*_):
        nonlocal peak
        peak = max(peak, psutil.Process().memory_info().rss)

    assert take(project, tmp_path / "x.csv", block_bytes=1 << 20, progress=watch).stored == rows
    assert (tmp_path / "x.csv").stat().st_size > 100_000_000
    assert peak - before < 150_000_000
