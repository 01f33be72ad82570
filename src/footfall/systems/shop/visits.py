"""What visitors do on a day: sessions of looks, carts, second thoughts and purchases, as whole columns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from footfall.systems.shop.catalogue import Catalogue, Floats, Ints
from footfall.systems.shop.people import People

VIEW, CART, REMOVE, PURCHASE = range(4)
DAY_S = 86_400

# Share of a day's sessions that begin in each hour.
_WORKDAY = np.array([6, 4, 3, 3, 5, 10, 18, 26, 33, 38, 41, 42, 41, 41, 42, 44, 47, 51, 56, 58, 54, 44, 28, 13], float)
_WEEKEND = np.array([9, 6, 4, 3, 4, 7, 13, 22, 35, 46, 52, 54, 53, 52, 52, 53, 54, 55, 56, 55, 50, 42, 29, 16], float)

_MORE_SESSIONS = 0.28  # chance of yet another session on the same day
_VIEWS_LOG_MEAN, _VIEWS_LOG_DEVIATION, _VIEWS_MOST = 0.78, 1.05, 150
_GAP_MEDIAN_S, _GAP_LOG_DEVIATION = 24.0, 1.35
_SAME_PRODUCT = 0.30  # a look at the product just looked at
_SAME_CATEGORY = 0.72  # else: a look inside the session's category
_FAVOURITE = 0.35  # a session about the person's favourite category

_CART = 0.031  # of looks, at appetite and intent 1
_BUY_CARTED = 0.44  # of carts, in the same session
_BUY_AT_ONCE = 0.0022  # of looks, without a cart
_TAKE_OUT = 0.12  # of carts not bought
_BUY_LATER = 0.09  # of carts not bought: in a session of its own, hours later


@dataclass(frozen=True, slots=True)
class Visits:
    """Events as columns of one length.  `time_s` counts from the first midnight, `session` is a running number."""

    time_s: Ints
    kind: Ints
    person: Ints
    product: Ints
    session: Ints

    def __len__(self) -> int:
        return len(self.time_s)

    def take(self, index: Any) -> Visits:
        """The events at these places, or under this mask."""
        return Visits(*(getattr(self, field.name)[index] for field in fields(self)))

    @staticmethod
    def joined(parts: list[Visits]) -> Visits:
        """Several batches as one."""
        return Visits(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Visits)))


@dataclass(frozen=True, slots=True)
class Day:
    """Which day it is: its number from the first, its weekday (Monday is 0), and how much readier people are to buy."""

    number: int
    weekday: int
    lift: float


def visits_of(people: People, visitors: Ints, catalogue: Catalogue, day: Day, *, rng: np.random.Generator, first_session: int) -> Visits:
    """The events of a day's visitors, not yet in order; some lie after midnight."""
    sessions = np.minimum(rng.geometric(1.0 - _MORE_SESSIONS, len(visitors)), 6)
    person = np.repeat(visitors, sessions)
    start_s = _starts(rng, day, len(person))
    length = np.clip(np.round(np.exp(rng.normal(_VIEWS_LOG_MEAN, _VIEWS_LOG_DEVIATION, len(person)))), 1, _VIEWS_MOST).astype(np.int64)
    session = np.repeat(np.arange(len(person)), length)
    first = np.concatenate([[0], np.cumsum(length)[:-1]])
    views = Visits(
        time_s=_look_times(rng, start_s, first, session),
        kind=np.full(len(session), VIEW),
        person=person[session],
        product=_looked_at(rng, _session_categories(rng, people, person, catalogue, day), first, session, catalogue=catalogue, day=day),
        session=session + first_session,
    )
    return Visits.joined([views, *_outcomes(rng, people, views, catalogue, day, next_session=first_session + len(person))])


def _starts(rng: np.random.Generator, day: Day, sessions: int) -> Ints:
    rhythm = np.cumsum(_WORKDAY if day.weekday < 5 else _WEEKEND)
    hour = np.searchsorted(rhythm / rhythm[-1], rng.random(sessions), side="right")
    start_s: Ints = day.number * DAY_S + hour * 3600 + rng.integers(0, 3600, sessions)
    return start_s


