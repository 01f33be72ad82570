"""The project's configuration: footfall.toml and the environment as one frozen tree.

Any key can be overridden as FOOTFALL_<SECTION>__<KEY>, deeper ones with more double underscores
(FOOTFALL_EVENTS__COLUMNS__PRICE=float64).  A key that does not exist is refused with the nearest one that does, in the file and
in the environment alike; every value remembers where it came from.
"""

from __future__ import annotations

import inspect
import re
import tomllib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from msgspec import Meta

from footfall.collect.settings import CollectSection
from footfall.connectors.dimensions.settings import Dimension, check
from footfall.errors import InvalidConfig, InvalidQuery, NotAProject, nearest
from footfall.event.plan import TrackingPlan
from footfall.event.span import Span
from footfall.eventlog.settings import LogSection
from footfall.stream.settings import LiveSection, ViewsSection

FILE_NAME = "footfall.toml"
PREFIX = "FOOTFALL_"
LISTS = ("view", "rule", "notify")
RESERVED_TABLES = ("events", "dead_letters", "imports", "logs", "identity")
_MEMORY = re.compile(r"^\d+(\.\d+)?\s*(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$", re.IGNORECASE)


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table of footfall.toml."""


class ProjectSection(Section, frozen=True):
    """What the project is called and where its days begin."""

    name: Annotated[str, Meta(description="the project's name, for titles and reports")] = "footfall"
    time_zone: Annotated[str, Meta(description="the zone that days, weeks and times without an offset are in, such as Europe/Berlin")] = "UTC"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            near = nearest(self.time_zone, available_timezones(), limit=1)
            raise InvalidConfig(
                f"{self.time_zone!r} is not a time zone",
                field="project.time_zone",
                got=self.time_zone,
                hint=f"did you mean {near[0]!r}?" if near else "write a name such as UTC, Europe/Berlin or America/New_York",
            ) from None


class LakeSection(Section, frozen=True):
    """Where the events rest."""

    url: Annotated[str, Meta(description="the folder of the lake, relative to the project or absolute")] = ".footfall/lake"

    def __post_init__(self) -> None:
        scheme, separator, _ = self.url.partition("://")
        if not self.url or (separator and scheme != "file"):
            raise InvalidConfig(
                f"the lake cannot be at {self.url!r}",
                field="lake.url",
                got=self.url,
                allowed=("a folder", "file:///folder"),
                hint="write a folder, such as .footfall/lake",
            )

    def path(self, folder: Path) -> Path:
        """The lake's folder, absolute."""
        return (folder / self.url.removeprefix("file://")).resolve()


class EngineSection(Section, frozen=True):
    """Where analyses run."""

    url: Annotated[str, Meta(description="the engine: duckdb: runs inside this process")] = "duckdb:"
    memory_limit: Annotated[str | None, Meta(description="most memory the engine takes, such as 4GB; left out: the engine's own default")] = None
    threads: Annotated[int | None, Meta(description="most threads the engine takes; left out: one for each core")] = None

    def __post_init__(self) -> None:
        if self.url != "duckdb:":
            raise InvalidConfig(
                f"there is no engine {self.url!r}", field="engine.url", got=self.url, allowed=("duckdb:",), hint='write url = "duckdb:"'
            )
        if self.memory_limit is not None and not _MEMORY.match(self.memory_limit):
            raise InvalidConfig(
                f"{self.memory_limit!r} is not an amount of memory",
                field="engine.memory_limit",
                got=self.memory_limit,
                hint="write a number and a unit, such as 512MB or 4GB",
            )
        if self.threads is not None and self.threads < 1:
            raise InvalidConfig(
                f"the engine needs a thread or more, not {self.threads}", field="engine.threads", got=self.threads, hint="write 1 or more"
            )


