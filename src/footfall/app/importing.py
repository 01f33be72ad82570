"""footfall import: files become events of a project's lake, once, whole or not at all, with a summary that reconciles.

The same content again stores nothing; a file that has grown goes on behind its old end; an import that was interrupted goes on behind its
last complete block.  read = stored + duplicate + dead-lettered, for every file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from footfall import clock
from footfall.app.import_journal import Journal
from footfall.app.import_plan import PlannedFile, Planner
from footfall.app.import_run import FileImport, Start, Totals, World, place_of_start
from footfall.app.import_sample import Sample
from footfall.app.import_summary import Explanation, FileExplanation, FileSummary, ImportSummary, reason_counts, refusals
from footfall.connectors.files.digest import FileDigest, digest_of
from footfall.connectors.files.options import FileOptions
from footfall.errors import InvalidFile
from footfall.event.cells.text import any_high, mark_not_text
from footfall.event.mapping import describe
from footfall.event.normalise import Origin
from footfall.event.raw import NOT_TEXT
from footfall.lake.contract import ImportRecord

if TYPE_CHECKING:
    from footfall.app.project import Project

PREVIEW_ROWS = 10
EXAMINED_ROWS = 1_000
_SUSPECT_SHARE = 100  # a word in more than 1 % of the rows deserves a warning

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Progress = Callable[[int, int, int], None]  # bytes done, bytes in all, rows read


def import_files(
    project: Project,
    paths: Sequence[str | os.PathLike[str]],
    mapping: Mapping[str, str] | None = None,
    *,
    options: FileOptions | None = None,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import files into a project's lake.

    Args:
        project: the project.
        paths: files, folders, patterns; plain, gzip, zstd, bzip2, xz or zip.
        mapping: field -> column, or "=" and a constant; what is missing is guessed from the columns.
        options: what to assume about the files instead of finding it out.
        progress: is told the bytes done, the bytes in all and the rows read, from the threads that import.

    Raises:
        InvalidFile: a file cannot be read as events.
        UnknownColumn: the mapping names a column or field that is not there.
        StorageFailed: the disk is full or cannot be written; the lake is as it was.
        LakeBusy: another import is running.
    """
    said = options or FileOptions()
    began_s = clock.monotonic_s()
    planner = Planner(mapping or {}, said, project.config.events, project.config.project.time_zone)
    planned, unread = planner.files([os.fspath(path) for path in paths])
    threads = project.config.engine.threads or min(8, os.cpu_count() or 2)
    world = World(project.lake, project.config.events, Path(project.lake.root) / "pending", max(1, threads))
    bytes_all = sum(_disk_bytes(one) for one, _ in planned)
    summaries: list[FileSummary] = []
    bytes_before, rows_before = 0, 0
    with world.lake.exclusive():
        for one, _ in planned:
            before = (bytes_before, rows_before)

            def tell(passed: int, rows: int, *, before: tuple[int, int] = before) -> None:
                if progress is not None:
                    progress(min(before[0] + passed, bytes_all), bytes_all, before[1] + rows)

            summaries.append(_import_one(world, one, tell))
            bytes_before += _disk_bytes(one)
            rows_before += summaries[-1].read
            tell(bytes_before - before[0], rows_before - before[1])
    return ImportSummary(files=tuple(summaries), unread=unread, seconds=round(clock.monotonic_s() - began_s, 3))


