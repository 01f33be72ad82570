"""Random little logs, and what the walks must find in them: written as plainly as possible, without any of the kernels' tricks."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
T0 = 1_790_000_000_000_000  # 2026-09-21T14:13:20Z, a Monday
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


class Event(NamedTuple):
    """One event; its position is its place in the log."""

    person: int
    time: int
    name: str
    group: str | None = None


def random_log(chance: random.Random, names: str = "ABC", people: int = 4, length: int = 14, ticks: int = 12, tick_us: int = 1) -> list[Event]:
    """Up to `length` events in no order, with many equal times, duplicates, empty logs and logs of one person."""
    size = chance.choice([0, 1, 2, length // 2, length])
    crowd = chance.choice([1, people])
    log = [
        Event(chance.randrange(crowd), chance.randrange(ticks) * tick_us, chance.choice(names), chance.choice(["x", "y", None])) for _ in range(size)
    ]
    return log + chance.sample(log, min(len(log), chance.randrange(3)))


def as_dicts(log: Sequence[Event], prefix: str = "", /, **more: object) -> list[dict[str, Any]]:
    """The log as the engine fixture takes it; times count from T0."""
    return [{"user_id": f"{prefix}{e.person}", "name": e.name, "event_time": T0 + e.time, "country": e.group, **more} for e in log]


def lake_of_logs(chance: random.Random, count: int = 25, **shape: Any) -> tuple[dict[str, list[Event]], list[dict[str, Any]], int]:
    """Little logs for one lake: each has its own people and is told apart by `log`.  Also the as_of of that lake, from T0.

    An answer with `breakdown="log"` then answers all of them at once.  Every name is there at least once, in a log called none.
    """
    logs = {f"log{number}": random_log(chance, names="ABCX", tick_us=HOUR_US, **shape) for number in range(count)}
    events = as_dicts([Event(0, 0, name) for name in "ABCX"], "none-", log="none")
    for log, mine in logs.items():
        events += as_dicts(mine, f"{log}-", log=log)
    last = max(event["event_time"] for event in events)
    return logs, events, (last // DAY_US + 1) * DAY_US - T0


def histories(log: Sequence[Event]) -> list[list[Event]]:
    """Every person's events in order."""
    ordered = sorted(enumerate(log), key=lambda one: (one[1].person, one[1].time, one[0]))
    return [[event for _, event in mine] for _, mine in groupby(ordered, key=lambda one: one[1].person)]


def arrays(log: Sequence[Event], code_of: Callable[[str], int]) -> tuple[Any, Any, Any, Any]:
    """The log as kernels take it: person, time_us, code and group (x 0, y 1, null -1)."""
    events = [event for mine in histories(log) for event in mine]
    return (
        np.array([event.person for event in events], np.int64),
        np.array([event.time for event in events], np.int64),
        np.array([code_of(event.name) for event in events], np.int32),
        np.array([{"x": 0, "y": 1, None: -1}.get(event.group, 0) for event in events], np.int32),
    )


