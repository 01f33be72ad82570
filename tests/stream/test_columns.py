"""Columns against the engine: every reference, every operator, every type, on the same random tables; hashes that stay what they are."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from columns_twin import PRODUCTS, REFERENCES, SCHEMA, SIZES, WORDS, Twin, columns_of, events, properties

from footfall.errors import InvalidQuery, UnknownColumn
from footfall.event.cells.json_forms import decoded, member_at, written
from footfall.event.filters import OPERATORS, Filter
from footfall.event.person import person_key, person_keys
from footfall.event.schema import LOG_SCHEMA
from footfall.stream.columns import Columns, check_filters, check_numbers, check_reference
from footfall.stream.dimensions import DimensionTable
from footfall.stream.reading.key_hashes import NULL_HASH, hash_of

LITERALS = {
    "number": [
        "5",
        "0",
        "-1",
        "1.5",
        "1e16",
        "1e-7",
        "9999999999999999999999",
        "0.1",
        "0.30000000000000004",
        "10000000000000001",
        "5.0",
        " 7 ",
        "9223372036854775807",
    ],
    "bool": ["true", "False"],
    "time": ["2026-11-01", "1970-01-01", "2026-11-01T00:00:00.5", "2026-11-01T01:00+01:00", "20261101", "1950-05-05"],
    "string": [*WORDS, "5", "12", "-0.0", "true", "x", "%", "_", "1.5", "{", "ύ", "k", "i", "\u03c3", "ß", "2026-11-01", "00:00+", "e-07"],
}
FAMILY = {"int64": "number", "float64": "number", "bool": "bool", "timestamp": "time", "date": "time", "string": "string", "json": "string"}


def value_for(rng: random.Random, kind: str, operator: str) -> str:
    """A value that suits the column and the operator, sometimes several."""
    if "~" in operator:
        return rng.choice(LITERALS["string"])
    if operator in ("=", "!="):
        values = LITERALS[FAMILY[kind]]
        return "|".join(rng.choice([*values, ""]) for _ in range(rng.choice([1, 1, 2, 3])))
    return rng.choice([value for value in LITERALS["number" if kind == "json" else FAMILY[kind]] if value])


def same(a: Any, b: Any) -> bool:
    return (a != a and b != b) or (a == b and type(a) is type(b))


@pytest.mark.parametrize("seed", range(6))
def test_every_reference_has_the_values_and_the_type_it_has_in_the_engine(seed):
    table = events(seed, 400)
    twin, columns = Twin(table), columns_of(table)
    if seed % 2:
        columns.prepare(REFERENCES)
    for reference, theirs in zip(REFERENCES, twin.values(REFERENCES), strict=True):
        mine = columns.array(reference).to_pylist()
        assert columns.type(reference) == twin.references.type(reference), reference
        wrong = [(row, a, b) for row, (a, b) in enumerate(zip(mine, theirs, strict=True)) if not same(a, b)]
        assert wrong == [], (seed, reference)


@pytest.mark.parametrize("seed", range(6))
def test_every_filter_keeps_the_rows_that_its_sql_keeps(seed):
    rng = random.Random(100 + seed)
    table = events(100 + seed, 300)
    twin, columns = Twin(table), columns_of(table)
    for reference in REFERENCES:
        kind = columns.type(reference)
        conditions = [Filter(f"{reference}{sign}{value_for(rng, kind, sign)}") for sign in OPERATORS for _ in range(3)]
        for condition, theirs in zip(conditions, twin.masks(reference, conditions), strict=True):
            mine, seen = columns.mask([condition]).tolist(), columns.array(reference)
            wrong = [(seen[row].as_py(), a, b) for row, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b]
            assert wrong == [], (seed, condition.text)
    several = [Filter("name=view"), Filter("properties.plan!=pro"), Filter("price>=0")]
    each = [twin.masks(condition.column, [condition])[0] for condition in several]
    assert columns.mask(several).tolist() == [all(met) for met in zip(*each, strict=True)]
    assert columns.mask([]).all()


@pytest.mark.parametrize("seed", range(4))
def test_numbers_are_what_the_engine_casts(seed):
    table = events(200 + seed, 400)
    twin, columns = Twin(table), columns_of(table)
    for reference in (
        "price",
        "size",
        "vip",
        "day",
        "properties.a",
        "properties.b",
        "properties.plan",
        "properties.a.b",
        "products.stock",
        "products.cost",
    ):
        if seed % 2:
            columns.array(reference)  # whatever was asked before
        mine, theirs = columns.numbers(reference), twin.select([f"TRY_CAST({twin.references.sql(reference)} AS DOUBLE)"])[0]
        assert mine.dtype == np.float64
        np.testing.assert_array_equal(mine, np.array([np.nan if value is None else value for value in theirs]), err_msg=f"{seed} {reference}")


def test_a_table_in_pieces_slices_and_dictionaries_reads_the_same():
    table = events(5, 200)
    whole = columns_of(table.slice(37, 101))
    pieces = pa.concat_tables([table.slice(37, 40), table.slice(77, 0), table.slice(77, 61)])
    page = pieces.column_names.index("page")
    several = columns_of(pieces.set_column(page, "page", pieces.column("page").dictionary_encode()))
    for reference in REFERENCES:
        mine, theirs = several.array(reference).to_pylist(), whole.array(reference).to_pylist()
        assert [pair for pair in zip(mine, theirs, strict=True) if not same(*pair)] == [], reference
    assert (several.hashes(["page", "size"])[0] == whole.hashes(["page", "size"])[0]).all()
    empty = columns_of(table.slice(0, 0))
    for reference in REFERENCES:
        assert len(empty.array(reference)) == 0
    assert len(empty.hashes(REFERENCES)[0]) == 0
    assert empty.texts(["page"], np.empty(0, np.int64)) == []


def test_broken_properties_are_null_and_the_rows_beside_them_are_read():
    texts = ['{"a":1}', "", "[1]", '{"a":', '{"a":"\\u', '{"a":"\\ud83d"}', '"a"', '{"a":"x"}', '{"a":' + "[" * 5000, None]
    columns = Columns(pa.table({"properties": pa.array(texts, pa.string())}))
    assert columns.array("properties.a").to_pylist() == ["1"] + [None] * 6 + ["x", None, None]
    assert columns.array("properties.a.b").null_count == 10


@pytest.mark.parametrize("seed", range(3))
def test_properties_that_were_damaged_never_make_text_that_is_none(seed):
    rng = random.Random(300 + seed)
    damaged = [list(properties(rng) or "{}") for _ in range(300)]
    for characters in damaged:
        for _ in range(rng.randint(0, 3)):
            place = rng.randint(0, len(characters))
            characters[place : place + rng.choice([0, 1, 1, 99])] = rng.choice([*'{}[]",:\\u0deE.- tfné\x01', ""])
    texts = ["".join(characters) for characters in damaged]
    columns = Columns(pa.table({"properties": pa.array(texts, pa.string())}))
    for path in (["a"], ["a", "b"], ["c d"], ["x"]):
        reference = ".".join(["properties", *path])
        found = columns.array(reference)
        found.validate(full=True)
        assert len(columns.numbers(reference)) == 300
        for text, mine in zip(texts, found.to_pylist(), strict=True):
            with suppress(ValueError):
                assert mine == written(member_at(decoded(text.encode()), path)) or json.loads(text) is None, (seed, text, path)


# --- hashes ---------------------------------------------------------------------------------------------------------------


def test_hashes_are_those_of_single_values_and_of_persons():
    table = events(7, 300)
    columns = columns_of(table)
    assert (columns.hashes(["person_id"])[0] == person_keys(table.column("person_id").combine_chunks())).all()
    for references in (["page"], ["size"], ["price"], ["vip", "page"], ["seen", "born", "size"], ["properties.plan", "products.department"], ["day"]):
        hashes, valid = columns.hashes(references)
        assert hashes.dtype == np.int64
        arrays, types = [columns.array(reference).to_pylist() for reference in references], [columns.type(reference) for reference in references]
        for row, values in enumerate(zip(*arrays, strict=True)):
            assert hashes[row] == hash_of(values, types), (references, values)
            assert valid[row] == (None not in values)


GOLDEN = {"text": 4729620347622785477, "whole": 7984924753380390860, "time": 7971513439347582763, "three": -1632181653309947946}


def test_hashes_never_change():
    """State is kept by them: other numbers here mean that every project's state is lost."""
    assert hash_of(["user-1"], ["string"]) == person_key("user-1") == GOLDEN["text"]
    assert hash_of([12], ["int64"]) == hash_of(["12"], ["json"]) == hash_of(["12"], ["int64"]) == GOLDEN["whole"]
    assert hash_of([-(2**63)], ["int64"]) == hash_of([str(-(2**63))], ["string"])
    assert hash_of([1.5], ["float64"]) == hash_of(["1.5"], ["string"]) == hash_of(["1.5"], ["float64"])
    assert hash_of([True], ["bool"]) == hash_of(["true"], ["bool"]) == hash_of(["true"], ["string"]) == hash_of([True], ["json"])
    assert hash_of([datetime(2026, 11, 1, 8, tzinfo=UTC)], ["timestamp"]) == hash_of(["2026-11-01 08:00:00+00"], ["string"]) == GOLDEN["time"]
    assert hash_of([date(2026, 11, 1)], ["date"]) == hash_of(["2026-11-01"], ["date"])
    assert hash_of([None], ["string"]) == NULL_HASH
    assert hash_of(["a", "bc", None], ["string"] * 3) == GOLDEN["three"]


