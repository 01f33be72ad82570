"""Paths through a real engine against their twin."""

from __future__ import annotations

import random

import pytest

from footfall.analyses.paths import Paths
from footfall.analyses.spec.build import build
from footfall.errors import InvalidQuery, UnknownEvent
from walk_twins import HOUR_US, Event, as_dicts, path_twin, paths_twin, random_log


def text_of(path):
    names, cut = path
    return ("… " if cut == "front" else "") + " > ".join(names) + (" …" if cut == "back" else "")


def expected_rows(found, limit):
    total = sum(sessions for sessions, _ in found.values())
    order = {"": 0, "front": 1, "back": 2}
    ordered = sorted(found, key=lambda path: (-found[path][0], path[0], order[path[1]]))
    rows = [
        {"path": text_of(path), "steps": len(path[0]), "count": found[path][0], "people": found[path][1], "share": found[path][0] / total}
        for path in ordered
    ]
    rest = sum(row["count"] for row in rows[limit:]) if limit else 0
    other = {"path": "(other)", "steps": None, "count": rest, "people": None, "share": rest / total if total else None}
    return (rows[:limit] if limit else rows) + ([other] if rest else [])


@pytest.mark.parametrize("seed", range(20))
def test_paths_equal_the_twin_on_random_logs(engine_of, seed):
    """50 logs a lake, each with its own people; their paths add up."""
    chance = random.Random(seed)
    logs = [random_log(chance, tick_us=HOUR_US) for _ in range(50)]
    together = [event._replace(person=100 * number + event.person) for number, log in enumerate(logs) for event in log]
    gap, collapse, longest = chance.choice([1, 2, None]), chance.random() < 0.5, chance.choice([None, 1, 2, 4])
    start, end, limit = chance.choice([None, "A", "B"]), chance.choice([None, None, "A", "C"]), chance.choice([0, 1, 5, 50])
    asked = {"gap": gap and f"{gap}h", "collapse": collapse, "max_steps": longest, "start": start, "end": end, "limit": limit}
    answer = build(Paths, asked).answer(engine_of(as_dicts(together), parts=chance.randrange(1, 4), compact=chance.random() < 0.5))

    def shape(session):
        return path_twin(session, start, end, longest, collapse=collapse)

    found = paths_twin(together, 1 << 62 if gap is None else gap * HOUR_US, shape)
    assert answer.rows == expected_rows(found, limit), f"seed {seed}"
    assert f"{len(found):,} different paths in {sum(count for count, _ in found.values()):,}" in answer.notes[0]


def test_many_ties_are_cut_in_the_order_of_names(engine_of):
    names = "ABCDEFGH"
    together = [Event(number, step, names[(number >> 3 * step) & 7]) for number in range(4_096) for step in range(4)]
    found = paths_twin(together, 1 << 62, lambda session: path_twin(session, None, None, None, collapse=False))
    engine = engine_of(as_dicts(together))
    for limit in (3, 700):
        assert build(Paths, {"limit": limit}).answer(engine).rows == expected_rows(found, limit)


def test_people_and_sessions_differ(engine_of):
    log = [Event(0, 0, "A"), Event(0, HOUR_US, "A"), Event(1, 0, "A"), Event(2, 0, "B")]
    rows = Paths().answer(engine_of(as_dicts(log))).rows
    assert [(row["path"], row["count"], row["people"], row["share"]) for row in rows] == [("A", 3, 2, 0.75), ("B", 1, 1, 0.25)]


def test_the_notes_say_what_was_counted_cut_and_put_together(engine_of):
    log = [Event(0, k, name) for k, name in enumerate("AABC")] + [Event(1, 0, "A"), Event(2, 0, "B")]
    answer = build(Paths, {"gap": "none", "max_steps": 2, "collapse": True, "start": "A", "limit": 1}).answer(engine_of(as_dicts(log)))
    assert [row["path"] for row in answer.rows] == ["A", "(other)"]
    assert answer.notes == (
        "a path is one person's whole history; 2 different paths in 2",
        "only sessions with the named events count",
        "runs of one event count once",
        "1 were cut to 2 steps, marked …",
        "(other) holds the 1 less frequent paths",
    )


def test_no_events_no_paths(engine_of):
    answer = Paths().answer(engine_of([]))
    assert answer.rows == []
    assert answer.table.schema.names == ["path", "steps", "count", "people", "share"]


def test_bad_questions_are_user_errors(engine_of):
    with pytest.raises(InvalidQuery, match=r"^max_steps: expected `int` >= 1$"):
        build(Paths, {"max_steps": 0})
    with pytest.raises(UnknownEvent, match=r"^there is no event named 'viev'$") as unknown:
        build(Paths, {"end": "viev"}).answer(engine_of(as_dicts([Event(0, 0, "view")])))
    assert (unknown.value.field, unknown.value.hint) == ("end", "did you mean 'view'?")
