"""The shop's history as files: seeded, a day at a time, so that memory holds one day whatever the length.

The same ShopHistory writes the same bytes (for one version of NumPy, whose distributions it draws from).  Like a real export
it holds a few rows that were sent twice and a few that are broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from footfall.errors import UserError
from footfall.systems.shop.catalogue import Catalogue, build_catalogue
from footfall.systems.shop.files import Form, HistoryFile, RowWriter
from footfall.systems.shop.people import WEEKDAY, People, build_people, visits_per_person
from footfall.systems.shop.schema import CAMPAIGN_LIFT
from footfall.systems.shop.visits import DAY_S, Day, Visits, visits_of

# Measured over seeds: how many events one person's day in the shop leaves behind.
_EVENTS_PER_VISIT = 5.75
_SENT_TWICE = 0.0004
_BROKEN_A_DAY = 2
_CAMPAIGN_DAYS_BEFORE_END = 16  # a Friday, when the last day is a Sunday, and not among the latest weeks that movers compare
_FEWEST_EVENTS, _MOST_DAYS = 1_000, 3_660


@dataclass(frozen=True, slots=True)
class ShopHistory:
    """Which history: about how many events, over how many days, up to which day, drawn from which seed.

    `flaws` are the rows that were sent twice and the broken ones; a benchmark of plain readers leaves them out.
    """

    events: int = 1_200_000
    days: int = 30
    last_day: date = date(2026, 11, 1)
    seed: int = 7
    products: int = 9_000
    flaws: bool = True

    def __post_init__(self) -> None:
        if self.events < _FEWEST_EVENTS:
            raise UserError(
                f"a shop's history needs {_FEWEST_EVENTS} events or more, not {self.events}",
                field="events",
                got=self.events,
                hint="ask for 1200000, say",
            )
        if not 1 <= self.days <= _MOST_DAYS:
            raise UserError(f"a shop's history has 1 to {_MOST_DAYS} days, not {self.days}", field="days", got=self.days, hint="ask for 30, say")

    @property
    def first_day(self) -> date:
        """The day of the first event."""
        return self.last_day - timedelta(days=self.days - 1)

    @property
    def campaign_day(self) -> date | None:
        """The day on which more people come and buy; None in a history too short for one."""
        day = self.last_day - timedelta(days=_CAMPAIGN_DAYS_BEFORE_END)
        return day if day > self.first_day else None

    @property
    def persons(self) -> int:
        """How many people might come, so that about `events` events come out."""
        return max(1, round(self.events / (_EVENTS_PER_VISIT * visits_per_person(self.days))))


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file of the history: its data rows (without a header), and how many of them are repeated or broken."""

    path: Path
    rows: int
    sent_twice: int
    broken: int


def write_history(
    directory: Path, history: ShopHistory, *, form: Form = "csv", gzipped: bool = False, progress: Callable[[int], None] | None = None
) -> list[WrittenFile]:
    """Write one file a calendar week into the directory; `progress` hears the rows of each day.

    A file appears under its name when it is whole.  Cost: about half a second a million events.
    """
    directory.mkdir(parents=True, exist_ok=True)
    catalogue = build_catalogue(history.seed, history.products)
    people = build_people(history.seed, history.persons, history.days)
    rows = RowWriter(catalogue, people, seed=history.seed, form=form)
    written: list[WrittenFile] = []
    file: HistoryFile | None = None
    week = ""
    for day, visits in visits_by_day(history, catalogue, people):
        if file is None or day.strftime("%G-W%V") != week:
            if file is not None:
                written.append(_finish(file))
            week = day.strftime("%G-W%V")
            file = HistoryFile(directory / f"{week}.{form}{'.gz' if gzipped else ''}", rows, gzipped=gzipped)
        rng = np.random.default_rng([history.seed, 4, (day - history.first_day).days])
        again = np.flatnonzero(rng.random(len(visits)) < (_SENT_TWICE if history.flaws else 0.0))
        broken = _BROKEN_A_DAY if history.flaws else 0
        file.write(day, visits.take(np.insert(np.arange(len(visits)), again, again)), broken=broken)
        file.sent_twice += len(again)
        if progress is not None:
            progress(len(visits) + len(again) + broken)
    assert file is not None
    written.append(_finish(file))
    return written


def _finish(file: HistoryFile) -> WrittenFile:
    file.close()
    return WrittenFile(file.path, file.rows, file.sent_twice, file.broken)


def visits_by_day(history: ShopHistory, catalogue: Catalogue, people: People) -> Iterator[tuple[date, Visits]]:
    """Each day's events in order of time.  What runs past midnight waits for its day; what runs past the last is left out."""
    waiting: Visits | None = None
    for number in range(history.days):
        date_of_day = history.first_day + timedelta(days=number)
        lift = CAMPAIGN_LIFT if date_of_day == history.campaign_day else 1.0
        rng = np.random.default_rng([history.seed, 3, number])
        visitors = people.visitors(rng, number, lift * WEEKDAY[date_of_day.weekday()])
        fresh = visits_of(people, visitors, catalogue, Day(number, date_of_day.weekday(), lift), rng=rng, first_session=number << 32)
        visits = fresh if waiting is None else Visits.joined([waiting, fresh])
        today = visits.time_s < (number + 1) * DAY_S
        waiting = visits.take(~today)
        visits = visits.take(today)
        yield date_of_day, visits.take(np.argsort(visits.time_s, kind="stable"))
