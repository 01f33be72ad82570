"""Text and properties: escapes undone and made, against json; UTF-8, against Python."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_support import cells_of, raw_of

from footfall.event.cells.text import any_high, count_suspects, equal_to, make_null, mend_halves, row_ids, texts, utf8_until
from footfall.event.cells.words import octets_of
from footfall.event.person import person_keys
from footfall.event.properties import properties
from footfall.event.raw import DOUBLED, ESCAPED, FALSE, NESTED, NUMBER, TRUE

PLAIN = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@given(st.lists(st.none() | PLAIN, max_size=30))
@settings(max_examples=300, deadline=None)
def test_plain_text_comes_through(values):
    array, broken = texts(*cells_of(values))
    array.validate(full=True)
    assert array.to_pylist() == values
    assert broken is None


@given(st.lists(PLAIN, max_size=20), st.booleans())
@settings(max_examples=300, deadline=None)
def test_json_escapes_are_undone(values, ascii_only):
    array, broken = texts(*cells_of([json.dumps(value, ensure_ascii=ascii_only)[1:-1] for value in values], ESCAPED))
    array.validate(full=True)
    assert array.to_pylist() == values
    assert broken is None


@given(st.lists(PLAIN, max_size=20))
@settings(max_examples=200, deadline=None)
def test_doubled_quotes_are_one(values):
    array, _ = texts(*cells_of([value.replace('"', '""') for value in values], DOUBLED))
    assert array.to_pylist() == values


def test_half_a_surrogate_pair_is_reported():
    array, broken = texts(*cells_of([r"\ud83d\ude00", r"x\ud800", r"\udc00y", r"\ud800\u0041", "fine"], ESCAPED))
    assert array.to_pylist()[0] == "😀"
    assert broken.tolist() == [False, True, True, True, False]


@given(st.lists(st.text(st.sampled_from('a\\"u\n0😀é\ud83d\ud800\ude00\udfff'), max_size=9), max_size=9))
@settings(max_examples=500, deadline=None)
def test_halves_of_characters_become_replacement_characters_and_nothing_else_changes(values):
    raw = json.dumps(values).encode()
    octets = octets_of(raw)
    mend_halves(octets, 0, len(raw))
    whole = [value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for value in json.loads(raw)]
    assert json.loads(octets[: len(raw)].tobytes()) == whole


@given(st.binary(max_size=60))
@settings(max_examples=1_500, deadline=None)
def test_utf8_like_python(raw):
    octets = octets_of(raw)
    try:
        raw.decode("utf-8")
        expected = len(raw)
    except UnicodeDecodeError as problem:
        expected = problem.start
    assert utf8_until(octets, 0, len(raw)) == expected
    assert any_high(octets) == any(octet > 127 for octet in raw)


@given(st.lists(st.tuples(st.none() | PLAIN, st.none() | PLAIN), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_properties_are_json_of_what_was_there(rows):
    raw = raw_of({"a": [a or None for a, _ in rows], 'b "q"\n': [b or None for _, b in rows]})
    composed = properties(raw, [0, 1]).to_pylist()
    for (a, b), text in zip(rows, composed, strict=True):
        wanted = {name: value for name, value in (("a", a), ('b "q"\n', b)) if value}
        assert (json.loads(text) if text is not None else {}) == wanted
        assert (text is None) == (not wanted)


def test_properties_keep_the_kind_of_a_value():
    for what, text, value in [
        (NUMBER, "1.50", 1.5),
        (TRUE, "true", True),
        (FALSE, "false", False),
        (NESTED, '{"x":[1]}', {"x": [1]}),
        (ESCAPED, r"a\nb", "a\nb"),
        (DOUBLED, 'a""b', 'a"b'),
    ]:
        (composed,) = properties(raw_of({"k": [text]}, what), [0]).to_pylist()
        assert json.loads(composed) == {"k": value}


def test_row_ids_and_their_keys():
    ids = row_ids("abc-", 8, 4)
    assert ids.to_pylist() == ["abc-8", "abc-9", "abc-10", "abc-11"]
    assert len(set(person_keys(ids).tolist())) == 4
    assert row_ids("x", 0, 0).to_pylist() == []


def test_literals_become_null_and_suspects_are_counted():
    octets, cells = cells_of(["NA", "NAB", "na", None, "NA", "0", "00", "(null)", "Nadia"])
    assert equal_to(octets, cells, "NA")[0] == 2
    assert count_suspects(octets, cells) == {"NA": 2, "0": 1, "(null)": 1}
    make_null(octets, cells, ["NA", "0"])
    assert texts(octets, cells)[0].to_pylist() == [None, "NAB", "na", None, None, None, "00", "(null)", "Nadia"]
    assert np.count_nonzero(cells[:, 2] == 0) == 4
