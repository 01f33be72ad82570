"""Event names in questions: unknown ones are refused with the nearest, any can be left out."""

from __future__ import annotations

import pytest

from footfall.analyses.spec.names import NotNamed, known_events
from footfall.errors import UnknownEvent
from walk_twins import Event, as_dicts


def test_known_names_pass_and_an_unknown_one_gets_the_nearest(engine_of):
    engine = engine_of(as_dicts([Event(0, 0, "view"), Event(0, 1, "purchase")]))
    known_events(engine, ("view", "purchase"))
    known_events(engine, ())
    with pytest.raises(UnknownEvent, match=r"^there is no event named 'purchas'$") as problem:
        known_events(engine, ("view", "purchas"), field="steps")
    assert problem.value.as_dict()["allowed"] == ["purchase"]
    assert problem.value.field == "steps"
    assert problem.value.exit_status == 2


def test_a_long_list_of_names_is_not_printed_whole(engine_of):
    engine = engine_of(as_dicts([Event(0, number, f"step{number:02}") for number in range(12)]))
    with pytest.raises(UnknownEvent) as problem:
        known_events(engine, ("qqq",))
    assert problem.value.hint == "known events: " + ", ".join(f"step{number:02}" for number in range(10)) + ", …"


def test_names_are_left_out_whatever_they_hold():
    condition = NotNamed(("a|b", "it's", " x "))
    assert condition.sql(lambda name: f'"{name}"', lambda _: "string") == "\"name\" NOT IN ('a|b', 'it''s', ' x ')"
    assert str(condition) == "name!=a|b|it's| x "
