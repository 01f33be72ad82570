"""A project: one folder with its configuration, its lake and its engine, and one method for every analysis.

    import footfall as ff
    shop = ff.open("shop")
    shop.funnel(["view", "cart", "purchase"], window="7d").to_pandas()

The methods are made from the menu of analyses, so an analysis exists here by existing.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footfall.app.config import FILE_NAME, Resolved, load
from footfall.errors import InvalidConfig, InvalidQuery, StorageFailed, nearest

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from footfall.analyses.spec.answer import Answer
    from footfall.analyses.spec.contract import Analysis
    from footfall.app.api.live_reading import Live
    from footfall.app.import_summary import Explanation, ImportSummary
    from footfall.app.importing import Progress
    from footfall.connectors.dimensions.watching import Dimensions
    from footfall.connectors.files.options import FileOptions
    from footfall.engines import DuckDBEngine
    from footfall.event.identity import Resolution
    from footfall.lake.contract import CompactReport, EraseReport, ImportRecord
    from footfall.lake.delta import DeltaLake

_TEMPLATE = """\
# A footfall project.  Every key: docs/configuration.md.  What is in force, and from where: footfall config show

[project]
name = {name}
# time_zone = "Europe/Berlin"       # where days begin; UTC when left out

# [lake]
# url = ".footfall/lake"            # the folder of the events

# [engine]
# url = "duckdb:"
# memory_limit = "4GB"

# [events]
# names = ["view", "cart", "purchase"]   # left out: every event name is welcome

# [events.columns]                  # properties that become columns of their own
# price = "float64"
# product_id = "int64"

# [dimensions.products]             # a file that describes people or things
# path = "products.csv"
# key = "product_id"

# [[view]]                          # counted as it arrives: footfall views pages_a_minute; docs/views.md
# name = "pages_a_minute"
# keys = ["page"]
# window = {{ tumbling = "1m" }}
# measures = {{ events = "count", people = "distinct(person_id)" }}

# [[rule]]                          # raises alerts: footfall alerts list; docs/rules.md
# name = "burst"
# kind = "threshold"
# key = ["person_id"]
# window = {{ tumbling = "10s" }}
# alert_above = 10
# actions = ["ops"]

