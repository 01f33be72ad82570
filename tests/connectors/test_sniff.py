"""What a file is, seen from its first bytes; what is no file of rows is named."""

from __future__ import annotations

import gzip
import json
import zipfile

import pytest

from footfall.connectors.files.discover import find_files
from footfall.connectors.files.options import FileOptions
from footfall.connectors.files.sniff import sniff
from footfall.errors import InvalidFile, InvalidQuery


def seen(tmp_path, content: bytes, name="x", **said):
    path = tmp_path / name
    path.write_bytes(content)
    (file,) = find_files([path])
    return sniff(file, FileOptions(**said))[0]


@pytest.mark.parametrize(
    ("content", "delimiter", "header", "columns"),
    [
        (b"a,b\n1,2\n", ",", True, ("a", "b")),
        (b"a;b\n1,5;2\n1,6;3\n", ";", True, ("a", "b")),
        (b"a\tb\n1\t2\n", "\t", True, ("a", "b")),
        (b"1|2|3\n4|5|6\n", "|", False, ("c0", "c1", "c2")),
        (b"6,2,4,1289241912\r\n6,5,2,1289241942\r\n", ",", False, ("c0", "c1", "c2", "c3")),
        (b'"a, b","c"\n"1,2","3"\n', ",", True, ("a, b", "c")),
        (b"a,b,a\n1,2,3\n", ",", False, ("c0", "c1", "c2")),
        (b"time\n2026-01-01\n", ",", True, ("time",)),
        (b"a,,b\n1,2,3\n", ",", False, ("c0", "c1", "c2")),
    ],
)
def test_delimiters_and_headers(tmp_path, content, delimiter, header, columns):
    about = seen(tmp_path, content)
    assert (about.kind, about.delimiter, about.header, about.columns) == ("csv", delimiter, header, columns)


def test_what_is_said_is_not_questioned(tmp_path):
    assert seen(tmp_path, b"a,b\n1,2\n", header=False).columns == ("c0", "c1")
    assert seen(tmp_path, b"1,2,1\n3,4,5\n", header=True).columns == ("1", "2", "1_2")
    assert seen(tmp_path, b"a,,\n1,2,3\n", header=True).columns == ("a", "c1", "c2")
    assert seen(tmp_path, b"a;b,c\n1;2,3\n", delimiter=";").columns == ("a", "b,c")
    assert seen(tmp_path, b'{"a":1}\n{"a":2}\n', format="csv").kind == "csv"
    assert seen(tmp_path, "a,b\nä,ö\n".encode("cp1252"), encoding="cp1252").encoding == "cp1252"


@pytest.mark.parametrize(
    ("content", "kind", "start"),
    [
        (b'{"a":1}\n{"a":2}\n', "ndjson", 0),
        (b'{"a":1}', "ndjson", 0),
        (b'broken\n{"a":2}\n', "csv", None),
        (b'{"a":\n{"a":2}\n{"a":3}\n', "ndjson", 0),
        (b' [ {"a":1} ]', "json", 2),
        (b'{"n": 1, "s": "x]", "rows": [{"a":1}]}', "json", 29),
        (b'{\n "a": 1\n}\n{\n "a": 2\n}\n', "json", 0),
        (b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5\n', "log", 0),
        (b'"1.2.3.4 - x y [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "a""\r\n', "log", 0),
    ],
)
def test_kinds(tmp_path, content, kind, start):
    about = seen(tmp_path, content)
    assert about.kind == kind
    assert start is None or about.start_bytes == start


def test_encodings(tmp_path):
    assert seen(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n").columns == ("a", "b")
    utf16 = seen(tmp_path, "a,b\n1,ü\n".encode("utf-16"))
    assert (utf16.encoding, utf16.columns, utf16.bom_bytes) == ("utf-16-le", ("a", "b"), 2)
    assert seen(tmp_path, "a,b\n1,ü\n".encode("utf-16-be"), encoding="utf-16-be").columns == ("a", "b")
    latin = seen(tmp_path, "a,b\n1,ü\n".encode("latin-1"))
    assert latin.encoding == "iso8859-1"
    assert "read as Latin-1 (1 bytes" in latin.notes[0]
    assert seen(tmp_path, "a,b\nü,ü\n".encode() + b"\xff,1\n").encoding == "utf-8"
    assert seen(tmp_path, b"a,b\r1,2\r").line_end == 13


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"), (b" \n\n", "holds nothing but blanks"), (b"a,b\n", "has a header and no rows"), (b"%PDF-1.4 ...", "is a PDF document, not rows of text"),
        (b"\x89PNG\r\n", "is an image"), (b"SQLite format 3\0", "is an SQLite database"), (bytes(range(256)) * 4, "is binary"), (b'a,"b\n1,2\n', "has a first row that never ends"),
        (gzip.compress(b"", mtime=0), "is empty"), (gzip.compress(b"PAR1", mtime=0), "is Parquet inside gzip"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_rows(tmp_path, content, sentence):
    with pytest.raises(InvalidFile, match=sentence) as caught:
        seen(tmp_path, content)
    assert caught.value.hint


def test_documents_and_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
    with pytest.raises(InvalidFile, match="is an office document"):
        find_files([tmp_path / "book.xlsx"])
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(InvalidFile, match="is a damaged zip archive"):
        find_files([tmp_path / "bad.zip"])
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("__MACOSX/x", "")
    with pytest.raises(InvalidFile, match="holds no files"):
        find_files([tmp_path / "none.zip"])


def test_paths_that_mean_nothing(tmp_path):
    (tmp_path / "visits.csv").write_text("a")
    with pytest.raises(InvalidFile, match="there is no file") as caught:
        find_files([tmp_path / "visit.csv"])
    assert caught.value.hint == f"did you mean {tmp_path / 'visits.csv'}?"
    with pytest.raises(InvalidFile, match="no file matches"):
        find_files([tmp_path / "*.tsv"])
    with pytest.raises(InvalidFile, match="no file was named"):
        find_files([])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidFile, match="holds no files"):
        find_files([tmp_path / "empty"])
    assert len(find_files([tmp_path / "visits.csv", tmp_path / "*.csv", tmp_path])) == 1


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"format": "cvs"}, "'cvs' is not a file format"), ({"delimiter": ";;"}, "cannot delimit"), ({"delimiter": '"'}, "cannot delimit"),
        ({"encoding": "utf-9"}, "is not an encoding"),
    ],
)  # fmt: skip
def test_options_that_mean_nothing(tmp_path, said, sentence):
    with pytest.raises(InvalidQuery, match=sentence):
        seen(tmp_path, b"a,b\n1,2\n", **said)


def test_a_description_is_in_words(tmp_path):
    assert seen(tmp_path, gzip.compress(b"a;b\n1;2\n")).describe() == "delimited by semicolons, with a header, gzip"
    assert seen(tmp_path, json.dumps([{}]).encode()).describe() == "JSON objects in one value"
