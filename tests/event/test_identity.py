"""The identity ledger: what each kind of line does, order, undo, conflicts; and random ledgers against a plain recomputation."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from footfall.event.identity import BLOCKED, CONFLICTS, DEGREE_MAX, OUTCOMES, resolve
from footfall.event.schema import IDENTITY_SCHEMA

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def ledger(*lines: tuple[Any, ...]) -> pa.Table:
    """(kind, a, b) at positions 0, 1, …; ("undo", position) takes a line back."""
    rows = []
    for position, (kind, *rest) in enumerate(lines):
        undo = kind == "undo"
        rows.append(
            {"position": position, "time": NOON, "kind": kind, "event_id": f"e{position}", "undoes": rest[0] if undo else None}
            | ({} if undo else {"a": rest[0], "b": rest[1]})
        )
    return pa.Table.from_pylist(rows, IDENTITY_SCHEMA)


def outcomes(table: pa.Table, **options: Any) -> list[str]:
    return resolve(table, **options).lines.column("outcome").to_pylist()


def test_an_anonymous_id_becomes_the_first_user_it_meets():
    table = ledger(("identify", "phone", "ann"), ("seen", "laptop", "ann"), ("identify", "phone", "bob"), ("identify", "phone", "ann"))
    resolution = resolve(table)
    assert resolution.mapping == {"phone": "ann", "laptop": "ann"}
    assert outcomes(table) == ["joined", "joined", "another user's device", "known already"]
    assert resolution.cluster("laptop") == ["ann", "laptop", "phone"]
    assert resolution.cluster("stranger") == ["stranger"]
    assert resolution.conflicts.column("position").to_pylist() == [2]


def test_identify_never_joins_two_users():
    table = ledger(("identify", "p", "ann"), ("identify", "q", "bob"), ("identify", "ann", "bob"))
    assert resolve(table).mapping == {"p": "ann", "q": "bob"}
    assert outcomes(table)[2] == "another user's device"


def test_an_alias_of_two_users_keeps_the_one_identified_first_and_a_merge_the_targets():
    first = (("identify", "p", "ann"), ("identify", "q", "bob"))
    assert resolve(ledger(*first, ("alias", "bob", "ann"))).mapping == {"p": "ann", "q": "ann", "bob": "ann"}
    assert resolve(ledger(*first, ("alias", "ann", "bob"))).mapping == {"p": "ann", "q": "ann", "bob": "ann"}
    assert resolve(ledger(*first, ("merge", "ann", "bob"))).mapping == {"p": "bob", "q": "bob", "ann": "bob"}
    assert resolve(ledger(*first, ("merge", "q", "p"))).mapping == {"p": "ann", "q": "ann", "bob": "ann"}
    assert resolve(ledger(("alias", "old", "new"))).mapping == {"old": "new"}


def test_ids_joined_before_anybody_is_known_follow_later():
    assert resolve(ledger(("alias", "a1", "a2"), ("identify", "d", "a1"))).mapping == {"a1": "a2", "d": "a2"}


def test_an_undo_takes_a_line_back_as_if_it_had_never_been():
    lines = [("identify", "p", "ann"), ("identify", "p", "bob"), ("undo", 0)]
    assert resolve(ledger(*lines)).mapping == {"p": "bob"}
    assert outcomes(ledger(*lines)) == ["undone", "joined", "undo"]
    assert resolve(ledger(*lines, ("undo", 2))).mapping == {"p": "ann"}
    assert resolve(ledger(*lines, ("undo", 2), ("undo", 3))).mapping == {"p": "bob"}
    assert resolve(ledger(("undo", 1), ("merge", "a", "b"))).mapping == {"a": "b"}, "an undo reaches back only"


@pytest.mark.parametrize("as_of", range(-1, 6))
def test_as_of_a_position_is_the_ledger_that_ended_there(as_of):
    lines = [("identify", "p", "ann"), ("merge", "ann", "bob"), ("seen", "q", "bob"), ("undo", 1), ("merge", "bob", "carl")]
    assert resolve(ledger(*lines), as_of=as_of).mapping == resolve(ledger(*lines[: as_of + 1])).mapping


@pytest.mark.parametrize("word", ["", "null", "NULL", " undefined ", "0", "Guest", "[object Object]", "NaN", "None", "true", "FALSE", "anonymous"])
def test_a_blocked_id_never_joins(word):
    table = ledger(("identify", word, "ann"), ("merge", "p", word), ("identify", "p", "ann"))
    assert resolve(table).mapping == {"p": "ann"}
    assert outcomes(table)[:2] == ["blocked id"] * 2


def test_a_line_without_both_ids_joins_nothing():
    table = ledger(("identify", None, "ann"), ("identify", "p", None), ("dance", "p", "ann"))
    assert resolve(table).mapping == {}
    assert outcomes(table) == ["blocked id", "blocked id", "not a join"]
    assert all(word == word.lower().strip() for word in BLOCKED)


def test_a_person_never_has_more_ids_than_the_guard_allows():
    table = ledger(*(("identify", f"p{number}", "kiosk") for number in range(DEGREE_MAX + 1)), ("identify", f"p{DEGREE_MAX}", "ann"))
    resolution = resolve(table)
    assert len(resolution.cluster("kiosk")) == DEGREE_MAX
    assert resolution.of(f"p{DEGREE_MAX - 2}") == "kiosk"
    assert resolution.of(f"p{DEGREE_MAX}") == "ann"
    assert resolution.conflicts.column("outcome").to_pylist() == ["too many ids"] * 2


def test_a_line_by_hand_goes_before_an_events_line_of_its_position_and_an_undo_may_name_the_pair():
    row = {"position": 5, "time": NOON, "kind": "identify"}
    lines = [row | {"a": "p", "b": "ann", "event_id": "e"}, row | {"a": "p", "b": "bob", "event_id": None}]
    undo = {"position": 6, "time": NOON, "kind": "undo", "undoes": 5, "a": "p", "b": "bob"}
    for rows in (lines, lines[::-1]):
        assert resolve(pa.Table.from_pylist(rows, IDENTITY_SCHEMA)).mapping == {"p": "bob"}
        assert resolve(pa.Table.from_pylist([*rows, undo], IDENTITY_SCHEMA)).mapping == {"p": "ann"}
        assert resolve(pa.Table.from_pylist([*rows, undo | {"a": None, "b": None}], IDENTITY_SCHEMA)).mapping == {}


def test_an_empty_ledger_resolves_nobody():
    resolution = resolve(IDENTITY_SCHEMA.empty_table())
    assert (len(resolution), resolution.mapping, len(resolution.lines), [len(keys) for keys in resolution.keys]) == (0, {}, 0, [0, 0])


def taken_back(rows: list[dict[str, Any]]) -> set[int]:
    """The places of the lines that do not count: those that an undo that counts points at."""
    gone: set[int] = set()
    for place in reversed(range(len(rows))):
        if rows[place]["kind"] == "undo" and place not in gone:
            gone |= {k for k in range(place) if rows[k]["position"] == rows[place]["undoes"]}
    return gone


def twin(rows: list[dict[str, Any]], degree_max: int) -> tuple[dict[str, str], list[str]]:
    """The rules with sets of ids: a person is a set, what it is called, and the line that said so."""
    rows = sorted(rows, key=lambda row: row["position"])
    people: list[tuple[set[str], str | None, int]] = [({one}, None, -1) for one in {row[side] for row in rows for side in "ab"} - {None}]
    gone, told = taken_back(rows), []
    for line, row in enumerate(rows):
        a, b, kind = row["a"], row["b"], row["kind"]
        if line in gone or kind == "undo":
            told.append("undone" if line in gone else "undo")
            continue
        if a in BLOCKED or b in BLOCKED:
            told.append("blocked id")
            continue
        one, other = (next(person for person in people if side in person[0]) for side in (a, b))
        if one is other:
            told.append("known already")
        elif kind in ("identify", "seen") and one[1] is not None:
            told.append("another user's device")
        elif len(one[0]) + len(other[0]) > degree_max:
            told.append("too many ids")
        else:
            told.append("joined")
            named = [person for person in (other, *((one,) if kind == "alias" else ())) if person[1] is not None]
            name, since = min(((person[2], person[1]) for person in named), default=(line, b))[::-1]
            people = [person for person in people if person is not one and person is not other] + [(one[0] | other[0], name, since)]
    return {member: name for members, name, _ in people if name for member in members if member != name}, told


@pytest.mark.parametrize("seed", range(300))
def test_random_ledgers_resolve_as_the_rules_say(seed):
    chance = random.Random(seed)
    ids = [*(f"d{number}" for number in range(chance.choice([3, 8, 20]))), *(f"u{number}" for number in range(chance.choice([2, 6]))), "null"]
    lines: list[tuple[Any, ...]] = []
    for position in range(chance.choice([0, 3, 12, 40])):
        kind = chance.choices(["identify", "seen", "alias", "merge", "undo"], [6, 4, 2, 2, 3])[0]
        lines.append(("undo", chance.randrange(position + 2)) if kind == "undo" else (kind, chance.choice(ids), chance.choice(ids)))
    table = ledger(*lines)
    shuffled = table.take(pa.array(chance.sample(range(len(lines)), len(lines)), pa.int64()))
    degree_max = chance.choice([2, 4, 1_000])
    mapping, told = twin(table.to_pylist(), degree_max)
    for one in (table, shuffled):
        resolution = resolve(one, degree_max=degree_max)
        assert resolution.mapping == mapping, seed
        assert resolution.lines.column("outcome").to_pylist() == told, seed
        assert len(resolution.conflicts) == sum(outcome in {OUTCOMES[code] for code in CONFLICTS} for outcome in told)