def cut_anywhere(chance: random.Random, columns: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The same arrays in pieces of whole persons."""
    person = columns[0]
    borders = [i for i in range(1, len(person)) if person[i] != person[i - 1] and chance.random() < 0.5]
    for low, high in zip([0, *borders], [*borders, len(person)], strict=True):
        yield tuple(column[low:high] for column in columns)


class Reached(NamedTuple):
    """How far one person got in a funnel."""

    furthest: int
    group: str | None
    is_open: bool
    times: list[int]


def funnel_twin(mine: list[Event], steps: Sequence[str], window: int, entries: range, as_of: int) -> Reached | None:
    """Every attempt of every entry: `ends[k]` are all events at which an attempt can have done k + 1 steps."""
    attempts = {}
    for entry, event in enumerate(mine):
        if event.name == steps[0] and event.time in entries:
            ends = [{entry}]
            for step in steps[1:]:
                ends.append(
                    {j for j in range(len(mine)) if mine[j].name == step and j > min(ends[-1], default=j) and mine[j].time - event.time <= window}
                )
            attempts[entry] = [min(end) for end in ends if end]
    if not attempts:
        return None
    furthest = max(map(len, attempts.values()))
    first = [min((ends[k], -entry) for entry, ends in attempts.items() if len(ends) > k) for k in range(furthest)]
    times = [mine[end].time - mine[-entry].time for end, entry in first[1:]]
    still = furthest < len(steps) and mine[max(attempts)].time + window >= as_of
    return Reached(furthest, mine[-first[-1][1]].group, still, times)


def sessions_twin(mine: list[Event], gap: int, longest: int | None = None, day_of: Callable[[int], Any] = lambda _: None) -> list[list[Event]]:
    """One person's events as sessions."""
    sessions: list[list[Event]] = []
    for event in mine:
        same = sessions and event.time - sessions[-1][-1].time <= gap
        same = same and (longest is None or event.time - sessions[-1][0].time <= longest)
        if same and day_of(event.time) == day_of(sessions[-1][-1].time):
            sessions[-1].append(event)
        else:
            sessions.append([event])
    return sessions


def local_day(zone: str) -> Callable[[int], date]:
    """Microseconds -> the date on the wall clock."""
    return lambda us: (EPOCH + timedelta(microseconds=us)).astimezone(ZoneInfo(zone)).date()


def period_number(day: date, interval: str) -> int:
    """The number of the day, week or month that holds a date, and so of the periods between two dates."""
    return {"day": day.toordinal(), "week": (day.toordinal() - 1) // 7, "month": day.year * 12 + day.month}[interval]


def first_day(number: int, interval: str) -> date:
    """The date on which a numbered period starts."""
    if interval == "month":
        return date((number - 1) // 12, (number - 1) % 12 + 1, 1)
    return date.fromordinal(number if interval == "day" else number * 7 + 1)


class Cohort(NamedTuple):
    """One person of a retention: their first event, its period and the ages at which they were seen."""

    first: Event
    period: int
    ages: set[int]


def retention_twin(
    mine: list[Event], start: str | None, back: str | None, entries: range, period_of: Callable[[int], int], rolling: int
) -> Cohort | None:
    """The ages of everything from the first event on."""
    for i, first in enumerate(mine):
        if start in (None, first.name):
            if first.time not in entries:
                return None
            seen = [event.time for event in mine[i:] if back in (None, event.name)]
            if rolling:
                ages = {(time - first.time) // rolling for time in seen}
            else:
                ages = {max(0, period_of(time) - period_of(first.time)) for time in seen}
            return Cohort(first, period_of(first.time), ages)
    return None


def runs(session: list[Event], *, collapse: bool) -> list[Event]:
    """A session without the repeats."""
    return [event for i, event in enumerate(session) if not collapse or i == 0 or event.name != session[i - 1].name]


def transitions_twin(log: Sequence[Event], gap: int, *, collapse: bool) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Pair -> how often, by how many persons, and the time between in all."""
    times = defaultdict(list)
    people = defaultdict(set)
    for mine in histories(log):
        for session in sessions_twin(mine, gap):
            kept = runs(session, collapse=collapse)
            for one, other in pairwise(kept):
                times[one.name, other.name].append(other.time - one.time)
                people[one.name, other.name].add(one.person)
    return {pair: (len(times[pair]), len(people[pair]), sum(times[pair])) for pair in times}


Path = tuple[tuple[str, ...], str]


def path_twin(session: list[Event], start: str | None, end: str | None, longest: int | None, *, collapse: bool) -> Path | None:
    """The names of one session's path, and which side was cut off."""
    names = [event.name for event in session]
    if start is not None:
        if start not in names:
            return None
        names = names[names.index(start) :]
    if end is not None:
        later = names[1:] if start == end else names
        if end not in later:
            return None
        names = names[: later.index(end) + 1 + (start == end)]
    names = [name for i, name in enumerate(names) if not collapse or i == 0 or name != names[i - 1]]
    if longest is None or len(names) <= longest:
        return tuple(names), ""
    return (tuple(names[-longest:]), "front") if end is not None and start is None else (tuple(names[:longest]), "back")


def paths_twin(log: Sequence[Event], gap: int, shape: Callable[[list[Event]], Path | None]) -> dict[Path, tuple[int, int]]:
    """Path -> sessions and persons."""
    found = [(path, mine[0].person) for mine in histories(log) for one in sessions_twin(mine, gap) if (path := shape(one)) is not None]
    sessions, persons = Counter(path for path, _ in found), Counter(path for path, _ in set(found))
    return {path: (sessions[path], persons[path]) for path in sessions}
