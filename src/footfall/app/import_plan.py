"""What is going to be imported: files found, formats and mappings settled, before the first row is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from footfall.app.import_guess import guess_mapping
from footfall.app.import_sample import Sample
from footfall.app.import_times import time_reader
from footfall.connectors.files.discover import SourceFile, find_files
from footfall.connectors.files.options import FileOptions
from footfall.connectors.files.sniff import FileFormat
from footfall.errors import InvalidFile
from footfall.event.cells.times import TimeReader
from footfall.event.mapping import EventMapping, check_columns, parse_mapping
from footfall.event.normalise import Normaliser
from footfall.event.plan import TrackingPlan


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file, its format, and how its rows become events.  `names` are the columns that its reader is asked for."""

    file: SourceFile
    format: FileFormat
    mapping: EventMapping
    reasons: dict[str, str]
    names: tuple[str, ...]
    times: dict[str, TimeReader]
    zone: str
    settings: str
    block_bytes: int

    def normaliser(self, plan: TrackingPlan) -> Normaliser:
        """What makes events of this file's rows."""
        return Normaliser(self.names, self.mapping, plan, self.times)


class Planner:
    """Settles how files are read; everything a user said is checked here."""

    def __init__(self, mapping: Mapping[str, str], options: FileOptions, plan: TrackingPlan, time_zone: str) -> None:
        self.options = options
        self.plan = plan
        self.zone = options.time_zone or time_zone
        self.given = parse_mapping(mapping, plan, nulls=options.nulls, empties=options.empties)

    def files(self, paths: Sequence[str]) -> tuple[list[tuple[PlannedFile, Sample]], dict[str, str]]:
        """Every file with its plan, and the files of folders that hold no rows, with the reason."""
        planned: list[tuple[PlannedFile, Sample]] = []
        unread: dict[str, str] = {}
        for file in find_files(paths):
            try:
                sample = Sample(file, self.options)
            except InvalidFile as problem:
                if file.chosen:
                    raise
                unread[file.name] = problem.sentence
                continue
            planned.append((self.plan_file(sample), sample))
        if not planned:
            name, sentence = next(iter(unread.items()))
            raise InvalidFile("none of the files holds rows", field="files", got=name, hint=f"the first one: {sentence}")
        return planned, unread

    def plan_file(self, sample: Sample) -> PlannedFile:
        """How one file's rows become events."""
        check_columns(self.given, sample.columns, sample.file.name)
        guess = guess_mapping(sample, self.given, self.plan)
        mapping = guess.mapping
        names = sample.columns
        if sample.format.kind in ("json", "ndjson"):
            wanted = mapping.sources() | set(self.plan.columns) | {column for column in (*mapping.nulls, *mapping.empties) if column}
            names = tuple(column for column in (*sample.columns, *self.plan.columns) if column in wanted)
            names = tuple(dict.fromkeys(names))
        return PlannedFile(
            file=sample.file,
            format=sample.format,
            mapping=mapping,
            reasons=guess.reasons,
            names=names,
            times=self._times(sample, mapping),
            zone=self.zone,
            settings=self._settings(sample.format, mapping),
            block_bytes=self.options.block_bytes,
        )

    def _times(self, sample: Sample, mapping: EventMapping) -> dict[str, TimeReader]:
        kinds = {name: kind for name, kind in self.plan.columns.items() if kind in ("timestamp", "date")}
        readers: dict[str, TimeReader] = {}
        for target in ("event_time", "sent_time", *kinds):
            if target in mapping.constants:
                values = [mapping.constants[target]]
            else:
                column = mapping.columns.get(target, target if target in kinds else None)
                if column is None or column not in sample.columns:
                    readers[target] = TimeReader(zone=self.zone)
                    continue
                values = sample.present(column)
            time_format = self.options.time_format if target == "event_time" and target not in mapping.constants else None
            zone = "UTC" if kinds.get(target) == "date" else self.zone
            readers[target] = time_reader(values, zone, time_format, mapping.columns.get(target, target))
        return readers

    def _settings(self, about: FileFormat, mapping: EventMapping) -> str:
        """Everything that shapes what an import stores, as stable text."""
        said: dict[str, Any] = {
            "mapping": json.loads(mapping.text()),
            "format": msgspec.to_builtins(about),
            "zone": self.zone,
            "time_format": self.options.time_format,
            "block_bytes": self.options.block_bytes,
            "plan": msgspec.to_builtins(self.plan),
        }
        return json.dumps(said, sort_keys=True, ensure_ascii=False)
