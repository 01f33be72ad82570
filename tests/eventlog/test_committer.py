"""Group commit: what is settled, in which order, and what fails with what.

Fault model: an append fails once or for a while, the writer meets a bug, the process is shut down at any of these moments.  The submitting
thread is the test; what the writer delivers waits until the test runs it, so every interleaving is the test's choice.
"""

from __future__ import annotations

import random
import threading
from queue import SimpleQueue

import pytest
from log_conformance import blocks, frame, group

from footfall.errors import StorageFailed, WorldError
from footfall.eventlog.committer import ENVELOPE_BYTES, GroupCommit
from footfall.eventlog.contract import Counts
from footfall.eventlog.sqlite import SqliteLog

PATIENCE_S = 30


class ObstinateLog(SqliteLog):
    """A log that waits before each append until it is told how the append goes: None, or what it raises."""

    def __init__(self, folder):
        super().__init__(folder)
        self.arrived = SimpleQueue()
        self.verdicts = SimpleQueue()

    def append(self, group):
        self.arrived.put(group)
        verdict = self.verdicts.get(timeout=PATIENCE_S)
        if verdict is not None:
            raise verdict
        return super().append(group)


class Desk:
    """The submitting thread: it submits under numbers and notes what becomes of each when it runs what was delivered."""

    def __init__(self, log, **options):
        self.log = log
        self.delivered = SimpleQueue()
        self.outcomes = {}
        self.order = []
        self.committer = GroupCommit(log, deliver=self.delivered.put, **options)

    def submit(self, number, count=1, size=0):
        def done(error):
            assert number not in self.outcomes
            self.outcomes[number] = error
            self.order.append(number)

        frames = [frame(number, count, size=size)] if count else []
        self.committer.submit(frames, number.to_bytes(8, "little") * count, Counts(count + 1, count, 1, 0), done)

    def run(self):
        """Run one delivery."""
        outcomes = self.delivered.get(timeout=PATIENCE_S)
        for done, error in outcomes:
            done(error)
        return len(outcomes)

    def appending(self):
        """The group that the writer is about to append."""
        return [part.received_us - 1_700_000_000_000_000 for part in self.log.arrived.get(timeout=PATIENCE_S).frames]


@pytest.fixture
def desk(tmp_path):
    log = ObstinateLog(tmp_path / "log")
    desk = Desk(log, bytes_max=10_000)
    yield desk
    for _ in range(100):
        log.verdicts.put(None)
    desk.committer.close()
    log.close()


FULL = StorageFailed("the disk is full")


def test_what_comes_during_an_append_is_the_next_group(desk):
    desk.submit(0)
    assert desk.appending() == [0]
    for number in range(1, 6):
        desk.submit(number)
    desk.log.verdicts.put(None)
    assert desk.appending() == [1, 2, 3, 4, 5]
    desk.run()
    assert desk.outcomes == {0: None}
    desk.log.verdicts.put(None)
    desk.run()
    assert desk.order == [0, 1, 2, 3, 4, 5]
    assert set(desk.outcomes.values()) == {None}
    (first, second) = blocks(desk.log)
    assert (first.count, second.count, desk.log.totals()) == (1, 5, Counts(12, 6, 6, 0))
    assert b"".join(ids for _, ids in desk.log.ids(0)) == b"".join(number.to_bytes(8, "little") for number in range(6))


def test_a_group_is_bounded(desk):
    desk.submit(0)
    desk.appending()
    for number in range(1, 8):
        desk.submit(number, size=4_000)
    desk.log.verdicts.put(None)
    desk.log.verdicts.put(None)
    desk.log.verdicts.put(None)
    assert [desk.appending() for _ in range(3)] == [[1, 2, 3], [4, 5, 6], [7]]


def test_the_bytes_that_wait_are_known(desk):
    desk.submit(0)
    desk.appending()
    one = desk.committer.waiting_bytes
    assert one == len(frame(0).body) + ENVELOPE_BYTES
    desk.submit(1, size=500)
    assert desk.committer.waiting_bytes == 2 * one + 500
    desk.log.verdicts.put(None)
    desk.log.verdicts.put(FULL)
    desk.run()
    desk.run()
    assert desk.committer.waiting_bytes == 0