def test_hashes_tell_tuples_apart():
    two = ["string", "string"]
    distinct = [
        ("a", "bc"),
        ("ab", "c"),
        ("bc", "a"),
        ("", "abc"),
        ("abc", ""),
        (None, "abc"),
        ("abc", None),
        (None, None),
        ("null", "null"),
        ("a", "b"),
    ]
    assert len({hash_of(values, two) for values in distinct}) == len(distinct)
    assert len({hash_of([value], ["string"]) for value in ("", "null", "0", None)}) == 4
    rng = np.random.default_rng(3)
    table = pa.table({name: pa.array(rng.integers(0, 700, 200_000)).cast(pa.string()) for name in "ab"})
    hashes, _ = Columns(table).hashes(["a", "b"])
    assert len(np.unique(hashes)) == len(set(zip(table["a"].to_pylist(), table["b"].to_pylist(), strict=True)))


def test_texts_are_what_a_person_reads():
    schema = pa.schema(
        [("n", pa.int64()), ("x", pa.float64()), ("b", pa.bool_()), ("t", pa.timestamp("us", tz="UTC")), ("d", pa.date32()), ("s", pa.string())]
    )
    moment = datetime(2026, 11, 1, 8, 0, 0, 500_000, tzinfo=UTC)
    rows = [
        {"n": 12, "x": 12.0, "b": True, "t": moment, "d": date(2026, 11, 1), "s": "12.0"},
        {"n": -1, "x": 0.25, "b": False, "t": moment.replace(microsecond=0), "d": None, "s": ""},
        dict.fromkeys("nxbtds"),
    ]
    columns = Columns(pa.Table.from_pylist(rows, schema))
    assert columns.texts(["n", "x", "b", "t", "d", "s"], np.array([1, 0, 2])) == [
        ["-1", "0.25", "false", "2026-11-01T08:00:00Z", None, ""],
        ["12", "12", "true", "2026-11-01T08:00:00.5Z", "2026-11-01", "12.0"],
        [None] * 6,
    ]


