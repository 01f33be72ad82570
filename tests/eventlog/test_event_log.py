"""What every EventLog does: `log_conformance.py` says which ones there are."""

from __future__ import annotations

import random
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from log_conformance import LOGS, blocks, expected, group, sum_of
from msgspec.structs import replace

from footfall import clock
from footfall.eventlog.contract import Counts

DAY_US = 86_400_000_000


@pytest.fixture(params=sorted(LOGS))
def make(request, tmp_path):
    """Open the log under test: `make(read_only=False)`."""
    opened = []

    def open_it(*, read_only=False):
        opened.append(LOGS[request.param](tmp_path / "log", read_only))
        return opened[-1]

    yield open_it
    for log in opened:
        log.close()


def test_an_empty_log(make):
    log = make()
    assert (log.start(), log.end(), log.totals(), dict(log.positions())) == (0, 0, Counts(), {})
    assert (list(log.read(0)), list(log.read(5)), list(log.ids(0)), log.trim()) == ([], [], [], 0)


def test_what_is_appended_is_read_in_order_by_others(make):
    log, reader = make(), make(read_only=True)
    groups = [group(number, (1, 3, 2), size=50 * number) for number in range(12)]
    for number, one in enumerate(groups):
        assert log.append(one) == number * 6
        assert reader.end() == log.end() == number * 6 + 6
    assert blocks(log) == blocks(reader) == expected(groups)
    assert reader.totals() == log.totals() == Counts(72, 72, 0, 0)
    assert reader.name == log.name


def test_reading_begins_with_the_block_that_holds_the_position(make):
    log = make()
    groups = [group(number, (number % 4 + 1,)) for number in range(30)]
    for one in groups:
        log.append(one)
    for position in range(log.end() + 3):
        held = [block for block in expected(groups) if block.end > position]
        assert list(log.read(position)) == held


def test_reading_gives_about_as_many_bytes_as_asked_for_and_at_least_one_block(make):
    log = make()
    noise = random.Random(7)
    big = []
    for number in range(20):
        one = group(number)
        big.append(replace(one, frames=[replace(one.frames[0], body=noise.randbytes(1_000))]))
    for one in big:
        log.append(one)
    assert [len(list(log.read(0, bytes_max=size))) for size in (1, 1_000, 1_500, 5_000, 1 << 20)] == [1, 1, 2, 5, 20]


def test_counts_alone_move_no_position(make):
    log = make()
    log.append(group(0, ()))
    log.append(group(1, (), duplicate=5))
    assert (log.end(), log.totals(), list(log.read(0)), list(log.ids(0))) == (0, Counts(5, 0, 5, 0), [], [])
    log.append(group(2, (2,), duplicate=1))
    log.append(group(3, (), duplicate=2))
    assert (log.end(), log.totals()) == (2, Counts(10, 2, 8, 0))
    assert [block.position for block in log.read(0)] == [0]
    log.close()
    assert (make().end(), make(read_only=True).totals()) == (2, Counts(10, 2, 8, 0))


def test_a_log_goes_on_where_it_was_closed(make):
    groups = [group(number, (2,)) for number in range(15)]
    names = set()
    for start in range(0, 15, 3):
        log = make()
        for one in groups[start : start + 3]:
            log.append(one)
        names.add(log.name)
        log.close()
    assert len(names) == 1
    log = make()
    assert (log.end(), log.totals(), blocks(log)) == (30, sum_of(groups), expected(groups))


def test_readers_positions_stay(make):
    log = make()
    log.move("lake", 7)
    other = make(read_only=True)
    other.move("rules", 3)
    other.move("lake", 9)
    assert dict(log.positions()) == {"lake": 9, "rules": 3}
    log.forget("rules")
    log.forget("nobody")
    log.close()
    assert dict(make().positions()) == dict(other.positions()) == {"lake": 9}