class Config(Section, frozen=True):
    """The whole of footfall.toml.

    The tables of `view`, `rule` and `notify` are kept as they stand; `app/live/plan.py` reads them for those who need them, since that loads the
    kernels of the live path.
    """

    project: ProjectSection = msgspec.field(default_factory=ProjectSection)
    lake: LakeSection = msgspec.field(default_factory=LakeSection)
    engine: EngineSection = msgspec.field(default_factory=EngineSection)
    log: LogSection = msgspec.field(default_factory=LogSection)
    collect: CollectSection = msgspec.field(default_factory=CollectSection)
    events: TrackingPlan = msgspec.field(default_factory=TrackingPlan)
    dimensions: Annotated[dict[str, Dimension], Meta(description="tables that describe people or things: docs/dimensions.md")] = {}
    live: LiveSection = msgspec.field(default_factory=LiveSection)
    views: ViewsSection = msgspec.field(default_factory=ViewsSection)
    view: Annotated[tuple[dict[str, Any], ...], Meta(description="views of the project's own: docs/views.md")] = ()
    rule: Annotated[tuple[dict[str, Any], ...], Meta(description="rules that raise alerts: docs/rules.md")] = ()
    notify: Annotated[tuple[dict[str, Any], ...], Meta(description="where alerts go: docs/actions.md")] = ()

    def __post_init__(self) -> None:
        for name, declared in self.dimensions.items():
            if not re.fullmatch(r"[A-Za-z_]\w*", name) or name.lower() in (*RESERVED_TABLES, "properties", "attributes"):
                raise InvalidConfig(
                    f"a dimension cannot be called {name!r}",
                    field=f"dimensions.{name}",
                    got=name,
                    hint="use letters, digits and underscores, and none of " + ", ".join(RESERVED_TABLES),
                )
            check(name, declared)


@dataclass(frozen=True, slots=True)
class Setting:
    """One resolved value, where it came from, and what it means."""

    key: str
    value: object
    source: str
    description: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """The configuration in force and the source of each key that is not a default."""

    config: Config
    sources: Mapping[str, str]

    def settings(self) -> Iterator[Setting]:
        """Every value in the order of the structs."""
        yield from _settings(self.config, "", self.sources)


