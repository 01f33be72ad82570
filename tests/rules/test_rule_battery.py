"""Every kind of rule against the battery."""

from __future__ import annotations

import pytest
import rule_battery as battery
from rule_examples import EXAMPLES

from footfall.rules.menu import every_rule

CHECKS = [battery.check_cuts, battery.check_logs, battery.check_counts, battery.check_allowed, battery.check_cool_down, battery.check_bounds,
          battery.check_alerts, battery.check_keys, battery.check_spec]  # fmt: skip


def test_every_kind_has_examples():
    assert sorted(EXAMPLES) == sorted(every_rule())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("kind", "number"), battery.every_example())
def test_rule(kind, number, check):
    check(kind, number)


@pytest.mark.parametrize(("kind", "number"), battery.every_example())
def test_rule_goes_on_from_a_store(kind, number, tmp_path):
    battery.check_store(kind, number, tmp_path / "state.db")
