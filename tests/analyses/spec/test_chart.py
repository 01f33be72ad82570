"""Charts: every analysis draws its rows, and what is drawn is what the rows say."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from footfall.analyses.drawing import heatmap, sankey
from footfall.analyses.spec.build import build
from footfall.analyses.spec.contract import Chart
from footfall.analyses.spec.menu import analyses
from log_support import random_logs, us

CHOSEN = {"funnel": {"steps": ["view", "cart", "purchase"]}}


@pytest.fixture
def engine(engine_of):
    return engine_of(random_logs(80, logs=40, days=20, spacing_days=2, start="2026-08-01"), now=datetime(2026, 11, 2, tzinfo=UTC))


BROKEN_DOWN = [(name, {"breakdown": "country"}) for name, kind in analyses().items() if "breakdown" in kind.__struct_fields__]


@pytest.mark.parametrize(("name", "more"), [(name, {}) for name in analyses()] + BROKEN_DOWN)
def test_every_analysis_draws_itself(engine, name, more):
    kind, values = analyses()[name], CHOSEN.get(name, {}) | more
    figure = build(kind, values).answer(engine).plot()
    assert len(figure.data) >= 1
    assert figure.layout.title.text.startswith(f"<b>{name.capitalize()}</b>")
    assert json.loads(figure.to_json())["data"]


def views(*moments, **columns):
    return [{"user_id": f"p{number}", "name": "view", "event_time": us(moment), **columns} for number, moment in enumerate(moments)]


def plotted(engine, name, **values):
    return build(analyses()[name], values).answer(engine).plot()


def test_an_open_period_is_dotted(engine_of):
    engine = engine_of(views("2026-11-02T10:00", "2026-11-10T10:00", "2026-11-17T10:00"), now=datetime(2026, 11, 18, tzinfo=UTC))
    solid, dotted = plotted(engine, "trends", interval="week").data
    assert (list(solid.y), solid.line.dash) == ([1, 1], None)
    assert (list(dotted.y), dotted.line.dash) == ([1, 1], "dot")
    assert dotted.name == "all events (open)"


def test_no_rows_say_so(engine_of):
    figure = plotted(engine_of([]), "trends")
    assert figure.layout.annotations[0].text == "no rows to draw"


def test_chosen_parameters_stand_under_the_title(engine_of):
    engine = engine_of(views("2026-11-02T10:00", country="<b>&"))
    title = plotted(engine, "trends", interval="week", where=["country=<b>&"]).layout.title.text
    assert "interval week" in title
    assert "country=&lt;b>&amp;" in title


def test_a_total_is_one_bar_a_value(engine_of):
    engine = engine_of(views("2026-11-02T10:00", country="DE") + views("2026-11-02T10:00", "2026-11-03T10:00", country="FR"))
    bars = plotted(engine, "trends", interval="total", breakdown="country").data
    assert [(bar.y[0], bar.x[0]) for bar in bars] == [("FR", 2), ("DE", 1)]


def test_movers_go_from_rise_to_fall_with_their_percentages(engine_of):
    engine = engine_of(views("2026-11-02T10:00", "2026-11-10T10:00", "2026-11-10T11:00", "2026-11-18T10:00", country="DE"))
    (bar,) = plotted(engine, "movers", by="country").data
    assert (list(bar.y), list(bar.x), list(bar.text)) == (["DE"], [1], ["+1 (+100.0 %)"])


def test_a_funnel_says_what_it_lost(engine_of):
    start = views("2026-11-02T10:00", "2026-11-02T10:00", "2026-11-02T10:00", "2026-11-02T10:00")
    buys = [{**event, "name": "buy", "event_time": event["event_time"] + 1} for event in start[:1]]
    (steps,) = plotted(engine_of(start + buys), "funnel", steps=["view", "buy"]).data
    assert list(steps.y) == ["1. view", "2. buy"]
    assert list(steps.text) == ["4", "1 (25.0% of first, lost 75.0%)"]


def test_unfinished_retention_stays_blank(engine_of):
    (cells,) = plotted(engine_of(views("2026-11-02T10:00") + views("2026-11-03T10:00")), "retention").data
    assert cells.z[0][0] == 1
    assert cells.hoverongaps is False


def test_paths_flow_into_their_end(engine_of):
    events = [*views("2026-11-02T10:00", "2026-11-02T10:00"), {"user_id": "p0", "name": "buy", "event_time": us("2026-11-02T10:01")}]
    (flow,) = plotted(engine_of(events), "paths").data
    labels = list(flow.node.label)
    found = {
        (labels[source], labels[target]): value for source, target, value in zip(flow.link.source, flow.link.target, flow.link.value, strict=True)
    }
    assert found == {("view", "buy"): 1, ("view", "(end)"): 1, ("buy", "(end)"): 1}


def test_pairs_flow_from_source_to_target_and_the_rest_is_not_a_path(engine_of):
    rows = [{"source": "a", "target": "b", "count": 3}, {"source": "a", "target": "a", "count": 2}, {"source": "b", "target": "a", "count": 1}]
    (flow,) = sankey(Chart(kind="sankey", x="source", y=("target",), value="count", options={"top": 2}), rows).data
    assert (list(flow.node.label), list(flow.link.value)) == (["a", "b", "a"], [3, 2])
    events = views("2026-11-02T10:00", "2026-11-02T10:00") + views("2026-11-02T11:00", "2026-11-02T11:00", "2026-11-02T11:00")
    (flow,) = plotted(engine_of(events), "paths", gap="none", limit=1).data
    assert set(flow.node.label) == {"view", "(end)"}


def test_names_come_most_frequent_first_and_only_the_largest():
    rows = [{"source": source, "target": target, "count": count} for source, target, count in (("c", "c", 9), ("a", "c", 5), ("b", "a", 1))]
    (cells,) = heatmap(Chart(kind="heatmap", x="target", y=("source",), value="count", options={"top": 2}), rows).data
    assert (list(cells.x), list(cells.y)) == (["c", "a"], ["c", "a"])
    assert [list(line) for line in cells.z] == [[9, None], [5, None]]