# [[notify]]                        # where alerts go; docs/actions.md
# name = "ops"
# kind = "webhook"
# url = "https://hooks.example.com/alerts"
"""


class Project:
    """A folder with a footfall.toml.  `lake` is where its events rest; `engine()` answers over the newest version of it.

    `identity_as_of` is the position of the identity ledger, or the date or time, whose knowledge of persons answers go by; None: all of it.
    """

    def __init__(self, path: Path, resolved: Resolved, *, identity_as_of: str | int | None = None) -> None:
        self.path = path
        self.resolved = resolved
        self.config = resolved.config
        self.identity_as_of = None if identity_as_of is None else str(identity_as_of)

    @cached_property
    def lake(self) -> DeltaLake:
        """The lake, opened at first use."""
        from footfall.lake.delta import DeltaLake

        return DeltaLake(self.config.lake.path(self.path), self.config.events.schema())

    @cached_property
    def dimensions(self) -> Dimensions:
        """The rows of the declared dimensions, each loaded again when its source changed."""
        from footfall.app.live.dimensions import watched_dimensions

        return watched_dimensions(self)

    def engine(self) -> DuckDBEngine:
        """An engine over the newest version of the lake; one that was made before is used again while nothing changed."""
        from footfall.engines import Dimension, DuckDBEngine

        snapshot = self.lake.snapshot()
        self.dimensions.update()
        version = (snapshot.version, self.lake.edges_version(), self.dimensions.version)
        kept: tuple[tuple[int, int, int], DuckDBEngine] | None = self.__dict__.get("_engine")
        if kept is not None and kept[0] == version:
            return kept[1]
        dimensions = {}
        for name, rows in self.dimensions.rows.items():
            declared = self.config.dimensions[name]
            dimensions[name] = Dimension(str(declared.path or declared.url), declared.key, declared.column, rows)
        settings = self.config.engine
        engine = DuckDBEngine(
            snapshot,
            time_zone=self.config.project.time_zone,
            threads=settings.threads,
            memory_limit=settings.memory_limit,
            dimensions=dimensions,
            temp_dir=str(self.lake.root / "temp"),
            identity=self.identity() if version[1] >= 0 else None,
        )
        self.__dict__["_engine"] = version, engine
        return engine

    @cached_property
    def live(self) -> Live:
        """Views, alerts and the state of the live path, as another process writes them: `live.rows("pages", latest=True)`."""
        from footfall.app.api.live_reading import Live

        return Live(self)

    def identity(self) -> Resolution:
        """Which ids are one person, by the identity ledger."""
        from footfall.app.front.identity import resolution

        return resolution(self)

    # --- questions -------------------------------------------------------------------------------------------------------

    def answer(self, analysis: Analysis) -> Answer:
        """The answer of a spec over the newest version of the lake."""
        return analysis.answer(self.engine())

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        """One method for each analysis of the menu."""
        from footfall.analyses.spec.menu import analyses

        kinds = analyses()
        if name not in kinds:
            raise AttributeError(f"a project has no {name!r}")
        return _method(self, kinds[name])

    def __dir__(self) -> list[str]:
        from footfall.analyses.spec.menu import analyses

        return [*super().__dir__(), *analyses()]

    def sql(self, query: str) -> pa.Table:
        """The result of one reading query over `events`, `dead_letters`, `imports`, `logs`, `identity` and the dimensions.

        Raises:
            InvalidQuery: it is not one reading query over these tables.
        """
        from footfall.engines.user_sql import FileTable, Tables, user_query
        from footfall.event.schema import LOG_SCHEMA

        small: Tables = {
            "dead_letters": self.dead_letters,
            "imports": self._imports_table,
            "logs": lambda: FileTable(LOG_SCHEMA, self.lake.log_files()),
            "identity": lambda: self.identity().lines,
        }
        return user_query(self.engine(), query, dimensions=tuple(self.config.dimensions), small_tables=small)

    # --- events in and out -----------------------------------------------------------------------------------------------

    def import_files(
        self,
        *files: str | os.PathLike[str],
        mapping: Mapping[str, str] | None = None,
        compact: bool = True,
        progress: Progress | None = None,
        **options: Any,
    ) -> ImportSummary:
        """Import files, folders and globs; what is not in `mapping` (field -> column) is guessed.

        Args:
            files: what to import.
            mapping: as in {"user_id": "customer", "name": "=purchase"}; a value that begins with = is a constant.
            compact: sort the lake's files afterwards.
            progress: is told the bytes done, the bytes in all and the rows read.
            options: the fields of `footfall.connectors.files.options.FileOptions`, such as delimiter, time_zone, nulls.
        """
        from footfall.app.importing import import_files

        summary = import_files(self, files, mapping, options=_file_options(options), progress=progress)
        if compact:
            self.lake.compact()
        return summary

    def explain_files(self, *files: str | os.PathLike[str], mapping: Mapping[str, str] | None = None, **options: Any) -> Explanation:
        """What an import of these files would do: formats, mapping, a preview.  Nothing is written."""
        from footfall.app.importing import explain_files

        return explain_files(self, files, mapping, options=_file_options(options))

    def dead_letters(self) -> pa.Table:
        """Rows that could not be stored, with file, line and reason."""
        return self.lake.dead_letters()

    def imports(self) -> list[ImportRecord]:
        """Every imported file with its counts, oldest first."""
        return list(self.lake.imports())

    def _imports_table(self) -> pa.Table:
        import pyarrow as pa

        from footfall.lake.ledger import IMPORT_SCHEMA

        rows = [{**asdict(record), "reasons": json.dumps(dict(record.reasons))} for record in self.imports()]
        return pa.Table.from_pylist(rows, schema=IMPORT_SCHEMA)

    def compact(self, *, force: bool = False) -> CompactReport:
        """Merge small files into sorted ones; with `force` all of them."""
        return self.lake.compact(force=force)

    def erase(self, person_id: str) -> EraseReport:
        """Remove a person for good, under every id that was joined to theirs: from the event log and the lake; the report proves it by a scan."""
        from footfall.app.front.erasing import erase

        return erase(self, person_id)

    def expire(self, before: str | datetime) -> int:
        """Remove events older than a date or time (a date is midnight in the project's zone); how many went."""
        from datetime import UTC, datetime, timedelta

        from footfall.event.span import Moment

        moment = Moment(before).us(self.config.project.time_zone)
        return self.lake.expire(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment))

    def __repr__(self) -> str:
        return f"Project({str(self.path)!r})"


