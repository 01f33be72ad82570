"""Files begin when they are asked for and when they have grown old, so that what was passed on can be removed in time."""

from __future__ import annotations

from log_conformance import blocks, expected, group

from footfall.eventlog import appender
from footfall.eventlog.contract import Counts, Group
from footfall.eventlog.sqlite import SqliteLog


def nothing():
    return Group([], b"", Counts(), 5)


def test_a_file_that_was_asked_for_lets_the_older_ones_be_trimmed(tmp_path):
    log = SqliteLog(tmp_path / "log")
    groups = [group(number) for number in range(3)]
    for one in groups:
        log.append(one)
    reader = SqliteLog(tmp_path / "log", read_only=True)
    reader.move("lake", 3)
    assert (reader.trim(), log.due()) == (0, False)
    reader.ask_for_file()
    assert log.due()
    log.append(nothing())
    assert not log.due()
    assert reader.trim() > 0
    assert (reader.start(), reader.end(), blocks(reader)) == (3, 3, [])
    last = group(3)
    log.append(last)
    assert [(block.position, block.frames) for block in blocks(reader, 3)] == [(3, list(last.frames))]
    reader.close()
    log.close()


def test_an_old_file_is_followed_by_a_new_one(tmp_path, monkeypatch):
    monkeypatch.setattr(appender, "FILE_US", -1)
    log = SqliteLog(tmp_path / "log")
    assert not log.due(), "an empty file is never too old"
    groups = [group(number) for number in range(3)]
    for one in groups:
        log.append(one)
    assert len(list((tmp_path / "log").glob("*.db"))) > 3
    assert blocks(log) == expected(groups)
    log.close()
