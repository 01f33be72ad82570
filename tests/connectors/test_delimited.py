"""Delimited text against Python's csv, in blocks of any size; broken quotes spoil one line; nothing crashes."""

from __future__ import annotations

import csv
import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_support import delimited, rows_of

from footfall.connectors.files import window
from footfall.connectors.files.delimited import first_record
from footfall.event.raw import AFTER_QUOTE, FINE, OPEN_QUOTE, TOO_LONG, WRONG_WIDTH

CELL = st.text(alphabet=st.sampled_from("ab,;\"'\n\r\t é😀0"), max_size=8)


def written(rows, delimiter, line_end):
    out = io.StringIO(newline="")
    # csv leaves a lone carriage return unquoted when lines end in LF, and then reads it as a line end.
    returns = any("\r" in cell for row in rows for cell in row)
    csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL).writerows(rows)
    return out.getvalue().encode()


@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=12),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 64),
)
@settings(max_examples=600, deadline=None)
def test_what_csv_writes_is_read_back(rows, delimiter, line_end, block_bytes):
    text = written(rows, delimiter, line_end)
    expected = [[cell or None for cell in row] for row in csv.reader(io.StringIO(text.decode(), newline=""), delimiter=delimiter)]
    got = rows_of(delimited(text, "xyz", delimiter=delimiter, block_bytes=block_bytes))
    assert [fault for _, fault, _ in got] == [FINE] * len(expected)
    assert [values for _, _, values in got] == expected


@given(st.binary(max_size=120), st.integers(1, 40), st.sampled_from([10, 13]))
@settings(max_examples=1_000, deadline=None)
def test_any_bytes_give_the_same_rows_in_any_blocks(text, block_bytes, line_end):
    def shape(size):
        reader = delimited(text, "xy", block_bytes=size, line_end=line_end)
        rows = []
        while (raw := reader.read()) is not None:
            rows += [
                (raw.line(row), int(raw.rows[row, 3]), [raw.value(column, row) for column in range(2)], raw.text(row)) for row in range(len(raw))
            ]
        return rows, reader.place

    assert shape(block_bytes) == shape(1 << 16)


def test_line_ends_header_and_blank_lines():
    for line_end, code in (("\n", 10), ("\r\n", 10), ("\r", 13)):
        text = line_end.join(["1,2", "", '"a\nb",4', "5,6"]).encode()
        got = rows_of(delimited(text, "xy", line_end=code))
        assert [values for _, _, values in got] == [["1", "2"], ["a\nb", "4"], ["5", "6"]]
        lines = [line for line, _, _ in got]
        assert lines == ([1, 3, 5] if code == 10 else [1, 3, 4])


def test_rows_of_another_width():
    got = rows_of(delimited(b"1,2\n1\n1,2,3\n4,5", "xy"))
    assert [(line, fault) for line, fault, _ in got] == [(1, FINE), (2, WRONG_WIDTH), (3, WRONG_WIDTH), (4, FINE)]
    ragged = rows_of(delimited(b"1,2\n1\n1,2,3\n", "xy", ragged=True))
    assert [values for _, _, values in ragged] == [["1", "2"], ["1", None], ["1", "2"]]


@pytest.mark.parametrize("block_bytes", [4, 16, 1 << 16])
def test_a_broken_quote_spoils_one_line(block_bytes):
    text = b'1,2\n3,"bad\n5,"good",x\n7,8\n9,"open\n11,12\n'
    got = rows_of(delimited(text, "xy", block_bytes=block_bytes))
    assert [(line, fault) for line, fault, _ in got] == [(1, FINE), (2, AFTER_QUOTE), (3, WRONG_WIDTH), (4, FINE), (5, OPEN_QUOTE), (6, FINE)]
    reader = delimited(text, "xy")
    raw = reader.read()
    assert raw.fault(1)[1] == "text follows a closing quote at byte 10 of the row"
    assert raw.fault(2)[1] == "the row has 3 fields, the header has 2"
    assert raw.fault(4)[1] == "a quote opens and never closes"
    assert raw.text(1) == '3,"bad'


def test_quotes_inside_a_field_are_text():
    assert rows_of(delimited(b'5" pipe,a"b"c\n', "xy"))[0][2] == ['5" pipe', 'a"b"c']


def test_a_row_beyond_the_limit(monkeypatch):
    monkeypatch.setattr(window, "ROW_BYTES_MAX", 100)
    long_line = b'1,"' + b"x" * 300
    got = rows_of(delimited(b"a,b\n" + long_line + b"\nc,d\n" + b"y" * 500 + b"\ne,f\n", "xy", block_bytes=64))
    assert [(line, fault) for line, fault, _ in got] == [(1, FINE), (2, TOO_LONG), (3, FINE), (4, TOO_LONG), (5, FINE)]


def test_first_record():
    assert first_record(b'a,"b\n1",c\nrest', ",", 10) == (["a", "b\n1", "c"], 10, 2)
    assert first_record(b"only", ",", 10) == (["only"], 4, 1)
    assert first_record(b'a,"b', ",", 10) == ([], 0, 0)


def test_a_place_continues_where_a_block_ended():
    random.seed(5)
    text = "".join(f'{row},"{"q" * random.randrange(9)}"\n' for row in range(200)).encode()
    whole = rows_of(delimited(text, "xy"))
    reader = delimited(text, "xy", block_bytes=100)
    seen = len(reader.read()) + len(reader.read())
    from footfall.connectors.files.delimited import DelimitedReader
    from footfall.connectors.files.window import Window

    rest = DelimitedReader(Window(io.BytesIO(text[reader.place.offset :]), 10), ",", ("x", "y"), place=reader.place)
    raw = rest.read()
    assert (raw.first_row, raw.line(0)) == (seen, seen + 1)
    assert len(raw) + seen == len(whole)
