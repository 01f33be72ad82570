"""What happens to a request, as a list of named steps.

`put_…` adds to the intake, `drop_if_…` refuses.  A step that refuses the whole request raises BadRequest or Turned, and the runner stops there; a
step that refuses single events moves them to the batch's refusals.  Every step is timed under its name.  No step waits for
anything: reading the body comes before, the log after.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from footfall import clock
from footfall.collect.counters import Counters
from footfall.collect.duplicates import NO_HASHES, DuplicateWindow, hashes_of
from footfall.collect.inflate import inflate
from footfall.collect.keys import SOURCE_LENGTH_MAX, KeyRing
from footfall.collect.places import Places, hashed
from footfall.collect.routing import Routing
from footfall.collect.settings import CollectSection
from footfall.collect.wire.contract import Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route, WireProtocol
from footfall.collect.wire.json_body import json_text
from footfall.collect.wire.json_object import ndjson
from footfall.event.canonical import Letter
from footfall.event.drop import DropReason
from footfall.eventlog.contract import Counts, Frame

_LINES = msgspec.json.Encoder()
_REFUSED = "refused\0"
_DEVICES = (b"Mozilla/", b"okhttp", b"Dalvik", b"CFNetwork", b"Darwin")
_ADDRESS = re.compile(r"""(["']\$?_?_?(?:ip|ip_?address|cip|client_ip)["']\s*:\s*)["'][^"']*["']""", re.IGNORECASE)


class Turned(Exception):
    """The client may not, or not now: nothing of the request is kept."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


@dataclass(slots=True)
class Desk:
    """What the steps use."""

    settings: CollectSection
    routing: Routing
    keys: KeyRing
    window: DuplicateWindow
    places: Places
    salt: bytes


@dataclass(slots=True)
class Intake:
    """One request on its way."""

    asked: Asked
    route: Route
    protocol: WireProtocol
    batch: Batch = field(default_factory=lambda: Batch([], []))
    source: str | None = None
    fresh: list[int] | None = None  # indexes of the items that are no duplicates; None: all
    refused_again: list[Refusal] = field(default_factory=list)  # repeated ones, which are dead letters already
    hashes: Any = field(default_factory=lambda: NO_HASHES)
    agent: str | None = None
    place: tuple[str | None, str | None, str | None] = (None, None, None)
    lines: list[Any] | None = None  # the fresh items in canonical form, where the log does not get the body as it came
    frames: list[Frame] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)

    def outcome(self) -> Outcome:
        """What the protocol answers to."""
        count = len(self.batch.items)
        repeated = frozenset() if self.fresh is None else frozenset(range(count)) - frozenset(self.fresh)
        return Outcome(self.batch, repeated, [*self.batch.refused, *self.refused_again] if self.refused_again else self.batch.refused)


def put_body(intake: Intake, desk: Desk) -> None:
    """Unpack the body, within the limit."""
    asked = intake.asked
    asked.body = inflate(asked.body, asked.headers.get(b"content-encoding"), desk.settings.body_bytes_max)


def put_protocol(intake: Intake, desk: Desk) -> None:
    """Where two vendors share a path, find out whose request this is."""
    intake.protocol, intake.route = desk.routing.choose(intake.asked, intake.protocol, intake.route)


def put_batch(intake: Intake, desk: Desk) -> None:
    """Read the body as its protocol says."""
    del desk
    intake.batch = intake.protocol.read(intake.asked)


def put_source(intake: Intake, desk: Desk) -> None:
    """Which application sent it: the name of its key, or without keys the key itself."""
    key = intake.batch.key
    if not desk.keys.guarded():
        intake.source = key[:SOURCE_LENGTH_MAX] if key else None
        return
    intake.source = desk.keys.source(key)
    if intake.source is None:
        sentence = "the request carries no write key" if key is None else "the write key is not one of this project's"
        raise Turned(Problem(401, "unknown_key", sentence, "footfall keys add NAME makes one", batch=intake.batch))


def drop_if_too_many(intake: Intake, desk: Desk) -> None:
    """A request with more events than the limit must be split by its sender."""
    count = len(intake.batch.items) + len(intake.batch.refused)
    if count > desk.settings.events_max:
        raise BadRequest(
            DropReason.TOO_MANY_EVENTS,
            f"the request holds {count:,} events, more than {desk.settings.events_max:,}",
            got=count,
            hint="send fewer at once",
            status=413,
        )


def drop_if_event_too_large(intake: Intake, desk: Desk) -> None:
    """Single events beyond the limit; looked at only where the body is larger than one event may be."""
    most = desk.settings.event_bytes_max
    batch = intake.batch
    if len(intake.asked.body) <= most or not batch.items:
        return
    sizes = [len(_LINES.encode(line)) for line in intake.protocol.events(batch)]
    if max(sizes) <= most:
        return
    for index, size in enumerate(sizes):
        if size > most:
            detail = f"the event has {size:,} bytes, more than {most:,}"
            batch.refused.append(Refusal(batch.place(index), DropReason.EVENT_TOO_LARGE, detail, json_text(batch.items[index])))
    _keep(batch, [index for index, size in enumerate(sizes) if size <= most])


def drop_if_duplicate(intake: Intake, desk: Desk) -> None:
    """Leave out what was accepted before, by id, within the window; and what was refused before, where a refusal has an id."""
    ids, refused = intake.batch.ids, intake.batch.refused
    known = [one for one in ids if one is not None] if None in ids else ids
    # Other hashes than those of events: what was refused may come again, mended, under its id.
    known = [*known, *(_REFUSED + one.event_id for one in refused if one.event_id is not None)] if refused else known
    if not known:
        return
    hashes = hashes_of(known, intake.source)  # type: ignore[arg-type]
    fresh = desk.window.admit(hashes, intake.asked.received_us)
    if fresh.all():
        intake.hashes = hashes
        return
    intake.hashes = hashes[fresh]
    verdicts = iter(fresh.tolist())
    kept = [index for index, one in enumerate(ids) if one is None or next(verdicts)]
    if len(kept) < len(ids):
        intake.fresh = kept
    if refused:
        again = [one.event_id is not None and not next(verdicts) for one in refused]
        intake.refused_again = [one for one, repeated in zip(refused, again, strict=True) if repeated]
        intake.batch.refused = [one for one, repeated in zip(refused, again, strict=True) if not repeated]


def put_place(intake: Intake, desk: Desk) -> None:
    """Country and User-Agent, where the client is somebody's own device and not a server that forwards."""
    asked = intake.asked
    agent = asked.headers.get(b"user-agent", b"")
    if any(mark in agent for mark in _DEVICES):
        intake.agent = agent.decode("utf-8", "replace")
        if asked.address is not None:
            intake.place = desk.places.of(asked.address)


def put_lines(intake: Intake, desk: Desk) -> None:
    """Canonical events where the log may not have the body as it came; addresses become places here, and go no further."""
    batch = intake.batch
    if intake.protocol.raw and not batch.private and not batch.refused and not intake.refused_again:
        return
    lines: list[Any] = list(intake.protocol.events(batch))
    if intake.fresh is not None:
        lines = [lines[index] for index in intake.fresh]
    for line in lines:
        if line.ip is not None:
            _replace_address(line, desk)
    intake.lines = lines


def _replace_address(line: Any, desk: Desk) -> None:
    if getattr(line, "country", "") is None:
        line.country, line.region, line.city = desk.places.of(line.ip)
    kept = desk.settings.ip
    line.ip = None if kept == "drop" else hashed(line.ip, desk.salt) if kept == "hash" else line.ip


def put_frames(intake: Intake, desk: Desk) -> None:
    """What the log gets, and the counts that go with it."""
    batch, protocol = intake.batch, intake.protocol
    total = len(batch.items)
    count = total if intake.fresh is None else len(intake.fresh)
    if count and intake.lines is None:
        kept = None if intake.fresh is None else tuple(intake.fresh)
        intake.frames.append(_frame(intake, "raw", count, intake.asked.body, intake.asked.path, kept))
    elif count and intake.lines is not None:
        intake.frames.append(_frame(intake, "lines", count, ndjson(intake.lines)))
    if batch.refused:
        kept_ip = desk.settings.ip
        letters = [Letter(one.reason.value, one.detail, without_addresses(one.row, kept_ip), one.place, one.field) for one in batch.refused]
        intake.frames.append(letters_frame(protocol.name, letters, intake.asked.received_us, intake.source))
    refused, again = len(batch.refused), len(intake.refused_again)
    intake.counts = Counts(total + refused + again, count, total - count + again, refused)


def _frame(intake: Intake, form: Any, count: int, body: bytes, path: str = "", kept: tuple[int, ...] | None = None) -> Frame:
    country, region, city = intake.place
    return Frame(
        stream=intake.protocol.stream,  # type: ignore[arg-type]
        protocol=intake.protocol.name,
        form=form,
        count=count,
        received_us=intake.asked.received_us,
        body=body,
        source=intake.source,
        sent=intake.batch.sent,
        agent=intake.agent,
        country=country,
        region=region,
        city=city,
        path=path,
        kept=kept,
    )


def letters_frame(protocol: str, letters: list[Letter], received_us: int, source: str | None) -> Frame:
    """Refused events as a frame of the log."""
    return Frame("letters", protocol, "lines", len(letters), received_us, _LINES.encode_lines(letters), source)


def without_addresses(row: str, kept: str) -> str:
    """The text of a dead letter without the IP addresses in members called ip, unless the project keeps them."""
    return row if kept == "keep" or "ip" not in row else _ADDRESS.sub(r"\1null", row)


def _keep(batch: Batch, indexes: list[int]) -> None:
    batch.places = [batch.place(index) for index in indexes]
    batch.items = [batch.items[index] for index in indexes]
    batch.ids = [batch.ids[index] for index in indexes]


Step = Callable[[Intake, Desk], None]

PIPELINE: tuple[Step, ...] = (
    put_body,
    put_protocol,
    put_batch,
    put_source,
    drop_if_too_many,
    drop_if_event_too_large,
    drop_if_duplicate,
    put_place,
    put_lines,
    put_frames,
)
STEP_NAMES = tuple(step.__name__ for step in PIPELINE)


def run(intake: Intake, desk: Desk, counters: Counters) -> None:
    """Every step in order, timed.

    Raises:
        BadRequest: the request cannot be used; its body becomes a dead letter.
        Turned: the client may not.
    """
    before = clock.ticks_ns()
    for index, step in enumerate(PIPELINE):
        step(intake, desk)
        after = clock.ticks_ns()
        counters.step_ns[index] += after - before
        counters.step_runs[index] += 1
        before = after
