"""The journal of one import: which blocks lie staged, so that an interrupted import goes on behind them.

One JSON object a line, the first says what is imported and how; a block's line is written after its files.  Lines are only appended; a
torn last line is forgotten.  When anything differs from what the first line says, or a staged file is gone, the import starts clean.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from footfall.app.import_summary import Refusal
from footfall.connectors.files.contract import Place
from footfall.errors import StorageFailed
from footfall.lake.contract import Part


class Head(msgspec.Struct, frozen=True):
    """What is imported, and how: a resumed import must agree in every field but the time."""

    file: str
    digest: str
    settings: str
    position: int
    first_row: int
    received_us: int


class Block(msgspec.Struct):
    """What became of one block, and the place behind it."""

    number: int
    after: Place
    rows: int
    part: Part | None = None
    letters: str | None = None
    reasons: dict[str, Refusal] = msgspec.field(default_factory=dict)
    naive_times: int = 0
    suspects: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    skipped: int = 0


class Finished(msgspec.Struct, frozen=True):
    """Everything is staged; the commit follows.  `parts` are the ones to commit, `duplicate` the rows taken out."""

    parts: list[Part]
    duplicate: int
    content_digest: str


class Journal:
    """The journal of one digest in a folder."""

    def __init__(self, folder: Path, digest: str) -> None:
        self.folder = folder
        self.path = folder / f"import-{digest}.jsonl"
        self.prefix = digest[:13]

    def open(self, head: Head) -> list[Block]:
        """The blocks that need not be read again (none when this is a new import); the journal is ready for more."""
        kept: list[Block] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            known = self._lines()
            if known and _agrees(known[0], head):
                kept = self._blocks(known[1:])
            self._write_all([known[0] if kept else msgspec.json.encode(head), *(msgspec.json.encode(block) for block in kept)])
        except OSError as problem:
            raise self._failed(problem) from problem
        self._drop_unlisted(kept)
        return kept

    def head(self) -> Head | None:
        """What the journal is about."""
        lines = self._lines()
        return msgspec.json.decode(lines[0], type=Head) if lines else None

    def note(self, entry: Block | Finished) -> None:
        """Append one line."""
        try:
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(entry) + b"\n")
        except OSError as problem:
            raise self._failed(problem) from problem

    def finished(self) -> tuple[list[Block], Finished] | None:
        """All blocks and the end, when everything had been staged."""
        lines = self._lines()
        if len(lines) < 2:
            return None
        with suppress(msgspec.DecodeError, msgspec.ValidationError):
            end = msgspec.json.decode(lines[-1], type=Finished)
            return [msgspec.json.decode(line, type=Block) for line in lines[1:-1]], end
        return None

    def letters_path(self, number: int) -> Path:
        """Where a block's dead letters wait."""
        return self.folder / f"{self.prefix}-{number:06d}.letters"

    def remove(self) -> None:
        """Forget everything."""
        with suppress(OSError):
            self._drop_unlisted([])
            self.path.unlink(missing_ok=True)

    def _lines(self) -> list[bytes]:
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().split(b"\n")
        return [line for line in lines[:-1] if line]

    def _blocks(self, lines: list[bytes]) -> list[Block]:
        found: dict[int, Block] = {}
        for line in lines:
            with suppress(msgspec.DecodeError, msgspec.ValidationError):
                block = msgspec.json.decode(line, type=Block)
                if self._still_there(block):
                    found[block.number] = block
        kept: list[Block] = []
        while len(kept) in found:
            kept.append(found[len(kept)])
        for number, block in found.items():
            if number >= len(kept) and block.part is not None:
                Path(block.part.path).unlink(missing_ok=True)
        return kept

    def _still_there(self, block: Block) -> bool:
        part = block.part
        if part is not None and (not Path(part.path).exists() or Path(part.path).stat().st_size != part.size_bytes):
            return False
        return block.letters is None or (self.folder / block.letters).exists()

    def _write_all(self, lines: list[bytes]) -> None:
        partial = self.path.with_suffix(".partial")
        try:
            partial.write_bytes(b"".join(line + b"\n" for line in lines))
            os.replace(partial, self.path)  # noqa: PTH105 - the atomic one
        except OSError:
            partial.unlink(missing_ok=True)
            raise

    def _drop_unlisted(self, kept: list[Block]) -> None:
        names = {block.letters for block in kept}
        for path in self.folder.glob(f"{self.prefix}-*.letters"):
            if path.name not in names:
                path.unlink(missing_ok=True)

    def _failed(self, problem: OSError) -> StorageFailed:
        return StorageFailed(
            f"{self.folder} cannot be written: {problem.strerror or problem}",
            field="lake.url",
            got=self.folder,
            hint="free some space and check the folder's permissions, then run the same command again; the lake is as it was",
        )


def _agrees(line: bytes, head: Head) -> bool:
    with suppress(msgspec.DecodeError, msgspec.ValidationError):
        known: Any = msgspec.json.decode(line, type=Head)
        return bool((known.digest, known.settings, known.position, known.first_row) == (head.digest, head.settings, head.position, head.first_row))
    return False
