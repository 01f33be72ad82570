"""Tables of [[rule]] for the battery, two or more of each kind: with streams of `live_streams` they all raise alerts."""

from __future__ import annotations

import json

from footfall.rules.contract import Rule
from footfall.rules.linear import FORMAT
from footfall.rules.menu import rule_of

MODEL = {"format": FORMAT, "intercept": -0.5, "features": [{"column": "price", "weight": 0.5}, {"column": "name", "equals": "a", "weight": 0.7}]}

EXAMPLES: dict[str, list[dict]] = {
    "threshold": [
        {"window": {"tumbling": "10s"}, "alert_above": 2, "record_above": 1},
        {"window": {"session": "15s"}, "measure": "p90(price)", "alert_above": 1.5},
        {"window": {"sliding": "30s", "every": "10s"}, "measure": "distinct(name)", "alert_above": 2},
    ],
    "repeat": [{"times": 3, "within": "30s"}, {"times": 2, "within": "10s", "where": ["name=a"]}],
    "sequence": [{"steps": ["name=a", "name=b"], "within": "30s"}, {"steps": ["name=a", ["name=b|c", "price>=1"], "name=a"], "within": "2m"}],
    "absence": [{"first": "name=a", "then": "name=b", "within": "20s"}, {"first": ["name=a", "price>=1"], "then": "name=a|c", "within": "5s"}],
    "spike": [
        {"window": {"tumbling": "10s"}, "events_min": 1, "windows_min": 2, "sigmas": 0.5, "baseline": 6},
        {"window": {"tumbling": "20s"}, "measure": "mean(price)", "events_min": 1, "windows_min": 2, "sigmas": 0.5, "baseline": 6},
    ],
    "score": [{"model": "models/churn.json", "alert_above": 0.6}],
}


def ready(table: dict, **more) -> Rule:
    """The rule of an example, with its model if it has one."""
    rule = rule_of({"name": "example", "key": ["user_id"]} | table | more)
    loaded = getattr(rule, "loaded", None)
    return rule if loaded is None else loaded(lambda _: json.dumps(MODEL).encode())
