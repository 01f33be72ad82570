"""Log files that grow, rotate and shrink: every line that exists is taken once, with the same id whenever it is taken again."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil

import pytest

from footfall.connectors.logs import cutting, following
from footfall.connectors.logs.checkpoints import Checkpoints
from footfall.connectors.logs.formats import line_format
from footfall.connectors.logs.moments import Moments
from footfall.connectors.logs.watching import LogFiles
from footfall.errors import StorageFailed


class Reader:
    """What `footfall tail` does, without a collector: `crash` acknowledges nothing and forgets everything but the state file."""

    def __init__(self, tmp_path, *patterns, form="auto", at_end=False):
        self.state = tmp_path / "state" / "tail.json"
        self.patterns = [str(tmp_path / pattern) for pattern in patterns]
        self.form, self.at_end = form, at_end
        self.said: list[str] = []
        self.taken: dict[str, dict] = {}
        self.order: list[str] = []
        self.again = 0
        self.start()

    def start(self):
        moments = Moments("UTC", now_us=1_795_341_600_000_000)
        self.files = LogFiles(self.patterns, Checkpoints(self.state, "test"), lambda: line_format(self.form, moments), say=self.said.append)

    def restart(self):
        self.files.close()
        self.start()

    def round(self, *, last=True, crash=False):
        """Look once; with `crash` the first batch is sent and not acknowledged, and the process is gone."""
        self.files.look(at_end=self.at_end)
        moved = False
        for followed in self.files:
            made = followed.next(last=last)
            if made is None:
                moved |= followed.replaced
                if not followed.replaced and followed.drained(last=last):
                    self.files.finish(followed)
                continue
            if made.elements:
                followed.checkpoint.until = made.end
                self.files.checkpoints.save([followed.checkpoint])
                self.receive(made.elements)
                if crash:
                    self.restart()
                    return False
            followed.passed(made.end)
            self.files.checkpoints.save([followed.checkpoint])
            moved = True
        return moved

    def drain(self, *, last=True):
        while self.round(last=last):
            pass
        return self

    def receive(self, elements):
        for element in elements:
            record = json.loads(element)
            if record["event_id"] in self.taken:
                self.again += 1
                assert self.taken[record["event_id"]] == record
            else:
                self.order.append(record["event_id"])
            self.taken[record["event_id"]] = record

    def texts(self):
        return [self.taken[one].get("message", self.taken[one].get("line")) for one in self.order]


def entry(number, word="line"):
    return f"2026-11-22 10:00:{number % 60:02} INFO app: {word} {number}\n"


def entries(*numbers, word="line"):
    return "".join(entry(number, word) for number in numbers)


def words(*numbers, word="line"):
    return [f"{word} {number}" for number in numbers]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "app.log"
    path.write_text(entries(1, 2, 3))
    return path


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def test_lines_come_once_over_restarts(tmp_path, log):
    reader = Reader(tmp_path, "app.log").drain()
    append(log, entries(4, 5))
    reader.restart()
    reader.drain()
    assert reader.texts() == words(1, 2, 3, 4, 5)
    assert reader.again == 0


def test_a_partial_last_line_waits_for_its_end(tmp_path, log):
    append(log, "2026-11-22 10:00:09 INFO app: li")
    reader = Reader(tmp_path, "app.log").drain()
    assert reader.texts() == words(1, 2, 3)
    append(log, "ne 9\n")
    assert reader.drain().texts() == words(1, 2, 3, 9)


def test_renamed_and_created_anew(tmp_path, log):
    reader = Reader(tmp_path, "app.log").drain()
    append(log, entries(4))
    log.rename(tmp_path / "app.log.1")
    append(tmp_path / "app.log.1", entry(5).rstrip())  # the writer still has it open, and dies
    log.write_text(entries(6))
    reader.drain()
    assert sorted(reader.texts()) == words(1, 2, 3, 4, 5, 6)
    assert len(reader.files.open) == 1


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("name", ["app.log.1", "app.log-20261122", "app.log.1.gz"])
def test_rotated_while_nobody_looked(tmp_path, log, name, pattern):
    reader = Reader(tmp_path, pattern).drain()
    append(log, entries(4, 5))
    rotated = tmp_path / name
    if name.endswith("gz"):
        rotated.write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
    else:
        log.rename(rotated)
    log.write_text(entries(6))
    for _ in range(3):
        reader.restart()
        reader.drain()
    assert sorted(reader.texts()) == words(1, 2, 3, 4, 5, 6)
    assert reader.again == 0


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("restart", [False, True])
def test_copied_and_truncated(tmp_path, log, pattern, restart):
    reader = Reader(tmp_path, pattern).drain()
    append(log, entries(4, 5))
    shutil.copy(log, tmp_path / "app.log.1")
    reader.round()  # between the copy and the truncation
    os.truncate(log, 0)
    append(log, entries(6))
    if restart:
        reader.restart()
    reader.drain()
    append(log, entries(7))
    reader.drain()
    reader.restart()
    reader.drain()
    assert sorted(reader.texts()) == words(1, 2, 3, 4, 5, 6, 7)
    assert reader.again == 0


def test_truncated_and_grown_beyond_the_old_size_between_two_looks(tmp_path, log):
    reader = Reader(tmp_path, "app.log").drain()
    log.write_text(entries(1, 2, 7, 8, 9, 10, word="more"))  # same file, other content, longer
    reader.drain()
    assert reader.texts() == words(1, 2, 3) + words(1, 2, 7, 8, 9, 10, word="more")
    assert "truncated" in reader.said[0]


def test_content_without_a_copy_is_missed_aloud(tmp_path, log):
    reader = Reader(tmp_path, "app.log").drain()
    os.truncate(log, 0)
    append(log, entries(1, 2, 3)[: len(entry(1))])
    reader.drain()
    assert reader.texts() == [*words(1, 2, 3), "line 1"]  # the same line in a new content is another line
    assert any("not to be found" in sentence for sentence in reader.said)


def test_two_files_with_equal_beginnings(tmp_path):
    for name in ("a.log", "b.log", "a.log.2"):
        (tmp_path / name).write_text(entries(*range(100)))
    reader = Reader(tmp_path, "a.log", "b.log").drain()
    append(tmp_path / "b.log", entries(200))
    append(tmp_path / "a.log", entries(201))
    reader.restart()
    reader.drain()
    assert sorted(reader.texts()) == sorted(words(*range(100)) * 2 + words(200, 201))


def test_files_that_appear_later_are_read_from_their_start(tmp_path, log):
    reader = Reader(tmp_path, "*.log", "later/web.log", at_end=True)
    reader.drain()
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "web.log").write_text(entries(7))
    (tmp_path / "new.log").write_text(entries(8))
    append(log, entries(4))
    reader.drain()
    assert sorted(reader.texts()) == words(4, 7, 8)
    assert reader.said == [f"{tmp_path / 'later/web.log'} is not there yet"]


def test_bytes_that_are_no_text_and_lines_that_are_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(following, "CHUNK_BYTES", 4096)
    monkeypatch.setattr(cutting, "LINE_BYTES_MAX", 1000)
    long = "x" * 2000
    longer = "y" * 20_000
    (tmp_path / "app.log").write_bytes(b"\0\0\0" + entry(1).encode() + b"2026-11-22 10:00:02 INFO app: caf\xe9\n" + f"{long}\n{longer}\n".encode())
    reader = Reader(tmp_path, "app.log").drain()
    append(tmp_path / "app.log", entries(3))
    reader.restart()
    reader.drain()
    assert reader.texts()[:2] == ["line 1", r"caf\xe9"]
    letters = [record for record in reader.taken.values() if "reason" in record]
    assert [(letter["reason"], letter["line"][0]) for letter in letters] == [("row_too_long", "x"), ("row_too_long", "y")]
    assert reader.texts()[-1] == "line 3"


TRACE = """Traceback (most recent call last):
  File "app.py", line 3, in <module>
    work()

