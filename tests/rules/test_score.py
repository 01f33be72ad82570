"""Score by hand, record by record; models that are none."""

from __future__ import annotations

import json
import math
import random

import pytest

from footfall.errors import InvalidConfig
from footfall.rules.linear import BYTES_MAX, FORMAT
from footfall.rules.score import Score
from live_streams import Record, random_stream, run, stored_run, taken

MODEL = {
    "format": FORMAT,
    "name": "churn",
    "trained": "2026-11-01",
    "intercept": -1.0,
    "link": "logistic",
    "features": [
        {"column": "price", "weight": 0.4, "mean": 2.0, "scale": 4.0, "missing": 3.0},
        {"column": "name", "equals": "a", "weight": 1.5},
        {"column": "country", "equals": "DE", "weight": -0.75, "missing": 0.5},
        {"column": "user_id", "equals": "u1", "weight": 0.25, "mean": 0.5, "scale": 0.5},
    ],
}


def rule_of(model: object = MODEL, above: float = 0.5, **more) -> Score:
    return Score(name="churn", key=("user_id",), model="models/churn.json", alert_above=above, **more).loaded(
        lambda _: model if isinstance(model, bytes) else json.dumps(model).encode()
    )


def by_hand(record: Record) -> float:
    price = 3.0 if record.price is None else record.price
    z = -1.0 + 0.4 * (price - 2.0) / 4.0
    z += 1.5 * (record.name == "a")
    z += -0.75 * (0.5 if record.country is None else record.country == "DE")
    z += 0.25 * ((record.user == "u1") - 0.5) / 0.5
    return 1 / (1 + math.exp(-z))


@pytest.mark.parametrize("seed", range(30))
def test_score_agrees_with_the_logistic_by_hand(seed):
    chance = random.Random(seed)
    records = random_stream(chance, chance.choice([0, 1, 60]))
    expected = [(record.position, by_hand(record)) for record in taken(records) if by_hand(record) > 0.5]
    whole = run(rule_of(), records).alerts
    assert [alert.position for alert in whole] == [position for position, _ in expected]
    assert [alert.value for alert in whole] == pytest.approx([score for _, score in expected], rel=1e-12)
    assert run(rule_of(), records, chance).alerts == whole


def test_score_goes_on_from_a_store(tmp_path):
    from footfall.event.span import Span

    chance = random.Random(4)
    records = random_stream(chance, 80)
    rule = rule_of(cool_down=Span("20s"))
    assert stored_run(rule, records, chance, tmp_path / "state.db") == run(rule, records).alerts


def test_a_score_far_out_is_finite():
    far = {**MODEL, "features": [{"column": "price", "weight": 1e4}]}
    records = [Record(n, 10**15 + n, 10**15 + n, "a", "u", price) for n, price in enumerate((-40.0, 40.0))]
    assert [alert.value for alert in run(rule_of(far, -1.0), records).alerts] == [0.0, 1.0]
    identity = {**MODEL, "link": "identity", "intercept": 0.5, "features": [{"column": "price", "weight": 2.0}]}
    assert [alert.value for alert in run(rule_of(identity, -1e9), records).alerts] == [-79.5, 80.5]


def feature(**more) -> dict:
    return {**MODEL, "features": [{"column": "price", "weight": 1.0} | more]}


WRONG = [
    (b"no json", "the model models/churn.json cannot be read: JSON is malformed: invalid character (byte 4)"),
    (b"[]", "the model models/churn.json cannot be read: Expected `object`, got `array`"),
    (b" " * (BYTES_MAX + 1), "the model models/churn.json has more than 4 MiB"),
    ({"format": "pickle"}, "the model models/churn.json is of the format 'pickle'"),
    ({**MODEL, "link": "probit"}, "the model models/churn.json cannot be read: link: Invalid enum value 'probit'"),
    (feature(weight="1"), "the model models/churn.json cannot be read: features[0].weight: Expected `float`, got `str`"),
    (feature(scal=2), "the model models/churn.json cannot be read: features[0]: Object contains unknown field `scal`"),
    (feature(scale=0), "the model models/churn.json cannot be used: features[0].scale is 0"),
    ({**MODEL, "features": []}, "the model models/churn.json cannot be used: features is empty"),
    (b"[" * 100_000, "the model models/churn.json cannot be read: Expected `object`, got `array`"),
]


@pytest.mark.parametrize(("model", "sentence"), WRONG)
def test_a_model_that_is_none_is_refused(model, sentence):
    with pytest.raises(InvalidConfig) as caught:
        rule_of(model)
    assert (caught.value.sentence, caught.value.field, caught.value.got) == (sentence, "rule.churn.model", "models/churn.json")


def test_a_model_that_is_not_there_is_refused(tmp_path):
    rule = Score(name="churn", key=("user_id",), model="churn.json", alert_above=0.5)
    with pytest.raises(InvalidConfig) as caught:
        rule.loaded(lambda path: (tmp_path / path).read_bytes())
    assert caught.value.sentence == "rule 'churn' has a model that cannot be read: No such file or directory"
    assert caught.value.field == "rule.churn.model"


def test_what_it_looks_at():
    rule = rule_of()
    assert rule.references() == ("user_id", "price", "name", "country")
    assert rule.numbers() == ("price",)
    assert rule.look_back_us() == 0