def _disk_bytes(planned: PlannedFile) -> int:
    return planned.file.size_bytes


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger says about a content: how many rows of it were read, and the mapping they were read with."""

    rows: int
    mapping: str
    file: str


def _import_one(world: World, planned: PlannedFile, tell: Callable[[int, int], None]) -> FileSummary:
    began_s = clock.monotonic_s()
    digests = digest_of(planned.file, world.threads)
    name = _name_of_content(planned, digests)
    ledger = list(world.lake.imports())
    known = _known_content(ledger, name)
    if known is not None:
        return _nothing_new(planned, known, clock.monotonic_s() - began_s)
    plain = planned.format.compression is None and planned.file.member is None
    place, before = _grown(planned, digests, ledger) if plain else (None, "")
    start = Start(name, place or place_of_start(planned), digest_content=not plain)
    received_us = clock.now_us()
    running = FileImport(world, planned, start, received_us)
    finished = None
    recovered = _committed_before(world, running, name)
    if recovered is None:
        finished = running.stage(tell)
        totals = running.totals(finished)
        same = None if plain else _known_content(ledger, totals.content_digest)
        if same is not None:
            running.drop()
            return _nothing_new(planned, same, clock.monotonic_s() - began_s)
        running.commit(finished)
    else:
        totals = recovered
    _write_ledger(world, planned, running.head.received_us, name, totals, digests)
    running.journal.remove()
    return _summary(planned, totals, clock.monotonic_s() - began_s, before)


def _name_of_content(planned: PlannedFile, digests: FileDigest) -> str:
    """What an import is called: the digest of its file, with the member's name inside an archive."""
    if planned.file.member is None:
        return digests.hexdigest()
    return str(xxhash.xxh3_128_hexdigest(f"{digests.hexdigest()}!{planned.file.member}".encode()))


def _known_content(ledger: Sequence[ImportRecord], digest: str) -> _Known | None:
    for record in ledger:
        if digest in (record.digest, record.content_digest):
            rows = record.read
            return _Known(rows, record.mapping, record.file)
    return None


def _committed_before(world: World, running: FileImport, digest: str) -> Totals | None:
    """The totals of an import that was committed and then interrupted before its line in the ledger."""
    if world.lake.committed(f"import:{digest}") is None:
        return None
    journal = Journal(world.state, digest).finished()
    if journal is None:
        return Totals()
    blocks, finished = journal
    running.take(blocks)
    return running.totals(finished)


def _grown(planned: PlannedFile, digests: FileDigest, ledger: Sequence[ImportRecord]) -> tuple[Any, str]:
    """Where the new rows of a file start whose beginning was imported before, and a note that says so."""
    if planned.format.kind not in ("csv", "ndjson", "log"):
        return None, ""
    older = [record for record in ledger if record.digest == record.content_digest and 0 < record.size_bytes < digests.size]
    found = [record for record in older if digests.of_beginning(record.size_bytes) == record.digest]
    if not found:
        return None, ""
    last = max(found, key=lambda record: record.size_bytes)
    if not digests.ends_a_line(last.size_bytes):
        raise InvalidFile(
            f"{planned.file.name} continues a file whose last line was not complete when it was imported",
            field="files",
            got=planned.file.name,
            hint=f"its first {last.size_bytes} bytes are in the lake; put the rows after them, from a line start on, into a file of their own",
        )
    place = place_of_start(planned)
    rows = sum(record.read for record in found)
    grown = replace(
        place,
        offset=last.size_bytes - planned.format.bom_bytes,
        row=rows,
        line=digests.lines_of_beginning(last.size_bytes, planned.format.line_end),
    )
    return grown, f"the first {rows:,} rows were imported before as {last.file}; the import went on behind them"


def _nothing_new(planned: PlannedFile, known: _Known, seconds: float) -> FileSummary:
    note = f"this content is already imported (as {known.file}); nothing was stored"
    if known.mapping != planned.mapping.text():
        note += ", and the mapping given now changes nothing: erase or start a new project to import it differently"
    return FileSummary(
        file=planned.file.name,
        format=planned.format.describe(),
        encoding=planned.format.encoding,
        mapping=describe(planned.mapping),
        read=known.rows,
        stored=0,
        duplicate=known.rows,
        dead_lettered=0,
        seconds=round(seconds, 3),
        bytes=planned.file.size_bytes,
        note=note,
    )


def _write_ledger(world: World, planned: PlannedFile, received_us: int, digest: str, totals: Totals, digests: FileDigest) -> None:
    """The import's line; its time is the `received_time` of its rows, by which they are told from those of the event log."""
    dead = sum(refusal.count for refusal in totals.reasons.values())
    world.lake.add_import(
        ImportRecord(
            file=planned.file.name,
            digest=digest,
            content_digest=totals.content_digest or digest,
            size_bytes=digests.size,
            read=totals.rows,
            stored=totals.stored,
            duplicate=totals.duplicate,
            dead_lettered=dead,
            mapping=planned.mapping.text(),
            imported_time=_EPOCH + timedelta(microseconds=received_us),
            reasons=reason_counts(totals.reasons),
        )
    )


