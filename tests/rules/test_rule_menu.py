"""Tables of footfall.toml as rules, and what is said about tables that are none."""

from __future__ import annotations

import pytest

from footfall.errors import InvalidConfig
from footfall.event.filters import Filter
from footfall.event.span import Span
from footfall.rules.menu import every_rule, rule_of
from footfall.rules.repeat import Repeat

AGAIN = {"kind": "repeat", "name": "again", "key": ["user_id", "track"], "where": ["name=play"], "times": 3, "within": "30m"}


def test_a_table_becomes_a_rule():
    rule = rule_of({**AGAIN, "cool_down": "1h", "severity": "high", "allow": ["monitor"], "actions": ["mail"]})
    assert rule == Repeat(
        name="again", key=("user_id", "track"), where=(Filter("name=play"),), times=3, within=Span("30m"), cool_down=Span("1h"),
        severity="high", allow=("monitor",), actions=("mail",),
    )  # fmt: skip
    assert rule.references() == ("user_id", "track", "name")


def test_every_kind_is_on_the_menu_under_its_tag():
    for kind, rule in every_rule().items():
        assert rule.__struct_config__.tag == kind
        assert rule.__struct_config__.tag_field == "kind"


WRONG = [
    ({}, "a rule has no name", "rule.name", 'write name = "burst"'),
    ({"name": "x"}, "rule 'x' does not say what kind it is", "rule.x.kind", 'write kind = "threshold"'),
    ({"name": "x", "kind": "treshold"}, "rule 'x' is of no kind 'treshold'", "rule.x.kind", "did you mean 'threshold'?"),
    ({**AGAIN, "withn": "30m"}, "rule 'again' has no 'withn', being a repeat", "rule.again.withn", "did you mean 'within'?"),
    ({**AGAIN, "times": 1}, "rule 'again': times: expected `int` >= 2", "rule.again.times", "see docs/rules.md"),
    (
        {**AGAIN, "within": "half an hour"},
        "rule 'again': within: 'half an hour' is not a span of time",
        "rule.again.within",
        "write a number and a unit, such as 30m, 24h, 7d or 1h30m, or none for no limit",
    ),
    ({**AGAIN, "within": 30}, "rule 'again': within: expected `str`, got `int`", "rule.again.within", "see docs/rules.md"),
    (
        {**AGAIN, "where": ["name"]},
        "rule 'again': where: 'name' is not a condition",
        "rule.again.where",
        "write column, operator, value: country=DE, price>=10, brand~sam, country=DE|FR",
    ),
    ({key: AGAIN[key] for key in AGAIN if key != "within"}, "rule 'again' needs 'within'", "rule.again.within", "see docs/rules.md"),
    (
        {**AGAIN, "severity": "loud"},
        "rule 'again': severity: invalid enum value 'loud'",
        "rule.again.severity",
        "see docs/rules.md",
    ),
]


@pytest.mark.parametrize(("table", "sentence", "field", "hint"), WRONG)
def test_what_is_wrong_is_said(table, sentence, field, hint):
    with pytest.raises(InvalidConfig) as caught:
        rule_of(table)
    assert (caught.value.sentence, caught.value.field, caught.value.hint) == (sentence, field, hint)


def test_a_name_that_is_no_name_is_refused():
    with pytest.raises(InvalidConfig) as caught:
        rule_of({**AGAIN, "name": "9 lives"})
    assert caught.value.field == "rule.9 lives.name"
