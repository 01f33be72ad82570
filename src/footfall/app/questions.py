"""Which questions to ask of events nobody has seen before: what the demo asks of a file, and what it must leave out.

Every choice is a rule over the data, said in the question's `why`; a question that the data cannot answer is left out with its
reason, never asked with a made-up parameter.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from footfall.event.filters import quoted

if TYPE_CHECKING:
    from footfall.analyses.spec.contract import Engine

DAY_US = 86_400_000_000
FUNNEL_STEPS_MAX = 4
_NAMES_TRIED = 10
_SAMPLE_ROWS = 20_000
_LENGTH_READABLE = 40
_BEGINS = re.compile(r"cart|basket|checkout|begin|start|add", re.IGNORECASE)
_FINISHES = re.compile(r"purchase|payment_done|paid|order_?(complete|placed)|success|bought|buy|confirm", re.IGNORECASE)
_TELLING = re.compile(
    r"categor|department|section|page|product|item|artist|genre|channel|country|city|location|region|path|plan|level|platform|device", re.IGNORECASE
)
_NUMBER = re.compile(r"[-+]?\d*\.?\d+")
_UNINTERESTING = re.compile(
    r"(^|_)(id|uuid|key|hash|token|time|date|ts|received|sent|person|agent|auth)($|_)|_id$|Id$|name$|agent$|^event_", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Question:
    """One analysis to run: its name in the menu, its parameters as plain values, a heading, and why these parameters."""

    kind: str
    values: dict[str, Any]
    title: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A question that the data cannot answer."""

    title: str
    reason: str


def questions_for(engine: Engine) -> tuple[list[Question], list[LeftOut]]:
    """The questions that suit these events, and those left out.  Cost: a few grouped queries over the events."""
    facts = _Facts(engine)
    asked: list[Question] = [Question("active", {}, "Visitors a day")]
    left: list[LeftOut] = []
    for found in (_funnel(facts), _retention(facts), _movers(facts), _abandonment(facts), *_walks_inside_days(facts)):
        if isinstance(found, Question):
            asked.append(found)
        else:
            left.append(found)
    return asked, left