# --- declarations ---------------------------------------------------------------------------------------------------------


def test_references_are_checked_before_there_is_a_record():
    dimensions = {"products": DimensionTable("products", PRODUCTS, "sku"), "shops": DimensionTable("shops", SIZES, "label")}
    assert check_reference(SCHEMA, dimensions, "products.weight") == "float64"
    assert check_reference(SCHEMA, {}, "properties.a.b") == "json"
    assert check_reference(LOG_SCHEMA, {}, "attributes.code") == "json"
    with pytest.raises(UnknownColumn, match="events have no column 'pages'") as caught:
        check_reference(SCHEMA, dimensions, "pages")
    assert caught.value.hint == "did you mean 'page'?  A key of the properties is written properties.pages"
    with pytest.raises(UnknownColumn, match=r"log lines have no column 'properties\.code'"):
        check_reference(LOG_SCHEMA, {}, "properties.code")
    with pytest.raises(UnknownColumn, match="log lines have no column 'day'"):
        check_reference(LOG_SCHEMA, {}, "day")
    with pytest.raises(UnknownColumn, match="the dimension 'shops' is joined by 'label', which these records do not have") as caught:
        check_reference(SCHEMA, dimensions, "shops.size")
    assert caught.value.hint == 'write column = "properties.label" for a key of the properties, or one of the columns'
    for reference in ("properties.a..b", "properties.*", 'properties.a"b', "properties."):
        with pytest.raises(UnknownColumn):
            check_reference(SCHEMA, {}, reference)


def test_numbers_and_filters_are_checked_before_there_is_a_record():
    assert [check_numbers(SCHEMA, {}, name) for name in ("size", "vip", "properties.x")] == ["int64", "bool", "json"]
    for reference in ("page", "seen", "born"):
        with pytest.raises(InvalidQuery, match="numbers are needed"):
            check_numbers(SCHEMA, {}, reference)
    check_filters(SCHEMA, {}, [Filter("price>5"), Filter("properties.a~x")])
    for text, sentence in (
        ("price=cheap", "'price' holds numbers, and 'cheap' is not one"),
        ("price>nan", "'price' holds numbers, and 'nan' is not one"),
        ("properties.a>x", "'properties.a' holds numbers, and 'x' is not one"),
        ("vip=2", "'vip' is true or false, not '2'"),
        ("seen<soon", "'soon' is not a time"),
        ("price>", "'price>' compares with nothing"),
        ("prize=1", "events have no column 'prize'"),
    ):
        with pytest.raises((InvalidQuery, UnknownColumn)) as caught:
            check_filters(SCHEMA, {}, [Filter(text)])
        assert caught.value.sentence == sentence
        with pytest.raises((InvalidQuery, UnknownColumn)):
            columns_of(events(1, 2)).mask([Filter(text)])
