"""Mending dead letters and sending them again: each at most once into the log, however often it is tried.

A letter is mended by an expression, of SQL or of Python's words, into an event (or a log record) in footfall's own form; without one
it is sent as its protocol sent it.  What comes out is checked by the very protocol that will read it, so nothing that would be refused
again is sent.  The event keeps its id, or gets one that is made of the letter's, and the window of duplicates does the rest.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from footfall import clock
from footfall.app.front.expression import Expression, Failed
from footfall.app.front.letters import Letter, letter_table, note_replays, parsed
from footfall.app.front.running import address_of, collector_url
from footfall.app.front.sending.door import Door, Post, refused
from footfall.app.front.sending.menu import sender
from footfall.errors import FootfallError, InvalidQuery, StorageFailed

if TYPE_CHECKING:
    from footfall.app.project import Project

BATCH = 500
NATIVE_PATHS = {"events": "/api/v1/events", "logs": "/api/v1/logs"}
# The protocol of a letter -> how it is sent again unchanged.
UNCHANGED = {
    "native": "events", "native_logs": "logs", "segment": "segment", "posthog": "posthog", "amplitude": "amplitude", "mixpanel": "mixpanel",
    "mixpanel_import": "mixpanel", "snowplow": "snowplow",
}  # fmt: skip
PATIENCE_S = 30.0
START_S = 30.0
NAMES = ("row", "text", "reason", "detail", "protocol", "source", "file", "line", "letter_id", "received_time")


@dataclass(slots=True)
class Repaired:
    """A letter and what it became: an item and the way it is sent, or the problem that is left."""

    letter: Letter
    way: str = "events"
    item: dict[str, Any] | None = None
    problem: str | None = None


@dataclass(slots=True)
class ReplayCounts:
    """letters = stored + duplicate + left, always; `problems` say why letters were left, with the number of each."""

    letters: int = 0
    stored: int = 0
    duplicate: int = 0
    left: int = 0
    problems: dict[str, int] = field(default_factory=dict)


def repair(project: Project, letters: Sequence[Letter], *, sql: str | None = None, python: str | None = None) -> list[Repaired]:
    """What the letters become; with neither expression they stay as they are.

    Raises:
        InvalidQuery: both expressions, or one that cannot be.
    """
    if sql is not None and python is not None:
        raise InvalidQuery("one expression at a time", field="sql", hint="give --sql or --python")
    if sql is not None:
        made = _by_sql(project, letters, sql)
    elif python is not None:
        expression = Expression(python, NAMES)
        made = [_by_expression(letter, expression) for letter in letters]
    else:
        made = [_unchanged(letter) for letter in letters]
    for one in made:
        if one.problem is None:
            _complete(one)
            one.problem = _problem(one)
    return made


def replay(project: Project, made: Sequence[Repaired], *, to: str | None = None, key: str | None = None, say: Callable[[str], None]) -> ReplayCounts:
    """Send what was repaired, and note every letter that is in the log now.

    Raises:
        StorageFailed: there is no collector, and none could be started; nothing is known of the last batch, and trying again is safe.
    """
    counts = ReplayCounts(letters=len(made))
    groups: dict[tuple[str, str], list[Repaired]] = {}
    for one in made:
        if one.problem is not None:
            _leave(counts, one.problem)
        else:
            groups.setdefault((one.way, key or one.letter["source"] or ""), []).append(one)
    if not groups:
        return counts
    with _collector(project, to, say) as door:
        for (way, sent_key), group in groups.items():
            for start in range(0, len(group), BATCH):
                note_replays(project, _send(door, way, sent_key, group[start : start + BATCH], counts))
    return counts


def derived_id(letter_id: str) -> str:
    """The id of an event that has none: always the same for a letter, and of the form that every protocol takes."""
    return str(uuid.UUID(bytes=hashlib.sha256(f"letter:{letter_id}".encode()).digest()[:16], version=4))


# --- expressions ---------------------------------------------------------------------------------------------------------


def _by_expression(letter: Letter, expression: Expression) -> Repaired:
    names = {name: letter.get(name) for name in NAMES}
    names |= {"row": parsed(letter["row"]), "text": letter["row"] or "", "received_time": letter["received_time"].isoformat()}
    try:
        value = expression.value(names)
    except Failed as problem:
        return Repaired(letter, problem=f"the expression has no value: {problem}")
    return _item(letter, value)


def _by_sql(project: Project, letters: Sequence[Letter], sql: str) -> list[Repaired]:
    from footfall.engines.user_sql import user_query

    result = user_query(project.engine(), sql, dimensions=tuple(project.config.dimensions), small_tables={"letters": lambda: letter_table(letters)})
    if "letter_id" not in result.column_names:
        raise InvalidQuery(
            "the query does not say which letter each row mends",
            field="sql",
            got=sql,
            hint="write SELECT letter_id, \"row\"->>'$.event' AS name, … FROM letters",
        )
    rows: dict[str, dict[str, Any]] = {}
    for row in result.to_pylist():
        letter_id = row.pop("letter_id")
        if letter_id in rows:
            raise InvalidQuery(f"the query mends letter {letter_id} twice", field="sql", got=letter_id, hint="return one row a letter")
        rows[letter_id] = row
    made = []
    for letter in letters:
        row = rows.get(letter["letter_id"])
        made.append(Repaired(letter, problem="the query returns no row for it") if row is None else _item(letter, _plain(row)))
    return made


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row of SQL as members: nothing for null, times as text, JSON text of properties as objects."""
    plain = {}
    for name, value in row.items():
        if value is None:
            continue
        if isinstance(value, datetime):
            value = value.isoformat()  # noqa: PLW2901 - the plain form of the same value
        elif name in ("properties", "context", "attributes") and isinstance(value, str):
            value = parsed(value) if value.strip() else None  # noqa: PLW2901
        plain[name] = value
    return plain