def _look_times(rng: np.random.Generator, start_s: Ints, first: Ints, session: Ints) -> Ints:
    """Each session's looks follow each other after log-normal gaps; now and then one is longer than half an hour."""
    gaps = np.clip(np.exp(rng.normal(np.log(_GAP_MEDIAN_S), _GAP_LOG_DEVIATION, len(session))), 1.0, 7200.0)
    gaps[first] = 0.0
    run = np.cumsum(gaps)
    time_s: Ints = start_s[session] + (run - run[first][session]).astype(np.int64)
    return time_s


def _session_categories(rng: np.random.Generator, people: People, person: Ints, catalogue: Catalogue, day: Day) -> Ints:
    favourite = np.searchsorted(np.cumsum(catalogue.share), people.taste[person], side="right")
    current = np.searchsorted(catalogue.attention(day.number), rng.random(len(person)), side="right")
    # A favourite in decline is looked for less often, in step with everybody else.
    keep = _FAVOURITE * np.minimum(1.0, (1.0 + catalogue.growth) ** (day.number / 7.0))
    last = len(catalogue.share) - 1
    favourite = np.minimum(favourite, last)
    return np.where(rng.random(len(person)) < keep[favourite], favourite, np.minimum(current, last))


def _looked_at(rng: np.random.Generator, main: Ints, first: Ints, session: Ints, *, catalogue: Catalogue, day: Day) -> Ints:
    """Mostly products of the session's category, often the one just looked at."""
    looks = len(session)
    elsewhere = np.searchsorted(catalogue.attention(day.number), rng.random(looks), side="right")
    category = np.where(rng.random(looks) < _SAME_CATEGORY, main[session], np.minimum(elsewhere, len(catalogue.share) - 1))
    product = np.minimum(np.searchsorted(catalogue.reach, category + rng.random(looks), side="right"), len(catalogue.product_id) - 1)
    fresh = rng.random(looks) >= _SAME_PRODUCT
    fresh[first] = True
    return product[np.maximum.accumulate(np.where(fresh, np.arange(looks), 0))]


def _outcomes(rng: np.random.Generator, people: People, views: Visits, catalogue: Catalogue, day: Day, *, next_session: int) -> list[Visits]:
    """What follows from the looks: carts, purchases, things taken out again, and purchases of another day."""
    want = catalogue.appetite[views.product] * people.intent[views.person] * day.lift
    carts = views.take(rng.random(len(views)) < _CART * want)
    carts = _later(rng, carts, CART, least_s=3, median_s=15.0)
    bought = rng.random(len(carts)) < _BUY_CARTED * np.sqrt(catalogue.appetite[carts.product])
    bought_at_once = views.take(rng.random(len(views)) < _BUY_AT_ONCE * want)
    left = carts.take(~bought)
    fate = rng.random(len(left))
    removed = left.take(fate < _TAKE_OUT)
    postponed = left.take(fate > 1.0 - _BUY_LATER)
    look_again = _later(rng, postponed, VIEW, least_s=7200, median_s=14 * 3600.0)
    look_again = Visits(look_again.time_s, look_again.kind, look_again.person, look_again.product, next_session + np.arange(len(look_again)))
    return [
        carts,
        _later(rng, carts.take(bought), PURCHASE, least_s=15, median_s=100.0),
        _later(rng, bought_at_once, PURCHASE, least_s=20, median_s=70.0),
        _later(rng, removed, REMOVE, least_s=5, median_s=60.0),
        look_again,
        _later(rng, look_again, PURCHASE, least_s=15, median_s=90.0),
    ]


def _later(rng: np.random.Generator, visits: Visits, kind: int, *, least_s: int, median_s: float) -> Visits:
    delay: Floats = least_s + np.exp(rng.normal(np.log(median_s), 0.8, len(visits)))
    return Visits(visits.time_s + delay.astype(np.int64), np.full(len(visits), kind), visits.person, visits.product, visits.session)
