"""The front door as an ASGI application: read the request, run the steps, wait for the log, answer as the SDK expects.

Raw ASGI, because a framework between uvicorn and the steps costs as much as the steps.  Memory is bounded before a body is read: what
does not fit among the bytes that are waiting is asked to come back, in the words of its protocol.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from footfall import clock
from footfall.collect.cors import Cors
from footfall.collect.counters import Counters
from footfall.collect.duplicates import NO_HASHES, Hashes
from footfall.collect.inflate import too_large
from footfall.collect.steps import STEP_NAMES, Desk, Intake, Turned, letters_frame, run, without_addresses
from footfall.collect.streaming import Receive, Send, StreamAnswer, Streams
from footfall.collect.wire.contract import Answer, Asked, BadRequest, Problem, Route, WireProtocol
from footfall.collect.wire.json_body import text_of
from footfall.errors import FootfallError
from footfall.event.canonical import Letter
from footfall.eventlog.committer import GroupCommit
from footfall.eventlog.contract import Counts, Frame

Scope = dict[str, Any]
OwnPage = Callable[[Asked], Answer | Awaitable[Answer]]

RETRY_BUSY_S = 1
RETRY_STORAGE_S = 5
_REQUEST_ID = re.compile(rb"^[\w.:-]{1,100}$", re.ASCII)


class _Gone(Exception):
    """The client closed the connection before its request was complete."""


class Door:
    """Takes requests for as long as its log and its committer are open.

    `pages` are paths of footfall's own, such as /healthz; `prefixes` are pages for everything that begins so, the longest first.
    """

    def __init__(self, desk: Desk, committer: GroupCommit, pages: Mapping[str, OwnPage], prefixes: Mapping[str, OwnPage] | None = None) -> None:
        self.desk = desk
        self.committer = committer
        self.pages = pages
        self.streams = Streams()
        self._prefixes = sorted((prefixes or {}).items(), key=lambda prefix: len(prefix[0]), reverse=True)
        self.counters = Counters(STEP_NAMES)
        self.waiting_bytes = 0
        self.cors = Cors(desk.settings.cors_origins, desk.routing.protocols)
        self._trusted = frozenset(desk.settings.trusted_proxies)
        self._numbers = itertools.count(1)
        self._prefix = secrets.token_hex(6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        began_ns = clock.ticks_ns()
        headers = dict(scope["headers"])
        name = "-"
        try:
            choice = self.desk.routing.first(scope["method"], scope["path"])
            if choice is None:
                answer = await self._own(scope, headers)
            else:
                name, answer = await self._protocol(scope, headers, receive, choice)
        except _Gone:
            return
        self.counters.answered(name, answer.status, clock.ticks_ns() - began_ns)
        if choice is None and isinstance(answer, StreamAnswer):
            await send({"type": "http.response.start", "status": answer.status, "headers": self._head(answer, headers)})
            await self.streams.send(answer, receive, send)
            return
        await self._send(send, answer, headers)

    # --- events ----------------------------------------------------------------------------------------------------------

    async def _protocol(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, choice: tuple[WireProtocol, Route]) -> tuple[str, Answer]:
        """The name of the protocol whose request it was, and its answer."""
        protocol, route = choice
        asked = Asked(scope["method"], scope["path"], b"", scope["query_string"], headers, clock.now_us(), self._address(scope, headers))
        held = _declared(headers)
        if self.waiting_bytes + held + self.committer.waiting_bytes > self.desk.settings.waiting_bytes_max and self.waiting_bytes:
            return protocol.name, _refusal(
                protocol, asked, Problem(429, "busy", "the collector is busy", "send it again a little later", RETRY_BUSY_S)
            )
        self.waiting_bytes += held
        try:
            asked.body = await self._body(receive, held)
            if route.reply is not None:
                protocol, route = self.desk.routing.choose(asked, protocol, route)
            if route.reply is not None:
                return protocol.name, route.reply(asked)
            return await self._taken(Intake(asked, route, protocol))
        except BadRequest as problem:
            return protocol.name, _refusal(protocol, asked, _problem(problem))
        finally:
            self.waiting_bytes -= held

    async def _taken(self, intake: Intake) -> tuple[str, Answer]:
        answer = await self._store(intake)
        return intake.protocol.name, answer  # known only now: vendors may share a path

    async def _store(self, intake: Intake) -> Answer:
        try:
            run(intake, self.desk, self.counters)
            if intake.route.reply is not None:
                return intake.route.reply(intake.asked)
        except BadRequest as problem:
            self.desk.window.take_back(intake.hashes)
            return await self._refused(intake, problem)
        except Turned as turned:
            self.counters.refused[turned.problem.code] += 1
            return _refusal(intake.protocol, intake.asked, turned.problem)
        except BaseException:
            self.desk.window.take_back(intake.hashes)
            raise
        error = await self._durable(intake.frames, intake.hashes, intake.counts)
        if error is not None:
            return _refusal(intake.protocol, intake.asked, _not_stored(error))
        self._count(intake)
        return intake.protocol.answer(intake.asked, intake.outcome())

    async def _refused(self, intake: Intake, problem: BadRequest) -> Answer:
        """A request that cannot be used: its body becomes one dead letter, unless it comes from a stranger."""
        asked, protocol = intake.asked, intake.protocol
        self.counters.refused[problem.reason.value] += 1
        if not self._stranger(asked, intake):
            row = "" if problem.status == 413 else without_addresses(text_of(asked.body), self.desk.settings.ip)
            letter = Letter(problem.reason.value, problem.sentence, row, 0, problem.field)
            error = await self._durable([letters_frame(protocol.name, [letter], asked.received_us, intake.source)], NO_HASHES, Counts(1, 0, 0, 1))
            if error is not None:
                return _refusal(protocol, asked, _not_stored(error))
        return _refusal(protocol, asked, _problem(problem))

    def _stranger(self, asked: Asked, intake: Intake) -> bool:
        """Where keys are asked for, a body that cannot be read may still carry its key in a header or the query."""
        keys = self.desk.keys
        if intake.source is not None or not keys.guarded():
            return False
        sent = [intake.batch.key, *(asked.header(name) for name in (b"x-write-key", b"openpanel-client-id")), *asked.query().values()]
        scheme, _, rest = (asked.header(b"authorization") or "").partition(" ")
        if scheme.lower() == "basic":
            from footfall.collect.wire.form_body import from_base64

            rest = (from_base64(rest) or b"").decode("utf-8", "replace").partition(":")[0]
        return not any(one and keys.source(one) for one in (*sent, rest))

    async def _durable(self, frames: Sequence[Frame], hashes: Hashes, counts: Counts) -> FootfallError | None:
        """Wait until the log has it; the error when it has not."""
        if not counts.received:
            return None
        future: asyncio.Future[FootfallError | None] = asyncio.get_running_loop().create_future()

        def settled(error: FootfallError | None) -> None:
            # Here and not after the wait: a request that comes in between would find ids of events that do not exist.
            if error is not None:
                self.desk.window.take_back(hashes)
            if not future.done():
                future.set_result(error)

        self.committer.submit(frames, hashes.tobytes(), counts, settled)
        return await future

    def _count(self, intake: Intake) -> None:
        events, name, counts = self.counters.events, intake.protocol.name, intake.counts
        events[name, "accepted"] += counts.accepted
        if counts.duplicate:
            events[name, "duplicate"] += counts.duplicate
        if counts.dead_lettered:
            events[name, "dead_lettered"] += counts.dead_lettered
            for refusal in intake.batch.refused:
                self.counters.refused[refusal.reason.value] += 1

    # --- everything else -------------------------------------------------------------------------------------------------

    async def _own(self, scope: Scope, headers: dict[bytes, bytes]) -> Answer:
        path, method = scope["path"], scope["method"]
        methods = self.desk.routing.methods(path)
        page = self.pages.get(path) or next((page for prefix, page in self._prefixes if path.startswith(prefix)), None)
        if method == "OPTIONS":
            return self.cors.preflight(("GET", "HEAD") if page is not None and not methods else methods)
        if page is not None:
            if method not in ("GET", "HEAD"):
                return _json(405, "method_not_allowed", f"{path} takes GET, not {method}", (b"allow", b"GET, HEAD"))
            return await self._shown(page, Asked(method, path, b"", scope["query_string"], headers, clock.now_us(), self._address(scope, headers)))
        if methods:
            allowed = ", ".join((*methods, "OPTIONS"))
            return _json(405, "method_not_allowed", f"{path} takes {allowed}, not {method}", (b"allow", allowed.encode()))
        return _json(404, "unknown_path", f"nothing is at {path}", hint="the paths that take events are listed at /openapi.json")

    async def _shown(self, page: OwnPage, asked: Asked) -> Answer:
        """What a page says; of a stream beyond the limit that it must wait."""
        answer = page(asked)
        if not isinstance(answer, Answer):
            answer = await answer
        if asked.method == "HEAD":
            return Answer(answer.status, b"", answer.headers)
        if isinstance(answer, StreamAnswer) and self.streams.full:
            sentence = f"{self.streams.most} streams are open, and there is no room for another"
            return _json(429, "busy", sentence, (b"retry-after", b"%d" % RETRY_STORAGE_S), hint="close one, or ask for rows now and then")
        return answer

    async def _body(self, receive: Receive, declared: int) -> bytes:
        """The whole body, refused as soon as it is known to be too large."""
        most = self.desk.settings.body_bytes_max
        if declared > most:
            raise too_large(most)
        message = await receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise _Gone
        if not message.get("more_body", False):
            return body
        pieces, size = [body], len(body)
        extra = 0
        try:
            while message.get("more_body", False):
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                if size > most:
                    raise too_large(most)
                if size > declared + extra:
                    self.waiting_bytes += len(pieces[-1])
                    extra += len(pieces[-1])
        finally:
            self.waiting_bytes -= extra
        return b"".join(pieces)

    def _address(self, scope: Scope, headers: dict[bytes, bytes]) -> str | None:
        """The client's address: the nearest one that is no proxy of ours."""
        client = scope.get("client")
        address: str | None = client[0] if client else None
        forwarded = headers.get(b"x-forwarded-for")
        if forwarded is None or address not in self._trusted:
            return address
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            address = hop.strip().strip("[]") or address
            if address not in self._trusted:
                break
        return address

    def _head(self, answer: Answer, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """The headers of an answer, apart from its length."""
        given = headers.get(b"x-request-id")
        request_id = given if given is not None and _REQUEST_ID.match(given) else f"{self._prefix}-{next(self._numbers):x}".encode()
        shown = [*answer.headers, (b"x-request-id", request_id)]
        origin = headers.get(b"origin")
        if origin is not None:
            shown += self.cors.headers(origin)
        return shown

    async def _send(self, send: Send, answer: Answer, headers: dict[bytes, bytes]) -> None:
        shown = [*self._head(answer, headers), (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": shown})
        await send({"type": "http.response.body", "body": answer.body})


def _declared(headers: dict[bytes, bytes]) -> int:
    """What Content-Length says; the server has checked that it is a number."""
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() and len(length) < 19 else 0


def _refusal(protocol: WireProtocol, asked: Asked, problem: Problem) -> Answer:
    """What the protocol says, with Retry-After where the client shall come back."""
    answer = protocol.refuse(asked, problem)
    if problem.retry_after_s is None or any(name == b"retry-after" for name, _ in answer.headers):
        return answer
    return Answer(answer.status, answer.body, (*answer.headers, (b"retry-after", str(problem.retry_after_s).encode())))


def _problem(problem: BadRequest) -> Problem:
    return Problem(problem.status, problem.reason.value, problem.sentence, problem.hint)


def _not_stored(error: FootfallError) -> Problem:
    return Problem(503, error.code, error.sentence, "send it again a little later", RETRY_STORAGE_S)


def _json(status: int, code: str, sentence: str, *headers: tuple[bytes, bytes], hint: str | None = None) -> Answer:
    body = msgspec.json.encode({"error": {"code": code, "sentence": sentence, "hint": hint}})
    return Answer(status, body, ((b"content-type", b"application/json"), *headers))