def _summary(planned: PlannedFile, totals: Totals, seconds: float, note: str) -> FileSummary:
    return FileSummary(
        file=planned.file.name,
        format=planned.format.describe(),
        encoding=planned.format.encoding,
        mapping=describe(planned.mapping),
        read=totals.rows,
        stored=totals.stored,
        duplicate=totals.duplicate,
        dead_lettered=sum(refusal.count for refusal in totals.reasons.values()),
        skipped=totals.skipped,
        reasons=totals.reasons,
        seconds=round(seconds, 3),
        rows_per_s=round(totals.rows / seconds, 1) if seconds else 0.0,
        bytes=planned.file.size_bytes,
        note=note,
        warnings=_warnings(planned, totals),
    )


def _warnings(planned: PlannedFile, totals: Totals) -> tuple[str, ...]:
    warnings = list(planned.format.notes)
    if totals.naive_times:
        warnings.append(f"{totals.naive_times:,} times have no zone and were read as {planned.zone}; say another with --time-zone")
    for target, words in totals.suspects.items():
        for word, count in words.items():
            if count * _SUSPECT_SHARE > totals.rows and count > 1:
                warnings.append(f"{target} is {word!r} on {count:,} rows; if that means nobody add --null {_shell(word)}")
    dead = sum(refusal.count for refusal in totals.reasons.values())
    if totals.rows and dead == totals.rows:
        warnings.append("no row could be used; footfall import --explain shows how the columns were read")
    return tuple(warnings)


def _shell(word: str) -> str:
    return word if word.isalnum() else f"'{word}'"


def explain_files(
    project: Project, paths: Sequence[str | os.PathLike[str]], mapping: Mapping[str, str] | None = None, *, options: FileOptions | None = None
) -> Explanation:
    """What an import of these files would do: formats, mapping, a preview of the first rows, their dead letters.  Nothing is written."""
    plan = project.config.events
    planner = Planner(mapping or {}, options or FileOptions(), plan, project.config.project.time_zone)
    planned, unread = planner.files([os.fspath(path) for path in paths])
    return Explanation(files=tuple(_explain(planner, one, sample) for one, sample in planned), unread=unread)


def _explain(planner: Planner, planned: PlannedFile, sample: Sample) -> FileExplanation:
    raw = sample.rows(planned.names, EXAMINED_ROWS)
    if sample.format.kind != "parquet" and any_high(raw.octets):
        mark_not_text(raw.octets, raw.rows, NOT_TEXT)
    result = planned.normaliser(planner.plan).normalise(raw, Origin(0, clock.now_us(), "row-"))
    shown = result.events.slice(0, PREVIEW_ROWS)
    shown = shown.select([name for name in shown.schema.names if shown.column(name).null_count < len(shown)])
    used = {*planned.mapping.sources(), *planner.plan.columns}
    notes = list(planned.format.notes)
    if result.naive_times:
        notes.append(f"times have no zone and are read as {planned.zone}; say another with --time-zone")
    notes += [f"dead letters: {refusal.count} of {reason}, first on line {refusal.lines[0]}" for reason, refusal in refusals(result.letters).items()]
    return FileExplanation(
        file=planned.file.name,
        format=planned.format.describe(),
        encoding=planned.format.encoding,
        time_zone=planned.zone,
        columns=sample.columns,
        mapping=describe(planned.mapping),
        reasons=planned.reasons,
        flags=planned.mapping.flags(),
        promoted=tuple(name for name in planner.plan.columns if name in sample.columns or name in planned.mapping.columns),
        properties=tuple(column for column in sample.columns if column not in used),
        preview=tuple(shown.to_pylist()),
        examined=len(raw),
        letters=tuple(result.letters[:PREVIEW_ROWS]),
        notes=tuple(notes),
    )