def test_nothing_is_trimmed_that_a_reader_has_not_passed(make):
    log = make()
    groups = [group(number, (1, 1), size=300) for number in range(40)]
    for one in groups:
        log.append(one)
    assert (log.trim(), log.start()) == (0, 0)
    log.move("fast", log.end())
    log.move("slow", 31)
    log.trim()
    assert log.start() <= 31
    assert blocks(log, log.start()) == [block for block in expected(groups) if block.position >= log.start()]
    assert log.trim() == 0
    log.forget("slow")
    log.trim()
    assert (log.end(), log.totals()) == (80, sum_of(groups))
    assert list(log.ids(0)) == [(one.received_us, one.ids) for one in groups]
    log.append(group(40))
    assert [block.position for block in log.read(80)] == [80]


def test_ids_are_those_received_since(make):
    log = make()
    now_us = clock.now_us()
    groups = [group(number, (2,), received_us=now_us - (20 - number) * DAY_US // 4) for number in range(20)]
    for one in groups:
        log.append(one)
    for since_us in (0, now_us - 2 * DAY_US, groups[11].received_us, groups[11].received_us + 1, now_us):
        assert list(log.ids(since_us)) == [(one.received_us, one.ids) for one in groups if one.received_us >= since_us]


def test_readers_follow_a_writer_of_another_thread(make):
    log = make()
    groups = [group(number, (1, 2), size=40) for number in range(150)]

    def write():
        for one in groups:
            log.append(one)

    writer = threading.Thread(target=write)
    reader = make(read_only=True)
    writer.start()
    found, position = [], 0
    while position < 450:
        for block in reader.read(position):
            found.append(block)
            position = block.end
        assert position <= reader.end() <= 450
    writer.join()
    assert found == expected(groups)


class LogModel(RuleBasedStateMachine):
    """A log is a list of groups of which trimming may take a beginning."""

    @initialize(name=st.sampled_from(sorted(LOGS)))
    def open(self, name):
        self.folder = Path(tempfile.mkdtemp())
        self.make = lambda read_only: LOGS[name](self.folder / "log", read_only)
        self.log = self.make(False)
        self.reader = self.make(True)
        self.groups, self.readers, self.trimmed = [], {}, 0

    @rule(counts=st.lists(st.integers(1, 3), max_size=3), duplicate=st.integers(0, 2), size=st.sampled_from([0, 0, 100, 3_000]))
    def append(self, counts, duplicate, size):
        one = group(len(self.groups), tuple(counts), duplicate=duplicate, size=size)
        assert self.log.append(one) == sum_of(self.groups).accepted
        self.groups.append(one)

    @rule(reader=st.sampled_from(["a", "b"]), part=st.floats(0, 1))
    def move(self, reader, part):
        self.readers[reader] = round(part * sum_of(self.groups).accepted)
        self.reader.move(reader, self.readers[reader])

    @precondition(lambda self: self.readers)
    @rule()
    def forget(self):
        self.log.forget(self.readers.popitem()[0])

    @rule(by_reader=st.booleans())
    def trim(self, by_reader):
        before = self.log.start()
        freed = (self.reader if by_reader else self.log).trim()
        self.trimmed = self.log.start()
        assert (freed > 0) or before == self.trimmed
        assert before <= self.trimmed <= max(before, min(self.readers.values(), default=0))

    @rule()
    def reopen(self):
        self.log.close()
        self.log = self.make(False)

    @rule()
    def reopen_the_reader(self):
        self.reader.close()
        self.reader = self.make(True)

    @rule(part=st.floats(0, 1), bytes_max=st.sampled_from([1, 200, 1 << 20]))
    def read(self, part, bytes_max):
        position = round(part * sum_of(self.groups).accepted)
        held = [block for block in expected(self.groups) if block.end > position and block.position >= self.trimmed]
        found = list(self.reader.read(position, bytes_max=bytes_max))
        assert found == held[: len(found)]
        assert found or not held
        assert bytes_max < 1 << 20 or found == held

    @invariant()
    def it_is_the_list(self):
        for log in (self.log, self.reader):
            assert (log.end(), log.totals()) == (sum_of(self.groups).accepted, sum_of(self.groups))
            assert log.start() == self.trimmed
            assert dict(log.positions()) == self.readers
            assert list(log.ids(0)) == [(one.received_us, one.ids) for one in self.groups if one.ids]

    def teardown(self):
        if hasattr(self, "log"):
            self.log.close()
            self.reader.close()
            shutil.rmtree(self.folder)


TestLogModel = LogModel.TestCase
TestLogModel.settings = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
