"""The part `live` of a running project: from the log to views and alerts within milliseconds, and to the lake once a second.

Three kinds of threads share it: the live path, the landing, and one for every action.  Each goes on while the others wait for something.  Nothing
is loaded before the first record, and a process that ends by itself has compiled the loops by then.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from importlib import import_module
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from footfall import clock
from footfall.app.front.landing import Landing
from footfall.app.live.handover import Handover
from footfall.app.project import Project, open_project
from footfall.errors import FootfallError, UserError
from footfall.eventlog.opening import open_log

if TYPE_CHECKING:
    from footfall.app.live.path import ProjectPath
    from footfall.eventlog.contract import EventLog

WARM = "--warm"
READER = "live"
IDLE_S, BUSY_S = 0.05, 0.005
BUSY_FOR_S = 5.0
APPEAR_S = 30.0
BACK_OFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
SWITCH_S = 0.001

_logger = logging.getLogger("footfall.live")


class Live:
    """The loop of the live path.  A failure is said once and tried again, ever more slowly; the log has everything meanwhile."""

    def __init__(self, project: Project, handover: Handover | None = None) -> None:
        self.project = project
        self._handover = handover
        self._log: EventLog | None = None
        self._path: ProjectPath | None = None
        self._position: int | None = None
        self._busy_until_s = 0.0
        self._failures = 0
        self._said = ""
        self._silent_until_s = clock.monotonic_s() + APPEAR_S

    def run(self, stop: Event) -> None:
        """Take what arrives until `stop` is set."""
        while not stop.is_set():
            try:
                stop.wait(self._turn())
            except Exception as problem:  # noqa: BLE001 - whatever it is, the log still has everything, and the next try may succeed
                stop.wait(self._failed(problem))
        if self._path is not None:
            self._path.close()

    def _turn(self) -> float:
        """One micro-batch when something waits; how many seconds until the next look."""
        if self._log is None:
            self._log = open_log(self.project.config.log, self.project.path, read_only=True)
            if READER not in self._log.positions():
                self._log.move(READER, self._log.start())  # holds back trimming from now on
        end = self._log.end()
        if self._position is None:
            self._position = self._log.positions()[READER]
        now_s = clock.monotonic_s()
        if self._path is None:
            if end <= self._position:
                return IDLE_S
            from footfall.app.live.path import ProjectPath

            self._path = ProjectPath(self.project, self._log, self._handover)
            _logger.info("views and rules go on at position %d", self._path.path.taken.position)
        if self._path.step(end):
            self._busy_until_s = now_s + BUSY_FOR_S
            self._failures, self._said = 0, ""
            return 0.0
        return BUSY_S if now_s < self._busy_until_s else IDLE_S

    def _failed(self, problem: Exception) -> float:
        if self._log is None and clock.monotonic_s() < self._silent_until_s:
            return IDLE_S
        sentence = problem.sentence if isinstance(problem, FootfallError) else f"{type(problem).__name__}: {problem}"
        if sentence != self._said:
            self._said = sentence
            _logger.warning("views and rules wait: %s", sentence, exc_info=None if isinstance(problem, FootfallError) else problem)
        if self._path is not None and not self._path.resumes:
            self._path.close()
            self._path = None
        self._failures += 1
        return BACK_OFF_S[min(self._failures, len(BACK_OFF_S)) - 1]


def main(project: Project) -> int:
    """Both ways out of the log until SIGTERM or SIGINT; the step in hand is finished."""
    _check(project)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sys.setswitchinterval(SWITCH_S)
    command = [sys.executable, "-m", "footfall.app.live.process", WARM, str(project.path)]
    warming = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command line
    Thread(target=warming.wait, daemon=True).start()
    deliverer = _deliverer(project)
    try:
        import_module("pyarrow.parquet")  # the slowest to read; more would be memory that an idle project need not hold
        handover = Handover()
        landing = Thread(target=Landing(project, handover=handover).run, args=(stop,), name="footfall-landing")
        landing.start()
        if deliverer is not None:
            deliverer.start()
        Live(project, handover).run(stop)
        landing.join()
    finally:
        warming.terminate()
        if deliverer is not None:
            deliverer.stop()
    return 0


def _check(project: Project) -> None:
    """Refuse declarations that cannot be, before anything runs; a project without any need not load what reads them."""
    config = project.config
    if config.view or config.rule or config.notify:
        from footfall.app.live.plan import live_plan

        live_plan(project)


def _deliverer(project: Project) -> Any:
    """What sends alerts to their actions; None where the project has no action."""
    if not project.config.notify:
        return None
    from footfall.app.live.actions import deliverer_of

    return deliverer_of(project, os.environ)


def warm_up(project: Project) -> None:
    """Take one event that nobody keeps: compiles the loops where that was never done, and has the system read what the first step loads."""
    from footfall.app.live.path import warm

    warm(project)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == WARM:
        warm_up(open_project(sys.argv[2]))
        sys.exit(0)
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m footfall.app.live.process FOLDER")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        sys.exit(main(open_project(sys.argv[1])))
    except UserError as problem:
        raise SystemExit(problem.sentence) from None
