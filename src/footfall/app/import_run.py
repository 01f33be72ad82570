"""One file into the lake: blocks read in order, made into events and staged by several threads, committed at once.

Reading and cutting is done by one thread at a time under a lock, everything after it in parallel; so memory holds one block a
thread, whatever the file's size.  Nothing is visible before the commit, and whatever happens before it leaves the lake as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import pyarrow as pa

from footfall.app.import_duplicates import without_duplicates
from footfall.app.import_journal import Block, Finished, Head, Journal
from footfall.app.import_plan import PlannedFile
from footfall.app.import_summary import Refusal, refusals
from footfall.connectors.files.contract import Place
from footfall.connectors.files.digest import ContentDigest
from footfall.connectors.files.open_rows import OpenRows, first_place, open_rows
from footfall.errors import FootfallError, StorageFailed
from footfall.event.cells.text import any_high, mark_not_text
from footfall.event.dead_letter import letter_table
from footfall.event.normalise import Normalised, Origin
from footfall.event.plan import TrackingPlan
from footfall.event.raw import NOT_TEXT, RawRows
from footfall.lake.contract import CommitId, Part

if TYPE_CHECKING:
    from footfall.lake.delta import DeltaLake

LETTERS_BYTES_AT_ONCE = 64 << 20

Tell = Callable[[int, int], None]  # bytes of the file passed, rows read


@dataclass(frozen=True, slots=True)
class World:
    """Where an import happens."""

    lake: DeltaLake
    plan: TrackingPlan
    state: Path
    threads: int


@dataclass(slots=True)
class Totals:
    """What became of a file's rows."""

    rows: int = 0
    stored: int = 0
    duplicate: int = 0
    reasons: dict[str, Refusal] = field(default_factory=dict)
    naive_times: int = 0
    suspects: dict[str, dict[str, int]] = field(default_factory=dict)
    skipped: int = 0
    content_digest: str = ""

    def add(self, block: Block) -> None:
        """Count a block."""
        self.rows += block.rows
        self.naive_times += block.naive_times
        self.skipped += block.skipped
        for reason, refusal in block.reasons.items():
            self.reasons.setdefault(reason, Refusal()).add(refusal)
        for target, words in block.suspects.items():
            known = self.suspects.setdefault(target, {})
            for word, count in words.items():
                known[word] = known.get(word, 0) + count


@dataclass(frozen=True, slots=True)
class Start:
    """Where an import begins: the digest that names it, its first place in the file, and whether the content must be digested while reading."""

    digest: str
    place: Place
    digest_content: bool


