"""Group commit: one thread that makes durable, at once, all that was submitted while it made the last group durable.

Groups form by themselves: under load a sync of the disk is shared by everything that came during the one before, and a single event waits for
nobody.  What a caller must know:

* `submit` is called by one thread, the event loop's.  `deliver` is called by the writer's thread, once a group, with a list of
  (done, error); it must see to it that each `done(error)` is called on the submitting thread, in order.
* When an append fails, its group fails and so does everything that was submitted before the failure arrives on the submitting thread.
  A request whose events were taken for duplicates of a group that failed would otherwise be told that they are safe.  What
  is submitted after that is tried anew.
* A bug in the writer fails everything, sets `broken` and ends the thread; the process should end, too.

The writer's thread must get the interpreter's lock back after each sync, so the process that runs this beside an event loop
wants `sys.setswitchinterval(0.0005)`: with Python's 5 ms the 99th percentile of an answer is several times as long.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple

from footfall import clock
from footfall.errors import FootfallError, StorageFailed, WorldError
from footfall.eventlog.contract import Counts, EventLog, Frame, Group

Done = Callable[[FootfallError | None], None]
Deliver = Callable[[list[tuple[Done, FootfallError | None]]], None]
ENVELOPE_BYTES = 64  # what a submission weighs beside its bodies


class Submission(NamedTuple):
    """What one request wants to have made durable."""

    frames: Sequence[Frame]
    ids: bytes
    counts: Counts
    done: Done
    size: int


class GroupCommit:
    """The writer of a log.  A group holds `bytes_max` bytes of bodies and the submission that reaches it."""

    def __init__(self, log: EventLog, *, deliver: Deliver, bytes_max: int = 8 << 20) -> None:
        self._log = log
        self._deliver = deliver
        self._bytes_max = bytes_max
        self._queue: SimpleQueue[Submission | None] = SimpleQueue()
        self._failure_arrived: SimpleQueue[None] = SimpleQueue()
        # Each is written by one side only, so neither needs a lock.
        self._submitted_bytes = 0
        self._settled_bytes = 0
        self._refusal: FootfallError | None = None
        self._closing = False
        self._draining = True
        self.failing: FootfallError | None = None  # why the last append failed, until one succeeds
        self.broken: BaseException | None = None  # the bug that ended the writer
        self._thread = threading.Thread(target=self._run, name="footfall-log-writer", daemon=True)
        self._thread.start()

    @property
    def waiting_bytes(self) -> int:
        """About how many bytes of bodies are submitted and not settled."""
        return self._submitted_bytes - self._settled_bytes

    def submit(self, frames: Sequence[Frame], ids: bytes, counts: Counts, done: Done) -> None:
        """Have frames made durable; `done(None)` when they are, `done(error)` when they are not and never will be."""
        if self._refusal is not None:
            done(self._refusal)
            return
        size = ENVELOPE_BYTES
        for frame in frames:
            size += len(frame.body)
        self._submitted_bytes += size
        self._queue.put(Submission(frames, ids, counts, done, size))

    def close(self, *, drain: bool = True) -> None:
        """Settle what was submitted (without `drain`, or after a failure, it fails) and end the thread; to be called when nobody submits."""
        if self._refusal is None:
            self._refusal = WorldError("the event log is being closed", hint="send the events again in a moment")
        self._draining = drain
        self._closing = True
        self._queue.put(None)
        self._failure_arrived.put(None)
        self._thread.join()

    # --- the writer's thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        group: list[Submission] = []
        try:
            while group := self._gather():
                error = self._append(group)
                self.failing = error
                if error is None:
                    self._settled_bytes += sum(submission.size for submission in group)
                    self._deliver([(submission.done, None) for submission in group])
                else:
                    self._fail(group, error)
        except BaseException as bug:
            self.broken = bug
            self._refusal = StorageFailed(
                f"the writer of the event log stopped: {bug!r}", hint="this is a bug in footfall; start it again, nothing acknowledged is lost"
            )
            self._fail(group, self._refusal)
            raise

    def _gather(self) -> list[Submission]:
        """Wait for a submission and take what else is there; nothing at the end."""
        first = self._queue.get()
        if first is None or (self._closing and not self._draining):
            self._fail_waiting(WorldError("the event log was closed before it took these events", hint="send them again"), first)
            return []
        group, size = [first], first.size
        for _ in range(self._queue.qsize()):
            if size >= self._bytes_max:
                break
            submission = self._queue.get()
            if submission is None:
                self._queue.put(None)  # the end comes after this group
                break
            group.append(submission)
            size += submission.size
        return group

    def _append(self, group: list[Submission]) -> FootfallError | None:
        frames: list[Frame] = []
        received = accepted = duplicate = dead_lettered = 0
        for submission in group:
            frames.extend(submission.frames)
            counts = submission.counts
            received += counts.received
            accepted += counts.accepted
            duplicate += counts.duplicate
            dead_lettered += counts.dead_lettered
        ids = b"".join([submission.ids for submission in group])
        try:
            self._log.append(Group(frames, ids, Counts(received, accepted, duplicate, dead_lettered), clock.now_us()))
        except FootfallError as error:
            return error
        except OSError as problem:
            return StorageFailed(f"could not append to the event log: {problem}", hint="check the disk; the log tries again with the next events")
        return None

    def _fail(self, group: list[Submission], error: FootfallError) -> None:
        """Fail a group, and everything submitted before the submitting thread knows of it."""
        self._settled_bytes += sum(submission.size for submission in group)

        def arrived(_: FootfallError | None) -> None:
            # On the submitting thread: whatever is in the queue was submitted before, and nothing is submitted meanwhile.
            try:
                for submission in self._take_all():
                    submission.done(error)
            finally:
                self._failure_arrived.put(None)

        outcomes: list[tuple[Done, FootfallError | None]] = [(submission.done, error) for submission in group]
        self._deliver([(arrived, error), *outcomes])
        self._failure_arrived.get()  # until then the queue is the submitting thread's, or `close` was called
        if self._closing:
            self._draining = False  # what is left may count on what failed, and nobody tells when the failure arrives

    def _fail_waiting(self, error: FootfallError, first: Submission | None) -> None:
        waiting = ([] if first is None else [first]) + self._take_all()
        if first is not None:
            self._settled_bytes += first.size
        if waiting:
            self._deliver([(submission.done, error) for submission in waiting])

    def _take_all(self) -> list[Submission]:
        taken: list[Submission] = []
        while True:
            try:
                submission = self._queue.get_nowait()
            except Empty:
                break
            if submission is None:
                self._queue.put(None)  # the end is the writer's to see
                break
            taken.append(submission)
        self._settled_bytes += sum(submission.size for submission in taken)
        return taken
