"""A view in motion: records become windows by key, and windows rows that other processes read.

[[view]]
name = "pages"
keys = ["page"]
where = ["name=page_view"]
window = { sliding = "5m", every = "1m" }
measures = ["count", "distinct(person_id)", "p95(properties.duration_ms)"]
keep = "1d"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from footfall.errors import InvalidConfig
from footfall.event.filters import Filter
from footfall.event.span import Span
from footfall.kernels.live import measures as measuring
from footfall.stream.aggregate import Aggregate, Changed
from footfall.stream.contract import Outputs, StreamName, ViewColumn, ViewRows, ViewSchema
from footfall.stream.measure import Measure, measure
from footfall.stream.window import Window, window

if TYPE_CHECKING:
    from footfall.kernels.live.table import KeyedTable
    from footfall.stream.batch import Batch

NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,62}$"
RESERVED = ("window_start", "window_end", "final", "updated")


class View(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a view counts: which records, by which keys, in which windows, and for how long its rows are kept."""

    name: Annotated[str, Meta(description="the view's name", pattern=NAME)]
    title: Annotated[str, Meta(description="what a reader sees above it")] = ""
    stream: Annotated[StreamName, Meta(description="events, or logs: lines of applications")] = "events"
    keys: Annotated[tuple[str, ...], Meta(description="columns, properties.key or dimension.column; one row for each of their values")] = ()
    where: Annotated[tuple[Filter, ...], Meta(description="take records that meet these conditions, e.g. name=page_view")] = ()
    window: Annotated[
        dict[str, str], Meta(description='{ tumbling = "10s" }, { sliding = "5m", every = "1m" } or { session = "30m" }; left out: one row a key')
    ] = {}
    measures: Annotated[
        tuple[str, ...] | dict[str, str],
        Meta(description="count, sum(x), mean(x), min(x), max(x), share(x>1), distinct(x), p95(x), path(x); as a table: names and measures"),
    ] = ("count",)
    lateness: Annotated[Span | None, Meta(description="how late a record may come and still count; left out: live.lateness")] = None
    keep: Annotated[Span, Meta(description="how long rows are kept behind the event clock")] = Span("1d")

    def __post_init__(self) -> None:
        kind = window(self.window, field=f"view.{self.name}.window")
        columns = [*self.keys, *(one.name for one in self.measured())]
        doubled = next((name for name in columns if columns.count(name) > 1 or name in RESERVED), None)
        if doubled is not None:
            raise self._wrong(
                f"has two columns {doubled!r}", "measures", doubled, 'give measures names: { events = "count", revenue = "sum(price)" }'
            )
        if kind.kind == "none" and any(one.kind in (measuring.DISTINCT, measuring.QUANTILE) for one in self.measured()):
            raise self._wrong("counts distinct values or quantiles without end", "window", None, "give it a window")
        if not columns:
            raise self._wrong("measures nothing", "measures", None, 'write measures = ["count"]')

    def _wrong(self, what: str, field: str, got: object, hint: str) -> InvalidConfig:
        return InvalidConfig(f"view {self.name!r} {what}", field=f"view.{self.name}.{field}", got=got, hint=hint)

    def measured(self) -> tuple[Measure, ...]:
        """Its measures."""
        field = f"view.{self.name}.measures"
        if isinstance(self.measures, dict):
            return tuple(measure(text, field=field, name=name) for name, text in self.measures.items())
        return tuple(measure(text, field=field) for text in self.measures)

    def references(self) -> tuple[str, ...]:
        """Every column it looks at."""
        return references(self.keys, self.where, self.measured())


def references(keys: Sequence[str], where: Sequence[Filter], measured: Sequence[Measure]) -> tuple[str, ...]:
    """Every column that keys, conditions and measures look at."""
    found = [*keys, *(one.column for one in where)]
    for one in measured:
        found += [one.reference] if one.reference is not None else []
        found += [one.condition.column] if one.condition is not None else []
    return tuple(dict.fromkeys(found))


