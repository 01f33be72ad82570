"""The live path over HTTP, on the port that takes events.

    GET /api/v1/views                 every view
    GET /api/v1/views/NAME            rows, as JSON or CSV
    GET /api/v1/views/NAME/stream     rows as they change, as server-sent events
    GET /api/v1/alerts                alerts
    GET /api/v1/alerts/stream         alerts as they are raised
    GET /api/v1/live                  how far the live path came, how far behind it is, what it counts

Where the project has keys, a read key is asked for.  Files are read in a thread of their own: the event loop, which takes events, never waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from footfall.app.api.live_reading import ALERT_COLUMNS, Document, Live, columns_of, csv_of
from footfall.app.api.metrics import exposition
from footfall.app.api.openapi import PATHS
from footfall.app.api.questions import LARGEST, ViewAsked, alerts_question, between, no_question, view_question, whole
from footfall.app.api.streams import EventStreams
from footfall.collect.keys import KeyRing
from footfall.collect.pages import Further, allowed
from footfall.collect.streaming import StreamAnswer
from footfall.collect.wire.contract import JSON, Answer, Asked
from footfall.errors import FootfallError, InvalidQuery, UserError, WorldError

if TYPE_CHECKING:
    from footfall.app.project import Project
    from footfall.collect.door import OwnPage
    from footfall.eventlog.contract import EventLog

VIEWS, ALERTS, LIVE = "/api/v1/views", "/api/v1/alerts", "/api/v1/live"
STREAM_ROWS, STREAM_ROWS_MAX = 100, 1_000
READS_MAX = 64
RETRY_S = 1
_CSV = (b"content-type", b"text/csv; charset=utf-8")
_FRESH = (b"cache-control", b"no-store")
_EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"), _FRESH, (b"x-accel-buffering", b"no"))


class Busy(WorldError):
    """More questions wait than are answered in time."""

    code = "busy"


class LivePages:
    """The pages and the thread that reads for them."""

    def __init__(self, live: Live, keys: KeyRing, metrics: Callable[[Live], str] = exposition) -> None:
        self._live = live
        self._keys = keys
        self._metrics = metrics
        self._thread = ThreadPoolExecutor(1, "footfall-api")
        self._waiting = 0
        self._streams: EventStreams | None = None

    def further(self) -> Further:
        """What the door shows."""
        pages = {VIEWS: self.views, ALERTS: self.alerts, f"{ALERTS}/stream": self.alerts_stream, LIVE: self.live}
        return Further(
            pages={path: self._guarded(page) for path, page in pages.items()},
            prefixes={f"{VIEWS}/": self._guarded(self.view)},
            paths=PATHS,
            metrics=self.metrics,
            close=self.close,
        )

    # --- pages -----------------------------------------------------------------------------------------------------------

    async def views(self, asked: Asked) -> Answer:
        """Every view."""
        no_question(_pairs(asked))
        return _json({"views": await self._read(self._live.views)})

    async def view(self, asked: Asked) -> Answer:
        """Rows of a view, or the stream of them."""
        name, _, rest = asked.path.removeprefix(f"{VIEWS}/").partition("/")
        if rest == "stream":
            return await self._view_stream(name, asked)
        if rest or not name:
            hint = f"write {VIEWS}/NAME or {VIEWS}/NAME/stream"
            raise InvalidQuery(f"nothing is at {asked.path}", field="path", got=asked.path, hint=hint)
        answer: Answer = await self._read(partial(_rows, self._live, name, asked))
        return answer

    async def _view_stream(self, name: str, asked: Asked) -> Answer:
        question = await self._read(partial(_stream_question, self._live, name, asked))
        return StreamAnswer(200, headers=_EVENTS, pieces=self._event_streams().view(name, question, _last_id(asked)))

    async def alerts(self, asked: Asked) -> Answer:
        """Alerts."""
        question, also = alerts_question(_pairs(asked), also=("format",))
        rows = await self._read(partial(self._live.alerts_of, question))
        return _shown({"alerts": rows}, rows, ALERT_COLUMNS, also)

    async def alerts_stream(self, asked: Asked) -> Answer:
        """Alerts as they are raised."""
        question, _ = alerts_question(_pairs(asked))
        last_id = _last_id(asked)
        if last_id is not None:
            question = msgspec.structs.replace(question, after=last_id)
        return StreamAnswer(200, headers=_EVENTS, pieces=self._event_streams().alerts(question))

    async def live(self, asked: Asked) -> Answer:
        """How far the live path came."""
        no_question(_pairs(asked))
        return _json(await self._read(self._live.status))

    async def metrics(self) -> str:
        """Lines of /metrics; none where they cannot be read now, since the door's own must be seen."""
        try:
            lines: str = await self._read(partial(self._metrics, self._live))
        except FootfallError:
            return ""
        return lines

    # --- how they are made -----------------------------------------------------------------------------------------------

    def _guarded(self, page: Callable[[Asked], Awaitable[Answer]]) -> OwnPage:
        """A page for those who may read, with errors in words."""

        async def guarded(asked: Asked) -> Answer:
            if not allowed(asked, self._keys):
                return _unauthorized()
            try:
                return await page(asked)
            except FootfallError as problem:
                return _failed(problem)

        return guarded

    async def _read(self, read: Callable[[], Any]) -> Any:
        """What a call that reads files gives."""
        if self._waiting >= READS_MAX:
            raise Busy(f"{self._waiting} questions wait", hint="ask again a little later, or follow a stream")
        self._waiting += 1
        try:
            return await self._in_thread(read)
        finally:
            self._waiting -= 1

    async def _in_thread(self, read: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, read)

    def _event_streams(self) -> EventStreams:
        if self._streams is None:
            self._streams = EventStreams(self._live, lambda read: partial(self._in_thread, read))
        return self._streams

    def close(self) -> None:
        """Let go of files and thread."""
        self._thread.shutdown()
        self._live.close()