class FileImport:
    """The import of one file; `run` stages and commits it."""

    def __init__(self, world: World, planned: PlannedFile, start: Start, received_us: int) -> None:
        self.world = world
        self.planned = planned
        self.start = start
        self.journal = Journal(world.state, start.digest)
        self.head = Head(planned.file.name, start.digest, planned.settings, world.lake.next_position(), start.place.row, received_us)
        self._normaliser = planned.normaliser(world.plan)
        self._reading = Lock()
        self._noting = Lock()
        self._stopped = False
        self._blocks: list[Block] = []
        self._next = 0
        self._told_rows = 0

    # --- staging ---------------------------------------------------------------------------------------------------------

    def stage(self, tell: Tell) -> Finished:
        """Stage every block that is not staged yet; on an error everything is dropped, on an interruption the journal stays."""
        self._blocks = self.journal.open(self.head) if self.planned.format.kind != "records" else self._clean()
        received = self.journal.head()
        assert received is not None, "a journal that was opened has a head"
        self.head = received
        try:
            return self._stage(tell)
        except (FootfallError, MemoryError):
            self.drop()
            raise

    def _clean(self) -> list[Block]:
        self.journal.remove()
        return self.journal.open(self.head)

    def _stage(self, tell: Tell) -> Finished:
        self._next = len(self._blocks)
        place = self._blocks[-1].after if self._blocks else self.start.place
        digest = ContentDigest() if self.start.digest_content else None
        rows = open_rows(self.planned.file, self.planned.format, self.planned.names, place=place, digest=digest, block_bytes=self.planned.block_bytes)
        self._told_rows = sum(block.rows for block in self._blocks)
        try:
            self._work(rows, tell)
        finally:
            rows.reader.close()
        parts = [block.part for block in sorted(self._blocks, key=lambda block: block.number) if block.part is not None]
        duplicate = 0
        if "event_id" in self.planned.mapping.columns:
            parts, duplicate = without_duplicates(self.world.lake, parts, ask_lake=self.head.position > 0)
        finished = Finished(parts, duplicate, digest.hexdigest() if digest is not None else self.start.digest)
        self.journal.note(finished)
        return finished

    def _work(self, rows: OpenRows, tell: Tell) -> None:
        with ThreadPoolExecutor(self.world.threads) as pool:
            workers = [pool.submit(self._take_blocks, rows, tell) for _ in range(self.world.threads)]
            try:
                done, _ = wait(workers, return_when=FIRST_EXCEPTION)
            finally:
                self._stopped = True
        for worker in done:
            worker.result()

    def _take_blocks(self, rows: OpenRows, tell: Tell) -> None:
        while not self._stopped:
            with self._reading:
                raw = rows.reader.read()
                if raw is None:
                    return
                number, self._next = self._next, self._next + 1
                after = rows.reader.place
                passed = rows.stream.passed if rows.stream is not None else self._parquet_bytes(rows, after)
            block = self._stage_block(raw, number, after)
            with self._noting:
                self.journal.note(block)
                self._blocks.append(block)
                self._told_rows += block.rows
                tell(passed, self._told_rows)

    def _parquet_bytes(self, rows: OpenRows, after: Place) -> int:
        return self.planned.file.size_bytes * after.row // max(1, getattr(rows.reader, "rows", 1))

    def _stage_block(self, raw: RawRows, number: int, after: Place) -> Block:
        if self.planned.format.kind != "parquet" and len(raw) and any_high(raw.octets[raw.rows[0, 0] : raw.rows[-1, 1]]):
            mark_not_text(raw.octets, raw.rows, NOT_TEXT)
        origin = Origin(self.head.position + raw.first_row - self.head.first_row, self.head.received_us, f"{self.journal.prefix}-")
        result = self._normaliser.normalise(raw, origin)
        part = self.world.lake.stage(result.events, name=f"{self.journal.prefix}-{number:06d}") if result.events.num_rows else None
        return Block(
            number=number,
            after=after,
            rows=len(raw),
            part=part,
            letters=self._keep_letters(result, number),
            reasons=refusals(result.letters),
            naive_times=result.naive_times,
            suspects=result.suspects,
            skipped=raw.skipped,
        )

    def _keep_letters(self, result: Normalised, number: int) -> str | None:
        if not result.letters:
            return None
        path = self.journal.letters_path(number)
        table = letter_table(result.letters, self.head.file, self.head.received_us, self.head.digest)
        try:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
        except OSError as problem:
            raise StorageFailed(f"{path} cannot be written: {problem}", got=path, hint="free some space and run the same command again") from problem
        return path.name

    # --- the end ---------------------------------------------------------------------------------------------------------

    def totals(self, finished: Finished) -> Totals:
        """What became of the rows."""
        totals = Totals(duplicate=finished.duplicate, content_digest=finished.content_digest)
        for block in sorted(self._blocks, key=lambda block: block.number):
            totals.add(block)
        totals.stored = sum(part.rows for part in finished.parts)
        return totals

    def take(self, blocks: list[Block]) -> None:
        """Count blocks that an earlier run staged."""
        self._blocks = blocks

    def commit(self, finished: Finished) -> None:
        """Dead letters first, then the events in one commit: a crash in between repeats both without an effect."""
        self._send_letters()
        if finished.parts:
            self.world.lake.commit(finished.parts, CommitId(f"import:{self.head.digest}", 1), self.world.plan.schema())
        committed = {part.path for part in finished.parts}
        self.world.lake.drop_staged([block.part for block in self._blocks if block.part is not None and block.part.path not in committed])

    def _send_letters(self) -> None:
        waiting: list[pa.Table] = []
        version = 0
        names = [block.letters for block in sorted(self._blocks, key=lambda block: block.number) if block.letters is not None]
        for number, name in enumerate(names):
            with pa.OSFile(str(self.world.state / name)) as source:
                waiting.append(pa.ipc.open_file(source).read_all())
            if number + 1 == len(names) or sum(table.nbytes for table in waiting) >= LETTERS_BYTES_AT_ONCE:
                version += 1
                self.world.lake.add_dead_letters(pa.concat_tables(waiting), CommitId(f"letters:{self.head.digest}", version))
                waiting = []

    def drop(self) -> None:
        """Remove everything that was staged."""
        staged: list[Part] = [block.part for block in self._blocks if block.part is not None]
        self.world.lake.drop_staged(staged)
        self.journal.remove()


def place_of_start(planned: PlannedFile) -> Place:
    """Where the first row of a file that was never imported starts."""
    return Place() if planned.format.kind == "parquet" else first_place(planned.format)
