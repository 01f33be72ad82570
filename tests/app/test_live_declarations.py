"""What a changed footfall.toml does to what the live path remembers: what is declared otherwise begins anew, everything else goes on."""

from __future__ import annotations

import pytest

from live_support import Shop

DECLARED = """
[live]
views = []
lateness = "10s"

[[view]]
name = "visits"
keys = ["person_id"]

[[view]]
name = "sessions_of_page"
keys = ["page"]
window = { session = "2m" }

[[rule]]
name = "spiky"
kind = "spike"
key = ["page"]
window = { tumbling = "10s" }
baseline = 5
windows_min = 2
events_min = 1
sigmas = 1

[[rule]]
name = "third"
kind = "repeat"
key = ["person_id"]
times = 3
within = "1h"
severity = "low"
"""


class Changing:
    """A shop whose footfall.toml changes while it rests."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.shop = Shop(folder, DECLARED)

    def change(self, was: str, becomes: str) -> None:
        self.shop.close()
        file = self.folder / "footfall.toml"
        assert was in file.read_text()
        file.write_text(file.read_text().replace(was, becomes))
        sent = self.shop._sent
        self.shop = Shop(self.folder)
        self.shop._sent = sent

    def visit(self, second: int) -> None:
        self.shop.send({"s": second})
        self.shop.take()

    def visits(self) -> list[int]:
        return [row["count"] for row in self.shop.project.live.rows("visits")]

    def raised(self) -> list[str]:
        return [alert["severity"] for alert in self.shop.project.live.alerts(rule="third")]


@pytest.fixture
def changing(tmp_path):
    found = Changing(tmp_path / "shop")
    found.visit(0)
    found.visit(1)
    yield found
    found.shop.close()


def test_nothing_changed_and_everything_goes_on(changing):
    changing.change("[live]", "[live]")
    changing.visit(2)
    assert (changing.visits(), changing.raised()) == ([3], ["low"])


def test_another_severity_forgets_nothing(changing):
    changing.change('severity = "low"', 'severity = "high"\nallow = ["bob"]')
    changing.visit(2)
    assert (changing.visits(), changing.raised()) == ([3], ["high"])


def test_a_rule_that_is_declared_otherwise_begins_anew_and_a_view_beside_it_goes_on(changing):
    changing.change('within = "1h"', 'within = "2h"')
    changing.visit(2)
    assert (changing.visits(), changing.raised()) == ([3], [])
    changing.visit(3)
    changing.visit(4)
    assert changing.raised() == ["low"]


def test_a_view_that_is_declared_otherwise_begins_anew(changing):
    changing.change('name = "visits"', 'name = "visits"\nkeep = "2d"')
    assert changing.visits() == [2]  # until the live path runs
    changing.visit(2)
    assert (changing.visits(), changing.raised()) == ([1], ["low"])


def test_a_view_that_is_declared_no_longer_goes(changing):
    changing.change('[[view]]\nname = "visits"\nkeys = ["person_id"]\n', "")
    changing.visit(2)
    assert [view["name"] for view in changing.shop.project.live.views()] == ["sessions_of_page"]


def test_another_lateness_begins_everything_anew(changing):
    """State of sessions and spikes has another width then."""
    changing.change('lateness = "10s"', 'lateness = "2m"')
    changing.visit(2)
    assert (changing.visits(), changing.raised()) == ([1], [])
    changing.visit(3)
    changing.visit(4)
    assert (changing.visits(), changing.raised()) == ([3], ["low"])
