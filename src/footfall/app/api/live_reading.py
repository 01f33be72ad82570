"""The live path as everybody sees it.  HTTP, the command line and Python ask here, so all of them say the same.

    live = Live(project)
    live.rows("pages", latest=True, order="events", limit=10)
    live.alerts(rule="burst")
    live.status()

Any process may ask while another one writes.  Every document is of one micro-batch's end and says which: its `position` and `sequence`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from footfall import clock
from footfall.app.api.questions import AlertsAsked, ViewAsked, asked_of
from footfall.errors import InvalidQuery, StorageFailed, nearest
from footfall.stream.store.contract import Moment, RowsWanted
from footfall.stream.store.reading import SqliteReader, iso

if TYPE_CHECKING:
    from footfall.app.project import Project
    from footfall.eventlog.contract import EventLog
    from footfall.stream.contract import Alert, ViewSchema

LOOKS = 5
Document = dict[str, Any]


class Live:
    """What a project's live path shows now.  `log` is its event log where the process has it open."""

    def __init__(self, project: Project, *, log: EventLog | None = None) -> None:
        self._file = project.config.views.path(project.path)
        self._zone = project.config.project.time_zone
        self._project = project
        self._given_log = log
        self._opened_log: EventLog | None = None
        self._inode: int | None = None
        self._kept: SqliteReader | None = None

    # --- views -----------------------------------------------------------------------------------------------------------

    def views(self) -> list[Document]:
        """Every view: its name, title, stream, window and columns, and for how many seconds rows may change and are kept."""
        return [_schema(view) for view in self.reader.views().values()]

    def schema(self, name: str) -> ViewSchema:
        """What a view's rows look like.

        Raises:
            InvalidQuery: there is no such view; its `field` is then "view".
        """
        views = self.reader.views()
        if name not in views:
            near = nearest(name, views, limit=1)
            hint = f"did you mean {near[0]!r}?" if near else "views: " + (", ".join(views) or "none yet; start the project with footfall up")
            raise InvalidQuery(f"there is no view {name!r}", field="view", got=name, allowed=tuple(views), hint=hint)
        return views[name]

    def rows(self, name: str, **question: Any) -> list[Document]:
        """Rows of a view, newest window first; the question is made of the members of `ViewAsked`.

        Raises:
            InvalidQuery: there is no such view, column or member.
        """
        rows: list[Document] = self.view(name, asked_of(ViewAsked, question))["rows"]
        return rows

    def view(self, name: str, asked: ViewAsked) -> Document:
        """Rows of a view with the position they belong to."""
        schema = self.schema(name)
        moment, rows = self._at_once(name, asked.wanted(schema, self._zone))
        clock_us = moment.clock_us.get(schema.stream)
        return {
            "view": name,
            "title": schema.title,
            "stream": schema.stream,
            "window": schema.window,
            "position": moment.position,
            "sequence": moment.sequence,
            "event_clock": None if clock_us is None else iso(clock_us),
            "rows": rows,
        }

    def _at_once(self, name: str, wanted: RowsWanted) -> tuple[Moment, list[Document]]:
        """Rows and the moment they are of.  If something is committed in between the older moment counts, so nothing newer is missed."""
        reader = self.reader
        for _ in range(LOOKS):
            moment = reader.moment()
            rows = reader.rows(name, wanted)
            if reader.moment().sequence == moment.sequence:
                break
        return moment, rows

    # --- alerts ----------------------------------------------------------------------------------------------------------

    def alerts(self, **question: Any) -> list[Document]:
        """Alerts, newest first; those behind a number, with `after`, in the order they were raised.  Members: see `AlertsAsked`."""
        return self.alerts_of(asked_of(AlertsAsked, question))

    def alerts_of(self, asked: AlertsAsked) -> list[Document]:
        """The alerts of a question."""
        newest = asked.after is None
        found = self.reader.alerts(after=asked.after or 0, rule=asked.rule, limit=asked.limit, newest=newest)
        return [alert_document(number, alert) for number, alert in found]

    # --- how far it is ---------------------------------------------------------------------------------------------------

    def sequence(self) -> tuple[str, int]:
        """What is another one after every commit: the log's name and the number of the micro-batch."""
        moment = self.reader.moment()
        return moment.log, moment.sequence

    @property
    def begun(self) -> bool:
        """Whether a live path has ever run here."""
        return self._file.exists()

    def status(self) -> Document:
        """How far the live path came, how far behind the log it is, what it counted, and what its process last said of itself."""
        reader = self.reader
        moment, gauges, now_us = reader.moment(), reader.gauges(), clock.now_us()
        counts: dict[str, dict[str, int]] = {}
        for (operator, name), value in sorted(reader.counters().items()):
            counts.setdefault(operator, {})[name] = value
        return {
            "position": moment.position,
            **self._lag(moment, now_us),
            "sequence": moment.sequence,
            "written": iso(moment.written_us) if moment.written_us else None,
            "reported": iso(gauges["written_us"]) if "written_us" in gauges else None,
            "streams": {
                stream: {"event_clock": iso(clock_us), "behind_s": (now_us - clock_us) / 1e6} for stream, clock_us in sorted(moment.clock_us.items())
            },
            "counts": counts,
            "state_bytes": gauges.get("state_bytes", {}),
            "state_rows": gauges.get("state_rows", {}),
            "dimension_unknown": gauges.get("dimension_unknown", {}),
            "step_s": {step: spent_ns / 1e9 for step, spent_ns in gauges.get("step_ns", {}).items()},
            "rows_per_s": gauges.get("rows_per_s"),
            "batch_ms": gauges.get("batch_ms", {}),
        }

    def _lag(self, moment: Moment, now_us: int) -> Document:
        """Records of the log that wait, and for how many seconds the oldest of them does; None where there is no log."""
        log = self._log()
        if log is None:
            return {"log": moment.log or None, "log_end": None, "lag_records": None, "lag_s": None}
        end = log.end()
        position = moment.position if moment.log in ("", log.name) else log.start()
        block = next(iter(log.read(position, bytes_max=1)), None) if position < end else None
        lag_s = 0.0 if block is None else max(0.0, (now_us - block.received_us) / 1e6)
        return {"log": log.name, "log_end": end, "lag_records": max(0, end - position), "lag_s": lag_s}

    # --- files -----------------------------------------------------------------------------------------------------------

    def _log(self) -> EventLog | None:
        if self._given_log is not None or self._opened_log is not None:
            return self._given_log or self._opened_log
        from footfall.eventlog.opening import open_log

        section, folder = self._project.config.log, self._project.path
        if section.path(folder).is_dir():
            try:
                self._opened_log = open_log(section, folder, read_only=True)
            except StorageFailed:
                return None  # it is being made
        return self._opened_log

    @property
    def reader(self) -> SqliteReader:
        """The state's file as it is now: one that was removed and made anew is another one."""
        inode = _inode(self._file)
        if self._kept is None or inode != self._inode:
            if self._kept is not None:
                self._kept.close()
            self._kept, self._inode = SqliteReader(self._file), inode
        return self._kept

    def close(self) -> None:
        """Let go of the files that were opened here."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None
        if self._opened_log is not None:
            self._opened_log.close()
            self._opened_log = None

    def __repr__(self) -> str:
        return f"Live({str(self._file)!r})"


def alert_document(number: int, alert: Alert) -> Document:
    """An alert as it is shown: what actions send of it, with its number and its place in the log."""
    from footfall.connectors.actions.contract import sentence

    return {
        "number": number,
        "id": alert.id,
        "rule": alert.rule,
        "severity": alert.severity,
        "key": alert.key,
        "time": iso(alert.time_us),
        "value": alert.value,
        "window_start": None if alert.window_start_us is None else iso(alert.window_start_us),
        "window_end": None if alert.window_end_us is None else iso(alert.window_end_us),
        "details": alert.details,
        "text": sentence(alert),
        "position": alert.position,
        "raised": iso(alert.raised_us) if alert.raised_us else None,
    }


ALERT_COLUMNS = ("number", "time", "severity", "rule", "text", "key", "value", "window_start", "window_end", "details", "id", "position", "raised")


def columns_of(view: ViewSchema) -> tuple[str, ...]:
    """The members of a view's rows, in order."""
    named = [column.name for column in view.columns]
    return ("updated", *named) if view.window == "none" else ("window_start", "window_end", *named, "final")


def csv_of(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Rows as CSV with a header line: text in quotes, nothing where there is nothing, lists and objects as JSON."""
    lines = [",".join(_cell(name) for name in names)]
    lines += [",".join(_cell(row[name]) for name in names) for row in rows]
    return "\n".join([*lines, ""])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if not isinstance(value, str):
        return _quoted(msgspec.json.encode(value).decode())
    return _quoted(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _schema(view: ViewSchema) -> Document:
    return {
        "name": view.name,
        "title": view.title,
        "stream": view.stream,
        "window": view.window,
        "columns": [{"name": column.name, "kind": column.kind, "role": column.role} for column in view.columns],
        "lateness_s": view.lateness_us / 1e6,
        "keep_s": view.keep_us / 1e6,
    }


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except OSError:
        return None