class ViewOperator:
    """One view in motion."""

    def __init__(self, view: View, *, lateness_us: int) -> None:
        self.view = view
        self.name = f"view:{view.name}"
        self.stream: StreamName = view.stream
        self.spec = spec_of(view)
        self.lateness_us = lateness_us if view.lateness is None else view.lateness.us
        self.window = window(view.window, field=f"view.{view.name}.window")
        check_session(self.window, self.lateness_us, f"view.{view.name}.window")
        self.measures = view.measured()
        self._aggregate = Aggregate(self.window, self.measures, lateness_us=self.lateness_us, keep_us=view.keep.us)
        self.views = [view_schema(view.name, view.title, self, view.keys, tuple(column_of(one) for one in self.measures), keep_us=view.keep.us)]

    def tables(self) -> Mapping[str, KeyedTable]:
        """Its windows and what they are made of."""
        return self._aggregate.tables()

    def take(self, batch: Batch, out: Outputs) -> None:
        """Add the records that it wants to their windows."""
        wanted = batch.take_part(self.name, self.lateness_us, self.view.where, out)
        which = np.flatnonzero(wanted)
        keys = batch.columns.hashes(self.view.keys)[0] if self.view.keys else np.ones(len(batch), np.int64)
        refused = self._aggregate.refused
        self._aggregate.take(batch, which, keys, batch.clock_us - self.lateness_us)
        out.count(self.name, "taken", len(which))
        out.count(self.name, "no_room", self._aggregate.refused - refused)
        changed = self._aggregate.changed()
        if len(changed.ids) or changed.gone:
            out.rows.append(view_rows(self.views[0], self._aggregate, batch, changed, out))

    def sweep(self, clock_us: int) -> None:
        """Forget windows that nothing can change any more."""
        self._aggregate.sweep(clock_us - self.lateness_us)

    def tick(self, clock_us: int, out: Outputs) -> bool:
        """Windows need no timer: whether a row is final is read from the event clock."""
        del clock_us, out
        return False


# --- shared with rules that record windows -------------------------------------------------------------------------------


def check_session(kind: Window, lateness_us: int, field: str) -> None:
    """A session's gap must be at least the lateness, or sessions could still join that seem closed."""
    if kind.kind == "session" and kind.size_us < lateness_us:
        raise InvalidConfig(
            f"a session's gap cannot be shorter than the lateness of {lateness_us / 1e6:g} s",
            field=field,
            hint="lengthen the gap, or lower the lateness",
        )


def spec_of(declared: msgspec.Struct) -> str:
    """A declaration as text: rows and state of another declaration are of no use."""
    return msgspec.json.encode(declared, enc_hook=str).decode()


def column_of(one: Measure) -> ViewColumn:
    """The column of a measure."""
    kind = "json" if one.kind == measuring.PATH else "integer" if one.counts else "real"
    return ViewColumn(one.name, kind)  # type: ignore[arg-type]


def view_schema(name: str, title: str, operator: Any, keys: Sequence[str], columns: tuple[ViewColumn, ...], *, keep_us: int) -> ViewSchema:
    """The schema of the rows of an operator's windows."""
    kind: Window = operator.window
    lateness_us = operator.lateness_us + (kind.size_us if kind.kind == "session" else 0)
    keyed = tuple(ViewColumn(key, "text", "key") for key in keys)
    return ViewSchema(name, title or name.replace("_", " "), operator.stream, str(kind), (*keyed, *columns), lateness_us, keep_us, operator.spec)


def view_rows(view: ViewSchema, aggregate: Aggregate, batch: Batch, changed: Changed, out: Outputs) -> ViewRows:
    """Changed windows as rows of a view."""
    keys = [column.name for column in view.keys]
    columns: list[Sequence[Any]] = list(batch.columns.text_columns(keys, changed.record)) if keys else []
    for index, one in enumerate(aggregate.measures):
        columns.append(_values(one, index, aggregate, changed))
        if one.kind == measuring.PATH:
            _note_texts(one, batch, out)
    gone = list(changed.gone)
    if aggregate.window.kind == "session":
        gone += aggregate.moved(changed, np.arange(len(changed.ids)))
        aggregate.shown(changed.ids)
    return ViewRows(view.name, changed.ids.tolist(), changed.start_us.tolist(), changed.end_us.tolist(), columns, gone)


def _values(one: Measure, index: int, aggregate: Aggregate, changed: Changed) -> Sequence[Any]:
    if one.kind == measuring.PATH:
        return aggregate.paths(index, changed.ids)
    values = changed.values[index]
    if one.counts:
        whole: list[int] = values.astype(np.int64).tolist()
        return whole
    return [None if missing else value for value, missing in zip(values.tolist(), np.isnan(values).tolist(), strict=True)]


def _note_texts(one: Measure, batch: Batch, out: Outputs) -> None:
    """The texts behind the hashes of a path."""
    assert one.reference is not None
    hashes, valid = batch.columns.hashes((one.reference,))
    rows = np.unique(hashes, return_index=True)[1]
    rows = rows[valid[rows]]
    texts = batch.columns.text_columns((one.reference,), rows)[0]
    out.texts.update({int(hashed) or 1: text for hashed, text in zip(hashes[rows], texts, strict=True) if text is not None})