def load(folder: Path, environment: Mapping[str, str]) -> Resolved:
    """The configuration of the project in `folder`.

    Raises:
        NotAProject: there is no footfall.toml.
        InvalidConfig: the file or an override is wrong.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise NotAProject(
            f"{folder} is not a footfall project: it has no {FILE_NAME}", got=str(folder), hint=f"make one with footfall init {folder}"
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidConfig(
            f"{path} cannot be read: {problem}", got=str(path), hint="check the file's permissions and that it is UTF-8 text"
        ) from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise InvalidConfig(f"{path} is not TOML: {problem}", got=str(path), hint='keys look like this: name = "shop"') from None
    sources = {key: FILE_NAME for key, _ in _leaves(raw)}
    _refuse_unknown(raw, Config, "", FILE_NAME)
    for variable, value in sorted(environment.items()):
        keys = _override_keys(variable)
        if keys:
            _put(raw, keys, value, variable, sources)
    return Resolved(_convert(raw, sources), sources)


def _convert(raw: dict[str, Any], sources: Mapping[str, str]) -> Config:
    try:
        config = msgspec.convert(raw, Config, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as problem:
        sentence, _, place = str(problem).partition(" - at `$")
        key = place.strip("`").lstrip(".")
        source = sources.get(key, FILE_NAME)
        raise InvalidConfig(
            f"{source}: {key or 'the file'}: {sentence[:1].lower()}{sentence[1:]}", field=key or None, hint="see docs/configuration.md"
        ) from None
    except InvalidConfig as problem:
        source = sources.get(problem.field or "", FILE_NAME)
        raise InvalidConfig(
            f"{source}: {problem.sentence}", field=problem.field, got=problem.got, allowed=problem.allowed, hint=problem.hint
        ) from None
    if config.events.columns:
        config.events.schema()  # refuses a column that every event has and a type that does not exist
    return config


def _decode(kind: type, value: Any) -> Any:
    if kind is Span:
        try:
            return Span(value)
        except InvalidQuery as problem:
            raise ValueError(problem.sentence) from None
    raise TypeError(f"no plain form of {kind.__name__} is known")


def _override_keys(variable: str) -> list[str]:
    """The path that an environment variable names; empty when it is none of ours."""
    if not variable.startswith(PREFIX):
        return []
    rest = variable[len(PREFIX) :]
    if "__" in rest:
        if rest.split("__")[0].lower() in LISTS:
            raise InvalidConfig(
                f"{variable}: [[{rest.split('__')[0].lower()}]] tables are in {FILE_NAME} only", field=variable, hint="write them there"
            )
        return rest.split("__")
    sections = [field.name for field in msgspec.structs.fields(Config)]
    section, underscore, key = rest.lower().partition("_")
    if underscore and section in sections:
        raise InvalidConfig(
            f"{variable} is not a setting", field=variable, hint=f"write two underscores after the section: {PREFIX}{section.upper()}__{key.upper()}"
        )
    return []


def _put(raw: dict[str, Any], keys: list[str], value: str, variable: str, sources: dict[str, str]) -> None:
    kind: Any = Config
    table, path = raw, ""
    for depth, key in enumerate(keys):
        name = _matching(key, kind, table, variable)
        kind = _child(kind, name)
        path = f"{path}.{name}" if path else name
        if depth < len(keys) - 1:
            if not (_is_table(kind)):
                raise InvalidConfig(f"{variable} goes deeper than {path}, which is one value", field=path, hint=f"set {_variable(path)}")
            table = table.setdefault(name, {})
        elif _is_table(kind):
            raise InvalidConfig(f"{variable} names a section, not a value", field=path, hint=f"set one of its keys, such as {_variable(path)}__NAME")
        else:
            table[name] = _plain(value, kind, variable)
            sources[path] = variable


def _matching(key: str, kind: Any, table: Mapping[str, Any], variable: str) -> str:
    """The name of a key as the struct or the file spells it; a new key of a dictionary is in lower case."""
    if _is_struct(kind):
        names = [field.name for field in msgspec.structs.fields(kind)]
        if key.lower() not in names:
            raise _unknown(key.lower(), names, variable)
        return key.lower()
    return next((name for name in table if name.lower() == key.lower()), key.lower())


def _plain(value: str, kind: Any, variable: str) -> object:
    """Lists are written as JSON or with commas; everything else is converted by its type."""
    if "tuple" not in str(kind):
        return value
    if not value.startswith("["):
        return [part.strip() for part in value.split(",")]
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError as problem:
        raise InvalidConfig(f"{variable} is not a list: {problem}", field=variable, got=value, hint='write a,b,c or ["a", "b", "c"]') from None


def _refuse_unknown(raw: object, kind: Any, path: str, source: str) -> None:
    if not isinstance(raw, dict) or not _is_table(kind):
        return
    names = [field.name for field in msgspec.structs.fields(kind)] if _is_struct(kind) else list(raw)
    for key, value in raw.items():
        if key not in names:
            raise _unknown(key, names, source, path)
        _refuse_unknown(value, _child(kind, key), f"{path}.{key}" if path else key, source)


def _unknown(key: str, names: list[str], source: str, path: str = "") -> InvalidConfig:
    near = nearest(key, names, limit=1)
    full = f"{path}.{key}" if path else key
    where = f"[{path}] of {source}" if path else source
    hint = f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(names)
    return InvalidConfig(f"{where} has an unknown key {key!r}", field=full, got=key, allowed=names, hint=hint)


def _is_struct(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, msgspec.Struct)


def _is_table(kind: Any) -> bool:
    return _is_struct(kind) or typing.get_origin(kind) is dict


def _child(kind: Any, key: str) -> Any:
    """The type below a key, without its description."""
    child = {field.name: field.type for field in msgspec.structs.fields(kind)}[key] if _is_struct(kind) else typing.get_args(kind)[1]
    return typing.get_args(child)[0] if typing.get_origin(child) is Annotated else child


def _variable(path: str) -> str:
    return PREFIX + path.upper().replace(".", "__")


def _leaves(raw: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    for key, value in raw.items():
        full = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from _leaves(value, full)
        else:
            yield full, value


def _settings(value: object, path: str, sources: Mapping[str, str], description: str = "") -> Iterator[Setting]:
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            yield from _settings(getattr(value, field.name), f"{path}.{field.name}" if path else field.name, sources, describe(field.type))
    elif isinstance(value, dict) and value:
        for key, child in value.items():
            yield from _settings(child, f"{path}.{key}", sources, description)
    else:
        yield Setting(path, value, sources.get(path, "default"), description)


def describe(kind: Any) -> str:
    """The description that stands beside a field's type."""
    metas = typing.get_args(kind)[1:] if typing.get_origin(kind) is Annotated else ()
    return next((meta.description or "" for meta in metas if isinstance(meta, Meta)), "")
