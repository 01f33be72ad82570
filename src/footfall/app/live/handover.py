"""What the live path has settled is handed to the landing, so that every record is settled once.

The live path offers what it took, step by step; the landing takes what begins where the lake is.  What does not fit in is let go: the
landing then settles from the log itself, which gives the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from footfall import clock

if TYPE_CHECKING:
    from footfall.collect.settle import Settled

RECORDS_MAX = 400_000
QUIET_S = 1.0


@dataclass(frozen=True, slots=True)
class Offer:
    """Settled records from one position up to another."""

    start: int
    end: int
    settled: Settled


class Handover:
    """Between the thread of the live path and that of the landing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._offers: list[Offer] = []
        self._offered_s = -QUIET_S

    def offer(self, offer: Offer) -> None:
        """What was just taken.  It follows what was offered before, or takes its place."""
        with self._lock:
            self._offered_s = clock.monotonic_s()
            if self._offers and self._offers[-1].end != offer.start:
                self._offers.clear()
            self._offers.append(offer)
            if self._offers[-1].end - self._offers[0].start > RECORDS_MAX:
                self._offers.clear()

    def take(self, position: int, records_max: int) -> list[Offer]:
        """What begins at a position, up to about so many records; what lies before it is let go."""
        with self._lock:
            while self._offers and self._offers[0].start < position:
                self._offers.pop(0)
            taken: list[Offer] = []
            while (
                self._offers and self._offers[0].start == (taken[-1].end if taken else position) and sum(o.end - o.start for o in taken) < records_max
            ):
                taken.append(self._offers.pop(0))
            return taken

    def put_back(self, offers: list[Offer]) -> None:
        """The landing could not commit them: it may try again, while there is room."""
        with self._lock:
            if offers and (not self._offers or self._offers[0].start == offers[-1].end):
                self._offers[:0] = offers

    def start(self) -> int | None:
        """Where the first offer begins."""
        with self._lock:
            return self._offers[0].start if self._offers else None

    def flows(self) -> bool:
        """Whether something was offered within the last second: the next piece then comes by itself."""
        with self._lock:
            return clock.monotonic_s() - self._offered_s < QUIET_S