ValueError: no
"""


def test_a_stack_trace_joins_the_line_before(tmp_path, log):
    append(log, "2026-11-22 10:00:09 ERROR app: failed\n" + TRACE)
    reader = Reader(tmp_path, "app.log").drain(last=False)
    assert reader.texts() == words(1, 2, 3)  # more lines may belong to the last record
    append(log, entries(4))
    reader.drain()
    assert reader.texts() == [*words(1, 2, 3), "failed\n" + TRACE.rstrip(), "line 4"]


def test_what_was_being_sent_is_sent_again_just_so(tmp_path, log):
    append(log, "2026-11-22 10:00:09 ERROR app: failed\n" + TRACE)
    reader = Reader(tmp_path, "app.log")
    reader.round(crash=True)
    append(log, "  and more of it\n" + entries(4))
    reader.drain()
    assert reader.again == 4
    assert reader.texts() == [*words(1, 2, 3), "failed\n" + TRACE.rstrip(), "  and more of it", "line 4"]


def test_a_line_that_cannot_be_read_is_a_letter(tmp_path):
    (tmp_path / "access.log").write_text('1.2.3.4 - - [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5\nnot a request\n')
    reader = Reader(tmp_path, "access.log", form="common").drain()
    good, bad = (reader.taken[one] for one in reader.order)
    assert (good["kind"], good["path"], good["status"]) == ("access", "/", 200)
    assert (bad["line"], bad["reason"]) == ("not a request", "malformed_row")
    assert bad["detail"] == "the line is no common or combined log line from byte 6 on"


@pytest.mark.usefixtures("log")
def test_a_broken_state_file_is_named(tmp_path):
    reader = Reader(tmp_path, "app.log").drain()
    reader.state.write_text('{"destinations": {')
    with pytest.raises(StorageFailed, match=r"tail\.json does not hold"):
        reader.restart()


@pytest.mark.usefixtures("log")
def test_two_destinations_do_not_know_each_other(tmp_path):
    reader = Reader(tmp_path, "app.log").drain()
    assert Checkpoints(reader.state, "elsewhere").load() == []
    assert [one.offset for one in Checkpoints(reader.state, "test").load()] == [len(entries(1, 2, 3))]


@pytest.mark.parametrize("seed", range(40))
def test_random_lives_of_a_log(tmp_path, seed):
    """Appends, renames, copies with truncation, crashes and restarts in any order: every line once."""
    rng = random.Random(seed)
    path = tmp_path / "app.log"
    path.write_text("")
    reader = Reader(tmp_path, "app.log", form=rng.choice(["auto", "error"]))
    written, rotations = 0, 0
    for _ in range(60):
        action = rng.random()
        if action < 0.45:
            for _ in range(rng.randrange(1, 5)):
                append(path, entry(written))
                written += 1
        elif action < 0.6 and path.stat().st_size:
            rotations += 1
            if rng.random() < 0.5:
                path.rename(tmp_path / f"app.log.{rotations}")
                path.write_text("")
            else:
                shutil.copy(path, tmp_path / f"app.log.{rotations}")
                os.truncate(path, 0)
            reader.round()  # one rotation between two looks, as a log that is looked at has
        elif action < 0.75:
            reader.round(crash=True)
        elif action < 0.85:
            reader.restart()
        else:
            reader.round(last=rng.random() < 0.5)
        reader.round(last=False)
    reader.restart()
    reader.drain()
    assert sorted(reader.texts()) == sorted(words(*range(written))), f"seed {seed}"
