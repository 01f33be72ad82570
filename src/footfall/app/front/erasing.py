"""Erasing a person from a running project: out of the event log first, then out of the lake, views and alerts.

The log keeps requests as they came, many people in one block, so a person leaves it with the files that hold them: the present file is closed, everything
in it lands, and files that were passed are removed.  What stays of them is the 64-bit hashes of their event ids, until the window of
duplicates is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from footfall import clock
from footfall.errors import LogBusy, StorageFailed
from footfall.eventlog.contract import Counts, EventLog, Group
from footfall.eventlog.opening import open_log

if TYPE_CHECKING:
    from footfall.app.project import Project
    from footfall.lake.contract import EraseReport

PATIENCE_S = 20.0
LOOK_EVERY_S = 0.1


def erase(project: Project, person_id: str) -> EraseReport:
    """Remove a person under every id that the identity ledger joins to the given one."""
    from footfall.event.identity import resolve
    from footfall.stream.store.erasing import erase_ids

    emptied = empty_log(project)
    edges = project.lake.edges()
    ids = resolve(edges).cluster(person_id) if len(edges) else [person_id]
    reports = [project.lake.erase(one) for one in dict.fromkeys([person_id, *ids])]
    rows = erase_ids(project.config.views.path(project.path), list(dict.fromkeys([person_id, *ids])))
    rows += _erase_letters(project, [person_id, *ids])
    return replace(
        reports[0],
        view_rows=rows,
        events=sum(report.events for report in reports),
        dead_letters=sum(report.dead_letters for report in reports),
        files_rewritten=sum(report.files_rewritten for report in reports),
        found_after=sum(report.found_after for report in reports),
        log_emptied=emptied,
    )


def _erase_letters(project: Project, ids: Sequence[str]) -> int:
    """Remove alerts about these ids that wait for another try or were set aside; how many."""
    from footfall.app.front.deliveries import FILE_NAME, Deliveries
    from footfall.app.front.running import state_folder

    deliveries = Deliveries(state_folder(project) / FILE_NAME)
    try:
        return deliveries.erase(ids) if deliveries.path.exists() else 0
    finally:
        deliveries.close()


def empty_log(project: Project) -> bool:
    """Have everything that was accepted until now landed and removed from the log; False when that did not happen in time.

    Raises:
        StorageFailed: the log cannot be read or written.
    """
    if not project.config.log.path(project.path).is_dir():
        return True
    try:
        log = open_log(project.config.log, project.path)
    except LogBusy:
        return _empty_running(project)
    try:
        return _empty_alone(project, log)
    finally:
        log.close()


def _empty_running(project: Project) -> bool:
    """A door appends: ask it for a new file and wait for the landing."""
    log = open_log(project.config.log, project.path, read_only=True)
    try:
        end = log.end()
        log.ask_for_file()
        until_s = clock.monotonic_s() + PATIENCE_S
        while clock.monotonic_s() < until_s:
            if min(log.positions().values(), default=0) >= end:
                log.trim()
            if log.start() >= end:
                return True
            clock.sleep_s(LOOK_EVERY_S)
        return False
    finally:
        log.close()


def _empty_alone(project: Project, log: EventLog) -> bool:
    """Nothing runs: take what waits to the views and to the lake here, and trim."""
    from footfall.app.front.landing import Landing
    from footfall.app.live.path import READER, catch_up

    end = log.end()
    try:
        if READER in log.positions():
            catch_up(project, log)
        landing = Landing(project, log)
        while landing.step():
            pass
        log.ask_for_file()
        log.append(Group([], b"", Counts(), clock.now_us()))
        log.trim()
    except StorageFailed:
        return False
    return log.start() >= end
