"""Delivering: alerts leave the outbox to their actions, each at least once, and no action waits for another.

Every action has a thread of its own.  It reads its rows of the outbox in order from where `deliveries.db` says it came, hands them over, and then notes what became
of them, so a crash at any point sends the same alerts again under the same ids and with the same bytes.  An alert that fails is parked
and tried again, ever later, while those behind it go on; after `tries` tries or after `give_up`, or at once where another try cannot
help, it is set aside with the reason and can be replayed.

When one alert after the other fails, the other side is taken to be away: then one alert at a time is tried, after pauses that grow to a minute, and the
first that gets through brings back all that failed meanwhile.  A parked alert never holds up a new one.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Event, Thread

import msgspec

from footfall import clock
from footfall.app.front.deliveries import Deliveries, Letter, Noted, Totals
from footfall.connectors.actions.building import build_action
from footfall.connectors.actions.contract import Action, message_of
from footfall.connectors.actions.settings import Notify, check_names
from footfall.errors import DeliveryFailed, FootfallError
from footfall.stream.contract import Alert
from footfall.stream.store.contract import Posted, ViewsReader

POLL_S = 0.05
AHEAD_ROWS, AHEAD_S = 500, 1.0  # so many rows of the outbox are read at once, and kept for so long: a person may be erased from it
CLAIM_S = 1.0
STOP_S = 5.0
PAUSE_FIRST_S, PAUSE_TIMES, PAUSE_MAX_S = 1.0, 3.0, 3_600.0  # twelve tries take about four hours
AFTER_MAX_S, AWAY_AFTER_MAX_S = 3_600.0, 300.0  # how long a Retry-After may hold up an alert, and all alerts
AWAY_FROM = 3  # so many failures in a row, of whichever alerts, mean that the other side is away
AWAY_PAUSE_MAX_S = 60.0
JITTER = 0.25
STORAGE_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
WAITING_MAX = 10_000  # more are not counted
DAY_US = 86_400_000_000

_logger = logging.getLogger("footfall.delivering")


@dataclass(frozen=True, slots=True)
class Outlet:
    """An action with its name and its patience."""

    name: str
    action: Action
    tries: int = 12
    give_up_us: int = DAY_US


@dataclass(frozen=True, slots=True)
class Timing:
    """What time it is, on the wall and on a clock that never goes back, and the dice of the pauses."""

    now_us: Callable[[], int] = clock.now_us
    steady_s: Callable[[], float] = clock.monotonic_s
    dice: random.Random = field(default_factory=random.Random)

    def pause_s(self, number: int, longest_s: float) -> float:
        """The pause after failure `number` (1, 2, …): three times as long each time, a quarter more or less."""
        return min(longest_s, PAUSE_FIRST_S * PAUSE_TIMES ** min(number - 1, 20)) * self.dice.uniform(1 - JITTER, 1 + JITTER)


class Channel:
    """The deliveries of one action.  `turn` does the next thing; whoever calls it owns the threads and the waiting."""

    def __init__(self, outlet: Outlet, views: ViewsReader, deliveries: Deliveries, timing: Timing) -> None:
        self.outlet = outlet
        self._views = views
        self._deliveries = deliveries
        self._timing = timing
        self._unsaved: Noted | None = None
        self._failures = 0  # in a row
        self._failing_since_us = 0
        self._rest_until_s = 0.0  # nothing is tried before, by the steady clock
        self._letters_until_s = 0.0  # no parked alert is tried before
        self._letter_failed = False
        self._singly = 0  # so many rows are tried one by one, because together they were refused
        self._looked = False
        self._ahead: deque[Posted] = deque()  # rows that were read and not tried yet
        self._ahead_until_s = 0.0

    def turn(self) -> float:
        """Try one parked alert or the next rows, or neither; how many seconds may pass before the next turn.

        Raises:
            StorageFailed: the outbox cannot be read, or what was done cannot be noted; that is then noted first.
        """
        if self._unsaved is not None:
            self._save(self._unsaved)
        now_s, now_us = self._timing.steady_s(), self._timing.now_us()
        if now_s < self._rest_until_s:
            return self._rest_until_s - now_s
        self._looked = self._looked or self._look_back()
        skipped, self._letter_failed = self._letter_failed, False
        if not skipped and now_s >= self._letters_until_s and (letter := self._deliveries.due(self.outlet.name, now_us)) is not None:
            self._again(letter)
            return 0.0
        if self._fresh() or skipped:
            return 0.0
        if self._failures >= AWAY_FROM and now_s >= self._letters_until_s and (letter := self._deliveries.first(self.outlet.name)) is not None:
            self._again(letter, ahead=True)
            return 0.0
        next_us = self._deliveries.next_us(self.outlet.name)
        if next_us is None:
            return POLL_S
        return min(POLL_S, max(0.0, (next_us - now_us) / 1e6, self._letters_until_s - now_s))

    def totals(self, known: Totals) -> Totals:
        """The counts with what waits in the outbox."""
        waiting = len(self._views.posted(self.outlet.name, after=known.passed, limit=WAITING_MAX))
        return msgspec.structs.replace(known, waiting=waiting)

    # --- trying ----------------------------------------------------------------------------------------------------------

    def _fresh(self) -> bool:
        """Try the next rows of the outbox; whether there were any."""
        name = self.outlet.name
        alone = self._singly > 0 or self._failures >= AWAY_FROM
        rows = self._next(1 if alone else self.outlet.action.batch)
        if not rows:
            return False
        self._singly = max(0, self._singly - 1)
        known = self._deliveries.known(name, [row.alert.id for row in rows])
        wanted = [(row.number, row.alert) for row in rows if row.alert.id not in known]
        problem = self._deliver([alert for _, alert in wanted])
        if problem is not None and not problem.retryable and not problem.ids and len(wanted) > 1:
            self._singly = len(rows)  # one of them may be to blame for all
            return True
        noted = Noted(name, self._timing.now_us(), passed=(rows[-1].number, rows[-1].alert.id))
        for number, alert in wanted:
            if problem is None or (problem.ids and alert.id not in problem.ids):
                noted.delivered.append((number, alert.id))
            else:
                noted.letters.append(self._failed(number, alert, None, problem))
        self._save(noted)
        if wanted:
            self._after(problem, noted.at_us)
        return True

    def _next(self, limit: int) -> list[Posted]:
        """Rows behind what was passed.  Reading a row reads the block that it is in, so many are read at once."""
        now_s = self._timing.steady_s()
        if not self._ahead or now_s >= self._ahead_until_s:
            passed, _ = self._deliveries.passed(self.outlet.name)
            self._ahead = deque(self._views.posted(self.outlet.name, after=passed, limit=max(limit, AHEAD_ROWS)))
            self._ahead_until_s = now_s + AHEAD_S
        return list(islice(self._ahead, limit))

    def _again(self, letter: Letter, *, ahead: bool = False) -> None:
        """Try a parked alert again.  One that is tried ahead of its time, to see whether the other side is back, loses no patience by it."""
        problem = self._deliver([letter.alert])
        noted = Noted(letter.action, self._timing.now_us(), retried=1)
        if problem is None:
            noted.delivered.append((letter.number, letter.alert.id))
        elif not (ahead and problem.retryable):
            noted.letters.append(self._failed(letter.number, letter.alert, letter, problem))
        self._save(noted)
        self._after(problem, noted.at_us, parked=True)

    def _deliver(self, alerts: Sequence[Alert]) -> DeliveryFailed | None:
        """Hand alerts over; what went wrong."""
        if not alerts:
            return None
        try:
            self.outlet.action.deliver([message_of(alert) for alert in alerts])
        except DeliveryFailed as problem:
            return problem
        except Exception as problem:  # a defect of one action must not end it, nor lose the alert
            _logger.warning("action %s: %s", self.outlet.name, problem, exc_info=problem)
            return DeliveryFailed(f"{type(problem).__name__}: {problem}")
        return None

    def _failed(self, number: int, alert: Alert, before: Letter | None, problem: DeliveryFailed) -> Letter:
        """The alert as a letter: parked, or set aside when its patience is over."""
        now_us = self._timing.now_us()
        tries = 1 if before is None else before.tries + 1
        first_us = now_us if before is None or not before.tries else before.first_us
        ends_us = first_us + self.outlet.give_up_us
        pause_us = round(max(self._timing.pause_s(tries, PAUSE_MAX_S), min(problem.after_s or 0.0, AFTER_MAX_S)) * 1e6)
        dead = not problem.retryable or tries >= self.outlet.tries or now_us >= ends_us
        return Letter(self.outlet.name, number, alert, tries, first_us, now_us, None if dead else min(ends_us, now_us + pause_us), problem.sentence)

    def _save(self, noted: Noted) -> None:
        self._unsaved = noted
        self._deliveries.note(noted)
        self._unsaved = None
        while noted.passed is not None and self._ahead and self._ahead[0].number <= noted.passed[0]:
            self._ahead.popleft()

    # --- the other side --------------------------------------------------------------------------------------------------

    def _after(self, problem: DeliveryFailed | None, now_us: int, *, parked: bool = False) -> None:
        """What an attempt says about the other side."""
        self._letter_failed = parked and problem is not None
        if problem is None or not problem.retryable:
            if problem is None and self._failures >= AWAY_FROM:
                self._deliveries.hasten(self.outlet.name, self._failing_since_us, now_us)
            self._failures, self._rest_until_s, self._letters_until_s = 0, 0.0, 0.0
            return
        if not self._failures:
            self._failing_since_us = now_us
        self._failures += 1
        asked_s = min(problem.after_s or 0.0, AWAY_AFTER_MAX_S)
        pause_s = self._timing.pause_s(self._failures - AWAY_FROM + 1, AWAY_PAUSE_MAX_S) if self._failures >= AWAY_FROM else 0.0
        now_s = self._timing.steady_s()
        self._letters_until_s = now_s + max(pause_s, asked_s)
        self._rest_until_s = now_s + (asked_s if parked else max(pause_s, asked_s))

    def _look_back(self) -> bool:
        """Begin again when the outbox is another one: its numbers ended before, or another alert has the number that was passed.

        Whether there was anything to look at.
        """
        name = self.outlet.name
        passed, passed_id = self._deliveries.passed(name)
        newest = self._views.alerts(limit=1)
        if not newest:
            return False
        there = self._views.alerts(after=passed - 1, limit=1, newest=False) if 0 < passed <= newest[0][0] else []
        if newest[0][0] < passed or (there and there[0][0] == passed and there[0][1].id != passed_id):
            _logger.warning("action %s: the live state was made anew; its alerts are looked through from the first", name)
            self._deliveries.rewind(name)
        return True


def outlets(settings: Sequence[Notify], state_folder: Path, environment: Mapping[str, str]) -> list[Outlet]:
    """The actions of a configuration.

    Raises:
        InvalidConfig: a name is there twice, or the environment lacks a secret.
        MissingExtra: a kind needs a package that is not installed.
    """
    check_names(settings)
    return [Outlet(one.name, build_action(one, state_folder, environment), one.tries, one.give_up_us) for one in settings]


class Deliverer:
    """All channels of a project.  `open_views` opens the live state for reading, once for each action."""

    def __init__(self, outlets: Sequence[Outlet], open_views: Callable[[], ViewsReader], path: Path, *, timing: Timing | None = None) -> None:
        self.deliveries = Deliveries(path)
        self._stop = Event()
        self._wake = {outlet.name: Event() for outlet in outlets}
        self._views = {outlet.name: open_views() for outlet in outlets}
        self._channels = [Channel(outlet, self._views[outlet.name], self.deliveries, timing or Timing()) for outlet in outlets]
        self._threads: list[Thread] = []

    def start(self) -> None:
        """Begin to deliver, as soon as no other process does."""
        for channel in self._channels:
            thread = Thread(target=self._run, args=(channel,), name=f"footfall-deliver-{channel.outlet.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """There may be something in the outbox: do not wait for the next look."""
        for event in self._wake.values():
            event.set()

    def stop(self, *, patience_s: float = STOP_S) -> None:
        """End the threads.  One that still waits for its other side is left to end with the process: what it sends counts as not delivered."""
        self._stop.set()
        self.wake()
        until_s = clock.monotonic_s() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, until_s - clock.monotonic_s()))
        if not any(thread.is_alive() for thread in self._threads):
            self.deliveries.close()
            for views in self._views.values():
                views.close()

    def delivered(self) -> Mapping[str, int]:
        """For each action the number up to which the outbox is needed no longer: delivered, or kept in deliveries.db with its content."""
        totals = self.deliveries.totals()
        return {channel.outlet.name: totals[channel.outlet.name].passed if channel.outlet.name in totals else 0 for channel in self._channels}

    def metrics(self) -> list[Totals]:
        """Where each action stands."""
        totals = self.deliveries.totals()
        return [channel.totals(totals.get(channel.outlet.name, Totals(channel.outlet.name))) for channel in self._channels]

    def dead(self, action: str) -> list[Letter]:
        """An action's alerts that were set aside, oldest first."""
        return self.deliveries.letters(action)

    def replay(self, action: str, number: int | None = None) -> int:
        """Try an alert that was set aside again, or all of an action's; how many."""
        count = self.deliveries.replay(action, number, clock.now_us())
        self.wake()
        return count

    def _run(self, channel: Channel) -> None:
        name, failures, said = channel.outlet.name, 0, ""
        while not self._stop.is_set():
            try:
                pause_s = channel.turn() if self.deliveries.claim() else CLAIM_S
                failures = 0
            except Exception as problem:  # whatever it is, the outbox still has everything, and the next turn may succeed
                sentence = problem.sentence if isinstance(problem, FootfallError) else f"{type(problem).__name__}: {problem}"
                if sentence != said:
                    _logger.warning("action %s waits: %s", name, sentence, exc_info=None if isinstance(problem, FootfallError) else problem)
                    said = sentence
                pause_s = STORAGE_PAUSES_S[min(failures, len(STORAGE_PAUSES_S) - 1)]
                failures += 1
            if pause_s and self._wake[name].wait(pause_s):
                self._wake[name].clear()
        channel.outlet.action.close()