def live_pages(project: Project, log: EventLog) -> LivePages:
    """The pages of a project, for the process that has its log open."""
    from footfall.app.front.deliveries import FILE_NAME
    from footfall.app.front.running import state_folder

    state = state_folder(project)
    return LivePages(Live(project, log=log), KeyRing(state), partial(exposition, deliveries=state / FILE_NAME))


def _rows(live: Live, name: str, asked: Asked) -> Answer:
    schema = live.schema(name)
    question, also = view_question(_pairs(asked), schema, also=("format",))
    document = live.view(name, question)
    return _shown(document, document["rows"], columns_of(schema), also)


def _stream_question(live: Live, name: str, asked: Asked) -> ViewAsked:
    """Checked whole, so that what is wrong is said before the stream begins."""
    question, _ = view_question(_pairs(asked), live.schema(name), limit=STREAM_ROWS)
    between(question.limit, "limit", 1, STREAM_ROWS_MAX)
    live.view(name, msgspec.structs.replace(question, limit=1))
    return question


def _shown(document: Document, rows: list[Document], names: tuple[str, ...], also: dict[str, str]) -> Answer:
    form = also.get("format", "json")
    if form not in ("json", "csv"):
        raise InvalidQuery(f"there is no format {form!r}", field="format", got=form, allowed=("json", "csv"), hint="write format=json or format=csv")
    return Answer(200, csv_of(rows, names).encode(), (_CSV, _FRESH)) if form == "csv" else _json(document)


def _json(document: Document, status: int = 200, *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(status, msgspec.json.encode(document), (JSON, _FRESH, *headers))


def _unauthorized() -> Answer:
    error = {
        "code": "unknown_key",
        "sentence": "a read key is needed",
        "field": "authorization",
        "hint": "send Authorization: Bearer KEY; footfall keys add NAME --scope read makes one",
    }
    return _json({"error": error}, 401, (b"www-authenticate", b"Bearer"))


def _failed(problem: FootfallError) -> Answer:
    """404 for what is not there, 400 for what cannot be asked, 429 and 503 for what may work later."""
    document = {"error": problem.as_dict()}
    if isinstance(problem, UserError):
        return _json(document, 404 if problem.field in ("view", "path") else 400)
    return _json(document, 429 if isinstance(problem, Busy) else 503, (b"retry-after", str(RETRY_S).encode()))


def _pairs(asked: Asked) -> list[tuple[str, str]]:
    return parse_qsl(asked.query_string.decode("utf-8", "replace"), keep_blank_values=True)


def _last_id(asked: Asked) -> int | None:
    """What the client has already, by its Last-Event-ID."""
    text = asked.header(b"last-event-id")
    if not text:
        return None
    last_id = whole(text, "Last-Event-ID")
    between(last_id, "Last-Event-ID", 0, LARGEST)
    return last_id