def _item(letter: Letter, value: Any) -> Repaired:
    """What an expression gave, as an item for the stream that it is of: a record of a log has a kind and no name."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        return Repaired(letter, problem=f"the expression gives no object of members, but {type(value).__name__}")
    logs = "kind" in value and "name" not in value
    value = {name: member for name, member in value.items() if member is not None}
    return Repaired(letter, "logs" if logs else "events", value)


def _unchanged(letter: Letter) -> Repaired:
    way = UNCHANGED.get(letter["protocol"] or "")
    row = parsed(letter["row"])
    if way is None:
        return Repaired(letter, problem=f"nothing sends {letter['protocol'] or 'rows of files'} again unchanged: mend it with an expression")
    if not isinstance(row, dict):
        return Repaired(letter, problem="the row is no JSON object: mend it with an expression")
    return Repaired(letter, way, row)


def _complete(one: Repaired) -> None:
    """The id, and for footfall's own form the time, that an event without them gets."""
    assert one.item is not None, "without a problem there is an item"
    native = one.way in NATIVE_PATHS
    member = "event_id" if native else sender(one.way).id_member
    holder: Any = one.item
    *way, name = member.split(".")
    for step in way:
        holder = holder.setdefault(step, {}) if isinstance(holder, dict) else None
    if isinstance(holder, dict) and holder.get(name) in (None, ""):
        holder[name] = derived_id(one.letter["letter_id"])
    if native:
        one.item.setdefault("event_time" if one.way == "events" else "time", one.letter["received_time"].isoformat())


# --- sending -------------------------------------------------------------------------------------------------------------


def _post(way: str, key: str, items: Sequence[dict[str, Any]]) -> Post:
    if way not in NATIVE_PATHS:
        return sender(way).post(items, key, clock.now_us())
    headers = {"Content-Type": "application/x-ndjson"} | ({"Authorization": f"Bearer {key}"} if key else {})
    return Post(NATIVE_PATHS[way], b"".join(msgspec.json.encode(item) + b"\n" for item in items), headers)


def _problem(one: Repaired) -> str | None:
    """What the protocol that will read it would say against it."""
    from footfall.collect.routing import Routing, every_protocol
    from footfall.collect.wire.contract import Asked

    post = _post(one.way, "key", [one.item or {}])
    parts = urlsplit(post.path)
    headers = {name.lower().encode(): value.encode() for name, value in post.headers.items()}
    asked = Asked("POST", parts.path, post.body, parts.query.encode(), headers, clock.now_us())
    routing = Routing(every_protocol())
    choice = routing.first("POST", parts.path)
    assert choice is not None, "every way of sending has its protocol"
    try:
        batch = routing.choose(asked, *choice)[0].read(asked)
    except FootfallError as problem:
        return problem.sentence
    return batch.refused[0].detail if batch.refused else None


class _Results(msgspec.Struct):
    class One(msgspec.Struct):
        place: int
        result: str
        detail: str | None = None

    results: list[One]


def _send(door: Door, way: str, key: str, group: Sequence[Repaired], counts: ReplayCounts) -> list[tuple[str, str | None, str]]:
    """One request; the letters that are in the log now."""
    reply = door.post(_post(way, key, [one.item or {} for one in group]))
    if not reply.fine:
        raise refused(door, reply)
    try:
        results = {one.place: one for one in msgspec.json.decode(reply.body, type=_Results).results}
    except msgspec.MsgspecError:
        results = {}  # other products' answers do not tell events apart; all of them are on disk
    noted = []
    for place, one in enumerate(group):
        told = results.get(place)
        result = "stored" if told is None or told.result == "ok" else told.result
        if result == "drop":
            _leave(counts, (told.detail if told else None) or "the collector refused it")
            continue
        counts.stored += result == "stored"
        counts.duplicate += result == "duplicate"
        noted.append((one.letter["letter_id"], _id_of(one), result))
    return noted


def _id_of(one: Repaired) -> str | None:
    value: Any = one.item
    for step in ("event_id" if one.way in NATIVE_PATHS else sender(one.way).id_member).split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return None if value is None else str(value)


def _leave(counts: ReplayCounts, problem: str) -> None:
    counts.left += 1
    counts.problems[problem] = counts.problems.get(problem, 0) + 1


@contextmanager
def _collector(project: Project, to: str | None, say: Callable[[str], None]) -> Iterator[Door]:
    """The collector that answers; without one, a door of the project for the moment."""
    door = Door(to or collector_url(project), patience_s=PATIENCE_S, say=say)
    if to is not None or door.answers():
        try:
            yield door
        finally:
            door.close()
        return
    say("no collector answers: one is started for the moment")
    command = [sys.executable, "-m", "footfall", "-C", str(project.path), "up", "--only", "door", "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=dict(os.environ))  # noqa: S603 - our own command
    try:
        door = Door(_address(project, process), patience_s=PATIENCE_S, say=say)
        yield door
        door.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def _address(project: Project, process: subprocess.Popen[bytes]) -> str:
    end_s = clock.monotonic_s() + START_S
    while process.poll() is None and clock.monotonic_s() < end_s:
        address = address_of(project)
        if address is not None and address.pid == process.pid:
            return address.url
        clock.sleep_s(0.05)
    said = process.stderr.read().decode("utf-8", "replace").strip() if process.poll() is not None and process.stderr else "it is not ready"
    raise StorageFailed(f"no collector could be started: {said.splitlines()[0] if said else ''}", hint="start one with footfall up, and try again")
