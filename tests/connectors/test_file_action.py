"""The file: whole lines, each alert once whatever was cut off, and never somebody else's bytes lost."""

from __future__ import annotations

import errno
import json
import os
import random

import pytest

from actions_support import message, numbered
from footfall.connectors.actions.file import FileAction
from footfall.errors import DeliveryFailed


def ids_in(path):
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_lines_are_the_bodies(tmp_path):
    path = tmp_path / "deep" / "alerts.ndjson"
    action = FileAction(path)
    action.deliver(numbered(2))
    action.deliver([message()])
    action.close()
    assert path.read_bytes() == b"".join(one.body + b"\n" for one in [*numbered(2), message()])


def test_the_same_again_changes_nothing(tmp_path):
    path = tmp_path / "alerts.ndjson"
    FileAction(path).deliver(numbered(3))
    FileAction(path).deliver(numbered(5))  # another process after a crash: the first three were written, but not noted
    assert ids_in(path) == ["a0", "a1", "a2", "a3", "a4"]


def test_a_file_cut_off_anywhere_is_completed(tmp_path):
    """After a power failure the file may end at any byte; delivering the same again makes it whole."""
    path = tmp_path / "alerts.ndjson"
    before = numbered(2)
    batch = [message(id=f"b{number}", key={"user_id": "ü" * number}) for number in range(3)]
    FileAction(path).deliver(before)
    start = path.stat().st_size
    FileAction(path).deliver(batch)
    whole = path.read_bytes()
    for end in [*range(start, start + 12), *range(start + 12, len(whole), 23), *range(len(whole) - 3, len(whole) + 1)]:
        path.write_bytes(whole[:end])
        FileAction(path).deliver(batch)
        assert path.read_bytes() == whole, end


def test_what_somebody_else_began_is_kept_on_a_line_of_its_own(tmp_path):
    path = tmp_path / "alerts.ndjson"
    path.write_bytes(b"not json\n" + b'{"half a li')
    FileAction(path).deliver([message()])
    assert path.read_bytes() == b"not json\n" + b'{"half a li\n' + message().body + b"\n"


def test_a_renamed_file_is_begun_anew(tmp_path):
    path = tmp_path / "alerts.ndjson"
    action = FileAction(path)
    action.deliver(numbered(1))
    path.rename(tmp_path / "alerts.1")
    action.deliver([message()])
    assert ids_in(path) == ["5f0c"]
    assert ids_in(tmp_path / "alerts.1") == ["a0"]


def test_two_writers_take_turns(tmp_path):
    path = tmp_path / "alerts.ndjson"
    one, other = FileAction(path), FileAction(path)
    for number, sent in enumerate(numbered(10)):
        (one if number % 2 else other).deliver([sent])
    assert ids_in(path) == [f"a{number}" for number in range(10)]


def test_a_long_file_is_read_from_its_end(tmp_path):
    path = tmp_path / "alerts.ndjson"
    path.write_bytes(b"x" * 9_000_000 + b"\n" + message().body + b"\n")
    FileAction(path).deliver([message()])
    assert path.stat().st_size == 9_000_001 + len(message().body) + 1


@pytest.mark.parametrize("seed", range(5))
def test_a_full_disk_leaves_nothing_behind(seed, tmp_path, monkeypatch):
    """A write stops anywhere, and then works again: the file holds whole lines only, each once."""
    path = tmp_path / "alerts.ndjson"
    dice = random.Random(seed)
    action = FileAction(path)
    action.deliver(numbered(2))
    real = os.write
    for fails in ("write", "fsync"):
        with monkeypatch.context() as faulty:
            room = iter([dice.randrange(1, 400)])

            def short(descriptor, content, room=room):
                left = next(room, 0)
                if not left:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return real(descriptor, bytes(content)[:left])

            def refuse(_descriptor):
                raise OSError(errno.EIO, "Input/output error")

            faulty.setattr(os, *(("write", short) if fails == "write" else ("fsync", refuse)))
            with pytest.raises(DeliveryFailed, match=r"cannot be written: (No space left|Input/output)") as problem:
                action.deliver(numbered(5))
            assert problem.value.retryable
        assert ids_in(path) == ["a0", "a1"], f"seed {seed}"
    action.deliver(numbered(5))
    assert ids_in(path) == ["a0", "a1", "a2", "a3", "a4"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DeliveryFailed, match="cannot be written"):
        FileAction(tmp_path / "taken" / "alerts.ndjson").deliver([message()])