def _file_options(given: Mapping[str, Any]) -> FileOptions:
    """The options of a file; a name that does not exist is refused with the nearest."""
    import msgspec

    from footfall.connectors.files.options import FileOptions

    known = [field.name for field in msgspec.structs.fields(FileOptions)]
    for name in given:
        if name not in known:
            near = nearest(name, known, limit=1)
            hint = f"did you mean {near[0]!r}?" if near else "options: " + ", ".join(known)
            raise InvalidQuery(f"files have no option {name!r}", field=name, allowed=known, hint=hint)
    try:
        return msgspec.convert(dict(given), FileOptions)
    except msgspec.ValidationError as problem:
        raise InvalidQuery(f"an option of the files is wrong: {problem}", hint="see docs/import.md") from None


def _method(project: Project, kind: type[Analysis]) -> Callable[..., Answer]:
    """The analysis as a function with a signature of its own: its main field first, the rest by name."""
    from footfall.analyses.spec.build import build

    signature = _signature(kind)

    def ask(*arguments: Any, **parameters: Any) -> Answer:
        positional = [kind.positional] if kind.positional else []
        if len(arguments) > len(positional):
            hint = f"write {kind.name}{signature}"
            raise InvalidQuery(f"{kind.name} takes {len(positional)} positional argument, not {len(arguments)}", hint=hint)
        return project.answer(build(kind, {**dict(zip(positional, arguments, strict=False)), **parameters}))

    ask.__name__ = ask.__qualname__ = kind.name
    ask.__doc__ = inspect.getdoc(kind)
    ask.__signature__ = signature  # type: ignore[attr-defined]
    return ask


def _signature(kind: type[Analysis]) -> inspect.Signature:
    import msgspec

    parameters = []
    for field in msgspec.structs.fields(kind):
        first = field.name == kind.positional
        place = inspect.Parameter.POSITIONAL_OR_KEYWORD if first else inspect.Parameter.KEYWORD_ONLY
        default = inspect.Parameter.empty if field.required else field.default
        parameters.append(inspect.Parameter(field.name, place, default=default, annotation=field.type))
    parameters.sort(key=lambda parameter: parameter.kind)
    return inspect.Signature(parameters, return_annotation="Answer")


def open_project(
    path: str | os.PathLike[str] = ".", *, environment: Sequence[tuple[str, str]] | None = None, identity_as_of: str | int | None = None
) -> Project:
    """The project in a folder; with `identity_as_of` its answers know of persons what was known then (a position, a date or a time).

    Raises:
        NotAProject: the folder has no footfall.toml.
        InvalidConfig: the file or an environment variable says something impossible.
    """
    folder = Path(path).resolve()
    return Project(folder, load(folder, os.environ if environment is None else dict(environment)), identity_as_of=identity_as_of)


def init_project(path: str | os.PathLike[str], *, name: str | None = None) -> Project:
    """A new project: the folder, if need be, and a footfall.toml that explains itself.  An existing one is never overwritten.

    Raises:
        InvalidConfig: the folder already is a project.
        StorageFailed: the folder cannot be written.
    """
    folder = Path(path).resolve()
    file = folder / FILE_NAME
    text = _TEMPLATE.format(name=json.dumps(name or folder.name or "footfall", ensure_ascii=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        what = f"{folder} is already a footfall project" if file.exists() else f"{folder} is a file, not a folder"
        raise InvalidConfig(what, got=str(folder), hint="edit its footfall.toml, or choose another folder") from None
    except OSError as problem:
        raise StorageFailed(f"{folder} cannot be written: {problem.strerror}", got=str(folder), hint="check the folder's permissions") from problem
    return open_project(folder)