class _Facts:
    """What the rules look at, asked for once."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.names = list(engine.event_names())
        span = engine.span_us()
        assert span is not None, "there are events"
        self.first_us, self.last_us = span
        self.days = (engine.as_of_us() - self.first_us) / DAY_US
        row = engine.query(
            f"SELECT COUNT(*) AS events, COUNT(DISTINCT person_key) AS people, COUNT(session_id) AS in_session, "
            f"SUM(CASE WHEN time_us % {DAY_US} = 0 THEN 1 ELSE 0 END) AS at_midnight FROM events"
        ).to_pylist()[0]
        self.events, self.people, self.in_session = int(row["events"]), int(row["people"]), int(row["in_session"])
        self.dates_only = int(row["at_midnight"]) == self.events
        self.steps, self.window = frequent_path(engine, self.names)


def frequent_path(engine: Engine, names: list[str]) -> tuple[list[str], str]:
    """The path that most people take: from the event that most people begin with, each time the one that most of them do first after it.

    Among the most frequent events; a step that fewer than one person in a hundred reaches ends the path.  With it comes a window: the
    shortest of a day, a week and a month in which nine of ten who get to its end do so, else none.
    """
    import numpy as np

    tried = names[:_NAMES_TRIED]
    if len(tried) < 2:
        return tried, "none"
    firsts = ", ".join(f"MIN(CASE WHEN name = {quoted(name)} THEN time_us END) AS t{place}" for place, name in enumerate(tried))
    listed = ", ".join(quoted(name) for name in tried)
    table = engine.query(f"SELECT {firsts} FROM events WHERE name IN ({listed}) GROUP BY person_key")
    never = np.iinfo(np.int64).max
    first_us = np.column_stack([table.column(f"t{place}").fill_null(never).to_numpy() for place in range(len(tried))])
    place = int(np.bincount(first_us.argmin(axis=1)).argmax()) if len(first_us) else 0
    path, now_us, begun_us = [place], first_us[:, place], first_us[:, place]
    entered = int((now_us < never).sum())
    while len(path) < min(FUNNEL_STEPS_MAX, len(tried)):
        later = (first_us < never) & (first_us > now_us[:, None])
        later[:, path] = False
        reached = later.sum(axis=0)
        place = int(np.argmax(reached))
        if reached[place] < max(1, entered // 100):
            break
        now_us = np.where(later[:, place], first_us[:, place], never)
        path.append(place)
    arrived = now_us < never
    took_us = np.quantile((now_us - begun_us)[arrived], 0.9) if arrived.any() else 0
    window = next((f"{days}d" for days in (1, 7, 30) if took_us <= days * DAY_US), "none")
    return [tried[place] for place in path], window


def _funnel(facts: _Facts) -> Question | LeftOut:
    if len(facts.steps) < 2:
        return LeftOut("Funnel", "no two events follow each other for enough people")
    why = "the steps are the path that most people take through the most frequent events; choose your own with footfall funnel STEP STEP …"
    return Question("funnel", {"steps": facts.steps, "window": facts.window}, " → ".join(facts.steps), why)


def _retention(facts: _Facts) -> Question | LeftOut:
    if facts.days < 2:
        return LeftOut("Retention", "the events are of one day, and coming back takes two")
    interval = "day" if facts.days <= 62 else "week" if facts.days <= 370 else "month"
    return Question("retention", {"interval": interval, "periods": 12 if interval != "day" else 14}, f"Who comes back, by {interval}")


def _movers(facts: _Facts) -> Question | LeftOut:
    interval = _whole_periods(facts)
    if interval is None:
        return LeftOut("Movers", "there are no two whole days to compare")
    by = _telling_column(facts)
    if by is None and len(facts.names) < 3:
        return LeftOut("Movers", "neither the events' names nor their columns fall into groups worth comparing")
    minimum = max(2, round(facts.events / 20_000))
    values = {"by": by or "name", "interval": interval, "minimum": minimum, "limit": 8}
    shown = (by or "name").rpartition(".")[2]
    return Question("movers", values, f"What rose and what fell, by {shown}, {interval} on {interval}")


def _whole_periods(facts: _Facts) -> str | None:
    """The longest period of which two whole ones lie between the first event and as_of."""
    first = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=facts.first_us)
    to_monday = (7 - first.weekday()) % 7 if (first.weekday(), first.hour) != (0, 0) else 0
    if facts.days > 124:
        return "month"
    if facts.days - to_monday >= 14:
        return "week"
    return "day" if facts.days >= 3 else None


def _telling_column(facts: _Facts) -> str | None:
    """A text column, or a property, with a handful to a few thousand values, most of them filled; a telling name goes first."""
    found: list[tuple[bool, int, str]] = []
    known = [name for name, kind in facts.engine.columns().items() if kind == "string" and name not in ("properties", "person_id", "user_id", "url")]
    candidates: dict[str, list[str]] = {name: [] for name in known if not _UNINTERESTING.search(name)}
    listed = "".join(f", {name}" for name in candidates)
    for row in facts.engine.query(f"SELECT properties{listed} FROM events LIMIT {_SAMPLE_ROWS}").to_pylist():
        properties = json.loads(row.pop("properties") or "{}")
        for name, value in (*row.items(), *((f"properties.{key}", value) for key, value in properties.items())):
            if isinstance(value, str) and value and (name in candidates or not _UNINTERESTING.search(name)):
                candidates.setdefault(name, []).append(value)
    sampled = min(_SAMPLE_ROWS, facts.events)
    for name, values in candidates.items():
        distinct = len(set(values))
        telling = _TELLING.search(name) is not None
        words = sum(map(len, values)) <= _LENGTH_READABLE * len(values) and (telling or not all(map(_NUMBER.fullmatch, set(values))))
        if words and len(values) > 0.3 * sampled and 3 <= distinct <= min(2_000, len(values) / 5):
            found.append((not telling, distinct, name))
    return min(found)[2] if found else None


def _abandonment(facts: _Facts) -> Question | LeftOut:
    finish = next((name for name in facts.names if _FINISHES.search(name)), None)
    start = next((name for name in facts.names if _BEGINS.search(name) and name != finish), None)
    if start is None or finish is None:
        return LeftOut(
            "Abandonment", "no event looks like a cart or checkout with a purchase after it; ask with footfall abandonment --start … --finish …"
        )
    within = "session" if facts.in_session > 0.5 * facts.events else "24h"
    interval = "day" if facts.days <= 62 else "week" if facts.days <= 370 else "month"
    return Question(
        "abandonment",
        {"start": start, "finish": finish, "within": within, "interval": interval},
        f"{start} without {finish}",
        f"{start} and {finish} were chosen by their names",
    )


def _walks_inside_days(facts: _Facts) -> list[Question | LeftOut]:
    if facts.dates_only:
        return [LeftOut("Sessions and next steps", "the events have dates without times of day, so they have no pauses")]
    asked: list[Question | LeftOut] = [Question("sessions", {}, "Sessions")]
    if len(facts.names) >= 2:
        asked.append(Question("transitions", {"limit": 200}, "What people do next"))
    return asked
