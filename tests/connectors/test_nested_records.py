"""Nested records: values hold until the next line of their kind, across blocks of any size."""

from __future__ import annotations

import random

import pytest
from rows_support import delimited

from footfall.connectors.files.nested_records import NestedReader, RecordRule, parse_rules
from footfall.errors import InvalidQuery
from footfall.event.cells.text import texts
from footfall.event.schema import MAPPABLE

RULES = (RecordRule("C", "user_id", 2), RecordRule("S", "session_id", 1), RecordRule("V", "name", 1))


def events(text: bytes, block_bytes: int):
    fields = tuple(f"c{number}" for number in range(3))
    reader = NestedReader(delimited(text, fields, block_bytes=block_bytes, ragged=True), RULES)
    found, skipped, lines = [], 0, []
    while (raw := reader.read()) is not None:
        columns = [texts(raw.octets, raw.column(place))[0].to_pylist() for place in range(3)]
        found += list(zip(*columns, strict=True))
        lines += [raw.line(row) for row in range(len(raw))]
        skipped += raw.skipped
        assert reader.place.row == len(found)
    return found, skipped, lines


@pytest.mark.parametrize("seed", range(60))
def test_against_a_loop(seed):
    random.seed(seed)
    lines, expected, where = [], [], []
    state = {"C": None, "S": None}
    for number in range(1, random.randrange(2, 60)):
        kind = random.choice("CSVVVX")
        value = random.choice(["", str(random.randrange(100)), '"a ""q"""'])
        lines.append(f"{kind},{value},{value}")
        plain = 'a "q"' if '"' in value else value or None
        if kind in state:
            state[kind] = plain
        elif kind == "V":
            expected.append((state["C"], state["S"], plain))
            where.append(number)
    text = ("\n".join(lines) + "\n").encode()
    found, skipped, at = events(text, random.choice([1, 30, 1 << 16]))
    assert found == expected
    assert at == where
    assert skipped == len(lines) - len(expected)


def test_rules_are_checked():
    assert parse_rules(("C:user_id=2", "V:name=1"), MAPPABLE) == (RecordRule("C", "user_id", 2), RecordRule("V", "name", 1))
    for rules, sentence in [
        (("C=2",), "is not a rule for records"),
        (("C:user_id=0", "V:name=1"), "is not a rule for records"),
        (("C:user_ids=1", "V:name=1"), "events have no field 'user_ids'"),
        (("C:user_id=1",), "need one rule for name"),
        (("C:user_id=1", "D:user_id=1", "V:name=1"), "no target twice"),
    ]:
        with pytest.raises(InvalidQuery, match=sentence):
            parse_rules(rules, MAPPABLE)
