"""The log files behind paths and patterns: which are there, which are new, which were renamed, truncated or taken away."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from footfall.connectors.logs.checkpoints import Checkpoint, Checkpoints
from footfall.connectors.logs.contract import LineFormat
from footfall.connectors.logs.following import Followed
from footfall.connectors.logs.rotation import COMPRESSED, find_rest, is_rotated_name

Say = Callable[[str], None]


class LogFiles:
    """Every file that is followed.  `look` finds what changed; a file that appears later is read from its beginning."""

    def __init__(self, patterns: Sequence[str], checkpoints: Checkpoints, form: Callable[[], LineFormat], *, say: Say) -> None:
        self.patterns = [os.path.abspath(pattern) for pattern in patterns]  # noqa: PTH100 - a Path would spoil a pattern
        self.checkpoints = checkpoints
        self.open: dict[tuple[int, int], Followed] = {}
        self._rests: list[Followed] = []  # what was found beside a file, unpacked perhaps
        self._form = form
        self._say = say
        self._known = checkpoints.load()
        self._begun = False
        self._silent: set[str] = set()

    def __iter__(self) -> Iterator[Followed]:
        """What is open; the rest of a rotated file comes before what replaced it."""
        return iter([*self._rests, *self.open.values()])

    def look(self, *, at_end: bool = False) -> None:
        """Find what is new, renamed or gone.  `at_end` counts the first time only: files without a checkpoint begin at their end."""
        self._replace_truncated()
        present: dict[str, tuple[int, int]] = {}
        for path in self._paths():
            key = self._look_at(path, at_end=at_end and not self._begun)
            if key is not None:
                present[path] = key
        places = {key: path for path, key in present.items()}
        for key, followed in self.open.items():
            if key in places:
                followed.path = places[key]
            elif not followed.rotated and followed.path not in present:
                followed.rotated = not _exists(followed.path)
            elif present.get(followed.path) != key:
                followed.rotated = True
        if not self._begun:
            self._find_rests()
        self._begun = True

    def finish(self, followed: Followed) -> None:
        """Close a rotated file that has nothing more to give."""
        if followed.checkpoint is not None:
            followed.checkpoint.finished = True
            self.checkpoints.save([followed.checkpoint])
            self._remember(followed.checkpoint)
        self._drop(followed)

    def close(self) -> None:
        """Let go of every file."""
        for followed in list(self):
            self._drop(followed)

    def _paths(self) -> list[str]:
        found: dict[str, None] = {}
        for pattern in self.patterns:
            matches = [pattern] if os.path.exists(pattern) else sorted(glob.glob(pattern, recursive=True))  # noqa: PTH110, PTH207 - a Path would spoil a pattern
            if not matches and pattern not in self._silent and not self._begun:
                self._silent.add(pattern)
                self._say(f"{pattern} is not there yet")
            found |= dict.fromkeys(path for path in matches if not path.endswith(COMPRESSED) and Path(path).is_file())
        return list(found)

    def _look_at(self, path: str, *, at_end: bool) -> tuple[int, int] | None:
        try:
            found = os.stat(path)  # noqa: PTH116 - as fstat for open files
            if (found.st_dev, found.st_ino) in self.open:
                return found.st_dev, found.st_ino
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        except OSError as problem:
            if path not in self._silent:
                self._silent.add(path)
                self._say(f"{path} cannot be read: {problem.strerror}")
            return None
        followed = Followed(path, descriptor, self._form())
        if self._is_copy(followed):
            followed.close()
            return None
        self._attach(followed)
        if followed.checkpoint is None:
            followed.previous = next((known.identity for known in self._known if known.path == path), "")
            fresh = followed.begin(at_end=True) if at_end else None
            if fresh is not None:
                self.checkpoints.save([fresh])
        self.open[followed.key] = followed
        return followed.key

    def _attach(self, followed: Followed) -> None:
        """Go on where this content was left, whatever its name was then."""
        taken = {one.checkpoint.identity for one in self if one.checkpoint}
        device, inode = followed.key
        fitting = [
            (known.inode == inode and known.device == device, known.path == followed.path, known)
            for known in self._known
            if known.identity not in taken and (known.inode == inode or _same_name(known.path, followed.path)) and known.matches(followed.descriptor)
        ]
        if fitting:
            checkpoint = max(fitting, key=lambda one: (one[:2], one[2].offset))[2]
            checkpoint.path, checkpoint.device, checkpoint.inode, checkpoint.finished = followed.path, device, inode, False
            followed.checkpoint = checkpoint

    def _is_copy(self, followed: Followed) -> bool:
        """Whether this is what copytruncate made of a file that is open here and may be truncated any moment."""
        return any(
            one.checkpoint is not None
            and is_rotated_name(Path(one.path), Path(followed.path))
            and one.checkpoint.head_bytes
            and one.checkpoint.matches(followed.descriptor)
            for one in self.open.values()
        )

    def _replace_truncated(self) -> None:
        for key, followed in list(self.open.items()):
            checkpoint = followed.checkpoint
            if checkpoint is None or not (followed.replaced or not checkpoint.matches(followed.descriptor)):
                continue
            descriptor = os.dup(followed.descriptor)
            self._drop(followed)
            fresh = Followed(followed.path, descriptor, self._form())
            fresh.previous = checkpoint.identity
            self._remember(checkpoint)
            self.open[key] = fresh
            self._say(f"{followed.path} was truncated: it is read from its beginning")
            self._find_rest(checkpoint)

    def _find_rests(self) -> None:
        """Files that were read in part before and are followed no more under their names."""
        taken = {one.checkpoint.identity for one in self if one.checkpoint}
        gone = []
        for checkpoint in self._known:
            if checkpoint.identity in taken or not self._wanted(checkpoint.path):
                continue
            if not self._find_rest(checkpoint):
                gone.append(checkpoint)
        if gone:
            self.checkpoints.save([], gone=gone)

    def _find_rest(self, checkpoint: Checkpoint) -> bool:
        found = find_rest(checkpoint, lambda key: key in self.open and self.open[key].checkpoint is not None)
        if found is None:
            if not checkpoint.finished:
                self._say(f"{checkpoint.path}: what came behind byte {checkpoint.offset:,} of its earlier content is not to be found")
            return False
        path, descriptor = found
        rest = Followed(path, descriptor, self._form(), checkpoint)
        rest.rotated = True
        if rest.unread:
            self._say(f"{path} holds {rest.unread:,} bytes that were not read yet")
            self._rests.append(rest)
        else:
            rest.close()
        return True

    def _remember(self, checkpoint: Checkpoint) -> None:
        """A content that is open no more: a file that turns out to hold it is not read again."""
        if all(known.identity != checkpoint.identity for known in self._known):
            self._known.append(checkpoint)

    def _wanted(self, path: str) -> bool:
        return any(path == pattern or Path(path).match(pattern) for pattern in self.patterns)

    def _drop(self, followed: Followed) -> None:
        if followed in self._rests:
            self._rests.remove(followed)
        else:
            self.open = {key: one for key, one in self.open.items() if one is not followed}
        followed.close()


def _exists(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110


def _same_name(known: str, path: str) -> bool:
    return known == path or is_rotated_name(Path(known), Path(path))
