"""JSON rows against json.loads: what it takes is taken alike, what it refuses is refused; in blocks of any size."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_support import json_rows, objects_of

from footfall.connectors.files import window
from footfall.event.raw import FINE, LONE_SURROGATE, NOT_JSON, NOT_OBJECT, TOO_DEEP, TOO_LONG

NAMES = st.sampled_from(["a", "b", "c c", "é", 'q"', "", "user_id", "\n"])
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=10)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
WANTED = ("a", "é", 'q"', "missing")


def expected(row):
    wanted = {name: value for name, value in row.items() if name in WANTED and value is not None and value != ""}
    return wanted, {name: value for name, value in row.items() if name not in WANTED}


@given(st.lists(st.dictionaries(NAMES, VALUE, max_size=6), max_size=8), st.booleans(), st.sampled_from([None, (", ", " : ")]), st.integers(1, 200))
@settings(max_examples=600, deadline=None)
def test_objects_come_through_exactly(rows, ascii_only, separators, block_bytes):
    text = "".join(json.dumps(row, ensure_ascii=ascii_only, separators=separators) + "\n" for row in rows).encode()
    got = objects_of(json_rows(text, WANTED, block_bytes=block_bytes))
    assert [(line, fault, wanted, rest) for line, fault, wanted, rest in got] == [
        (number, FINE, *expected(row)) for number, row in enumerate(rows, 1)
    ]


@given(st.lists(VALUE | st.dictionaries(NAMES, VALUE, max_size=4), max_size=8), st.sampled_from([None, 1]), st.integers(1, 200))
@settings(max_examples=400, deadline=None)
def test_elements_of_an_array(values, indent, block_bytes):
    text = json.dumps(values, indent=indent).encode()
    got = objects_of(json_rows(text[1:], WANTED, elements=True, block_bytes=block_bytes))
    assert len(got) == len(values)
    for value, (_, fault, wanted, rest) in zip(values, got, strict=True):
        assert (fault, wanted, rest) == ((FINE, *expected(value)) if isinstance(value, dict) else (NOT_OBJECT, {}, None))


def strictly(line: str) -> bool:
    def refuse(word):
        raise ValueError(word)

    try:
        return isinstance(json.loads(line, parse_constant=refuse), dict)
    except (ValueError, RecursionError):
        return False


def test_broken_objects_are_refused_and_whole_ones_are_not():
    random.seed(11)
    base = [
        '{"a":1,"b":[1,2,{"c":"x\\u00e9\\n"}],"d":null,"e":-1.5e+3,"f":true}',
        '{ "a" : "" , "b" : {} , "c" : [ ] }',
        '{"a":"\\ud83d\\ude00","z":0}',
        "{}",
        '{"é":false}',
    ]
    lines = list(base)
    for _ in range(6_000):
        line = list(random.choice(base))
        for _ in range(random.randint(1, 3)):
            place = random.randrange(len(line) + 1)
            kind = random.random()
            if kind < 0.4 and place < len(line):
                del line[place]
            elif kind < 0.8:
                line.insert(place, random.choice('{}[]:,"\\0123456789.eE+-truefalsn \tu'))
            elif place < len(line):
                line[place] = random.choice('{}[]:,"\\01.e-tnu ')
        lines.append("".join(line))
    lines = [line for line in lines if line.strip()]
    got = objects_of(json_rows("\n".join(lines).encode(), ("a", "b")))
    assert len(got) == len(lines)
    for line, (_, fault, _, _) in zip(lines, got, strict=True):
        assert (fault == FINE) == strictly(line), line


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"a":01}', NOT_JSON), ('{"a":1.}', NOT_JSON), ('{"a":.5}', NOT_JSON), ('{"a":+1}', NOT_JSON), ('{"a":NaN}', NOT_JSON), ('{"a":1,}', NOT_JSON), ('{"a":"\t"}', NOT_JSON),
        ('{"a":"\\x"}', NOT_JSON), ('{"a":"\\u12G4"}', NOT_JSON), ('{"a":"\\u}', NOT_JSON), ('{"a":"\\u12}', NOT_JSON), ('{"b":["\\u]}', NOT_JSON), ('{"a":tru}', NOT_JSON), ('{"a" 1}', NOT_JSON), ("{'a':1}", NOT_JSON), ('{"a":1}}', NOT_JSON), ('{"a":1} x', NOT_JSON),
        ("[1]", NOT_OBJECT), ("7", NOT_OBJECT), ('"x"', NOT_OBJECT), ('{"a":' + "[" * 64 + "]" * 64 + "}", TOO_DEEP), ('{"a":' + "[" * 62 + "]" * 62 + "}", FINE), ('{"a":-0.0e-0}', FINE),
    ],
)  # fmt: skip
def test_the_fine_print_of_json(line, fault):
    assert [row[1] for row in objects_of(json_rows(line.encode(), ("z",)))] == [fault]


def test_the_last_of_equal_names_counts_and_escaped_names_are_found():
    rows = objects_of(json_rows(b'{"a":1,"x":0,"a":2,"x":1}\n{"\\u0061":3,"b":"\\u0062"}\n', ("a",)))
    assert [row[2] for row in rows] == [{"a": 2}, {"a": 3}]
    assert rows[1][3] == {"b": "b"}


def test_where_the_break_is():
    raw = json_rows(b'\n{"a":1}\n{"a":1 "b":2}\n', ("a",)).read()
    assert raw.line(1) == 3
    assert raw.fault(1)[1] == "the JSON is broken at byte 7 of the row"


def test_half_a_character_is_found_when_the_value_is_wanted():
    from footfall.event.cells.text import texts

    raw = json_rows(b'{"a":"\\ud800"}\n', ("a",)).read()
    assert texts(raw.octets, raw.column(0))[1].tolist() == [True]
    assert LONE_SURROGATE


def test_a_row_beyond_the_limit(monkeypatch):
    monkeypatch.setattr(window, "ROW_BYTES_MAX", 100)
    text = b'{"a":1}\n{"a":"' + b"x" * 300 + b'"}\n{"a":2}\n'
    assert [(row[0], row[1]) for row in objects_of(json_rows(text, ("a",), block_bytes=50))] == [(1, FINE), (2, TOO_LONG), (3, FINE)]


def test_a_broken_element_spares_its_neighbours():
    text = b'{"a":1},\n{"a":},\n{"a":3}]  trailing'
    got = objects_of(json_rows(text, ("a",), elements=True))
    assert [(row[0], row[1]) for row in got] == [(1, FINE), (2, NOT_JSON), (3, FINE)]
    cut = objects_of(json_rows(b'{"a":1},{"a":"x', ("a",), elements=True))
    assert [row[1] for row in cut] == [FINE, NOT_JSON]


@given(st.binary(max_size=100), st.integers(1, 40), st.booleans())
@settings(max_examples=1_000, deadline=None)
def test_any_bytes_give_the_same_rows_in_any_blocks(text, block_bytes, elements):
    def shape(size):
        reader = json_rows(text, ("a",), block_bytes=size, elements=elements)
        rows = []
        while (raw := reader.read()) is not None:
            rows += [(raw.line(row), int(raw.rows[row, 3]), raw.text(row)) for row in range(len(raw))]
        return rows

    assert shape(block_bytes) == shape(1 << 16)
