"""Who comes to the shop on a day: people who join, and return ever less often the longer ago that was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from footfall.systems.shop.catalogue import Floats, Ints

# People who joined this many days before the history begins still return in it.
DAYS_BEFORE = 60
# A person of activity a returns d days after joining with probability a * (1 + d) ** -DECAY.
DECAY = 0.72
ACTIVITY_SHAPE = 0.6
ACTIVITY_MEAN = 0.27
WEEKDAY = (0.97, 0.94, 0.95, 0.97, 1.02, 1.09, 1.06)  # Monday first
_FIRST_USER_ID = 512_000_000


@dataclass(frozen=True, slots=True)
class People:
    """Everybody who might come.  `joined` counts days from the first day of the history and may be negative."""

    user_id: Ints
    joined: np.ndarray[Any, np.dtype[np.int16]]
    activity: np.ndarray[Any, np.dtype[np.float32]]
    intent: np.ndarray[Any, np.dtype[np.float32]]  # how readily this person buys; the mean is 1
    taste: Floats  # where in the running sum of category shares the favourite category lies

    def visitors(self, rng: np.random.Generator, day: int, lift: float) -> Ints:
        """The people who come on a day: all who join, and some of those who joined before."""
        age = day - self.joined
        chance = np.where(age == 0, 1.0, self.activity * lift * (1.0 + np.maximum(age, 0)) ** -DECAY)
        return np.flatnonzero((rng.random(len(age), dtype=np.float32) < chance) & (age >= 0))


def build_people(seed: int, persons: int, days: int) -> People:
    """People who join evenly from DAYS_BEFORE days before the history to its last day."""
    rng = np.random.default_rng([seed, 2])
    return People(
        user_id=_FIRST_USER_ID + np.cumsum(rng.integers(1, 60, persons)),
        joined=rng.integers(-DAYS_BEFORE, days, persons).astype(np.int16),
        activity=rng.gamma(ACTIVITY_SHAPE, ACTIVITY_MEAN / ACTIVITY_SHAPE, persons).astype(np.float32),
        intent=np.exp(rng.normal(-0.32, 0.8, persons)).astype(np.float32),
        taste=rng.random(persons),
    )


def visits_per_person(days: int) -> float:
    """How many days one of `build_people`'s persons comes on average (a campaign left aside)."""
    age = np.arange(1, days + DAYS_BEFORE)
    returns = np.concatenate([[0.0], np.cumsum(ACTIVITY_MEAN * (1.0 + age) ** -DECAY)])
    joined = np.arange(-DAYS_BEFORE, days)
    before = returns[np.maximum(-joined - 1, 0)]
    return float(np.mean((joined >= 0) + returns[days - 1 - joined] - np.where(joined < 0, before, 0.0)))
