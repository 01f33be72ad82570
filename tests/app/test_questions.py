"""The rules that choose questions for a file nobody has seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from footfall.app.questions import LeftOut, Question, frequent_path, questions_for

BEGIN = datetime(2026, 9, 7, 8, tzinfo=UTC)


def visit(person, day, names, *, minutes=2, **columns):
    start = BEGIN + timedelta(days=day)
    return [
        {"person_id": person, "event_time": start + timedelta(minutes=minutes * step), "name": name, **columns} for step, name in enumerate(names)
    ]


def shop_events():
    events = []
    for number in range(40):
        names = ["main", "item", "basket", "payment_done"][: 2 + (number % 2) + (number % 4 == 3)]
        section = ("books", "music", "games")[number % 3]
        events += visit(f"p{number}", number % 20, names, properties=f'{{"section": "{section}", "ref": "{number}"}}')
        events += visit(f"p{number}", number % 20 + 1, ["main"], properties=f'{{"section": "{section}"}}')
    return events


def by_kind(asked):
    return {question.kind: question for question in asked}


def test_a_shop_like_log_gets_every_question(engine_of):
    asked, left = questions_for(engine_of(shop_events()))
    assert left == []
    kinds = by_kind(asked)
    assert list(kinds) == ["active", "funnel", "retention", "movers", "abandonment", "sessions", "transitions"]
    assert kinds["funnel"].values["steps"] == ["main", "item", "basket", "payment_done"]
    assert kinds["movers"].values["by"] == "properties.section"
    assert kinds["movers"].values["interval"] == "week"
    assert kinds["abandonment"].values == {"start": "basket", "finish": "payment_done", "within": "24h", "interval": "day"}
    assert kinds["retention"].values["interval"] == "day"


def test_questions_can_be_asked_as_they_are(engine_of):
    from footfall.analyses.spec.build import build
    from footfall.analyses.spec.menu import analyses

    engine = engine_of(shop_events())
    asked, _ = questions_for(engine)
    for question in asked:
        answer = build(analyses()[question.kind], question.values).answer(engine)
        assert answer.table.num_rows > 0, question


def test_path_is_by_people_and_not_by_events(engine_of):
    events = [event for number in range(5) for event in visit(f"p{number}", 0, ["login", "search"])]
    events += visit("p0", 0, ["noise"] * 50, minutes=1)
    engine = engine_of(events)
    assert engine.event_names()[0] == "noise"
    path, window = frequent_path(engine, list(engine.event_names()))
    assert path[:2] == ["login", "search"]
    assert window == "1d"


def test_window_is_as_long_as_the_path_takes(engine_of):
    events = [event for number in range(10) for event in visit(f"p{number}", 0, ["asked", "answered"], minutes=1440 * 9)]
    engine = engine_of(events)
    assert frequent_path(engine, list(engine.event_names())) == (["asked", "answered"], "30d")


def test_one_name_leaves_funnel_movers_and_abandonment_out(engine_of):
    events = [event for number in range(6) for event in visit(f"p{number}", number, ["listen"])]
    asked, left = questions_for(engine_of(events))
    assert list(by_kind(asked)) == ["active", "retention", "sessions"]
    assert [one.title for one in left] == ["Funnel", "Movers", "Abandonment"]
    assert all(one.reason for one in left)


def test_dates_without_times_leave_sessions_out(engine_of):
    midnight = datetime(2026, 9, 7, tzinfo=UTC)
    events = [{"person_id": f"p{n % 3}", "event_time": midnight + timedelta(days=n), "name": ("buy", "order")[n % 2]} for n in range(20)]
    asked, left = questions_for(engine_of(events))
    assert "sessions" not in by_kind(asked)
    assert "Sessions and next steps" in [one.title for one in left]


def test_a_single_day_has_no_retention_and_no_movers(engine_of):
    asked, left = questions_for(engine_of(visit("a", 0, ["x", "y"]) + visit("b", 0, ["x", "y"])))
    assert {question.kind for question in asked} == {"active", "funnel", "sessions", "transitions"}
    assert LeftOut("Retention", "the events are of one day, and coming back takes two") in left
    assert all(isinstance(question, Question) for question in asked)


def test_long_logs_are_asked_by_month(engine_of):
    events = [event for number in range(80) for event in visit(f"p{number % 9}", number * 6, ["open", "read", "leave"])]
    kinds = by_kind(questions_for(engine_of(events))[0])
    assert kinds["retention"].values["interval"] == "month"
    assert kinds["movers"].values["interval"] == "month"