def test_a_failure_takes_everything_submitted_before_it_arrived(desk):
    desk.submit(0)
    desk.appending()
    desk.submit(1)
    desk.log.verdicts.put(FULL)
    failure = desk.delivered.get(timeout=PATIENCE_S)
    assert desk.committer.failing is FULL
    desk.submit(2)  # a duplicate of what is in 0, perhaps: nobody here knows yet that 0 has failed
    assert desk.outcomes == {}
    for done, error in failure:
        done(error)
    assert desk.outcomes == {0: FULL, 1: FULL, 2: FULL}
    desk.submit(3)
    assert desk.appending() == [3]
    desk.log.verdicts.put(None)
    desk.run()
    assert (desk.outcomes[3], desk.committer.failing, desk.log.totals()) == (None, None, Counts(2, 1, 1, 0))


def test_an_error_of_the_system_is_a_failure_and_no_bug(desk):
    desk.submit(0)
    desk.appending()
    desk.log.verdicts.put(OSError(5, "Input/output error"))
    desk.run()
    assert isinstance(desk.outcomes[0], StorageFailed)
    assert str(desk.outcomes[0]) == "could not append to the event log: [Errno 5] Input/output error"
    assert desk.committer.broken is None


def test_counts_alone_wait_for_the_log_too(desk):
    desk.submit(0, count=0)
    assert desk.appending() == []
    assert desk.outcomes == {}
    desk.log.verdicts.put(None)
    desk.run()
    assert (desk.outcomes, desk.log.totals()) == ({0: None}, Counts(1, 0, 1, 0))


def test_a_bug_fails_everything_and_ends_the_writer(desk, monkeypatch):
    told = []
    monkeypatch.setattr(threading, "excepthook", lambda hook: told.append(hook.exc_type))
    desk.submit(0)
    desk.appending()
    desk.submit(1)
    desk.log.verdicts.put(ZeroDivisionError("division by zero"))
    desk.run()
    desk.submit(2)
    assert [str(error) for error in desk.outcomes.values()] == ["the writer of the event log stopped: ZeroDivisionError('division by zero')"] * 3
    assert isinstance(desk.committer.broken, ZeroDivisionError)
    desk.committer.close()
    assert told == [ZeroDivisionError]


def test_closing_settles_what_was_submitted(desk):
    desk.submit(0)
    desk.appending()
    desk.submit(1)
    desk.submit(2)
    desk.log.verdicts.put(None)
    desk.log.verdicts.put(None)
    desk.committer.close()
    desk.run()
    desk.run()
    desk.submit(3)
    assert [desk.outcomes[number] for number in range(3)] == [None] * 3
    assert isinstance(desk.outcomes[3], WorldError)
    assert desk.log.end() == 3


def test_closing_without_draining_fails_what_waits(desk):
    desk.submit(0)
    desk.appending()
    desk.submit(1)
    closing = threading.Thread(target=lambda: desk.committer.close(drain=False))
    closing.start()
    while not desk.committer._closing:
        pass
    desk.log.verdicts.put(None)
    closing.join()
    desk.run()
    desk.run()
    assert desk.outcomes[0] is None
    assert str(desk.outcomes[1]) == "the event log was closed before it took these events"
    assert desk.log.end() == 1


def test_closing_ends_though_the_event_loop_has_gone(desk):
    """A failure that nobody takes delivery of must not hold up the end of the process; what counts on what failed fails."""
    desk.submit(0)
    desk.appending()
    desk.submit(1)
    desk.log.verdicts.put(FULL)
    failure = desk.delivered.get(timeout=PATIENCE_S)
    desk.committer.close()
    for done, error in failure:
        done(error)
    desk.run()
    assert desk.outcomes[0] is FULL
    assert isinstance(desk.outcomes[1], WorldError)
    assert desk.log.end() == 0


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_everything_is_settled_once_and_the_log_has_what_was_promised(tmp_path, seed):
    chance = random.Random(seed)
    log = SqliteLog(tmp_path / "log", file_bytes=50_000)
    append = log.append

    def fail_at_times(one):
        if chance.random() < 0.2:
            raise StorageFailed("the disk is full")
        return append(one)

    log.append = fail_at_times
    desk = Desk(log, bytes_max=2_000)
    for number in range(600):
        desk.submit(number, size=chance.choice([0, 10, 900]))
        while number + 1 - len(desk.outcomes) > chance.randrange(1, 20):
            desk.run()
    while len(desk.outcomes) < 600:
        desk.run()
    desk.committer.close()
    promised = [number for number in range(600) if desk.outcomes[number] is None]
    assert 0 < len(promised) < 600
    assert [part.received_us - 1_700_000_000_000_000 for block in blocks(log) for part in block.frames] == promised
    assert log.totals() == Counts(2 * len(promised), len(promised), len(promised), 0)
    assert desk.committer.waiting_bytes == 0
    log.append = append
    assert log.append(group(1)) == len(promised)
    log.close()
