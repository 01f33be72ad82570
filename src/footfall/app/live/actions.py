"""The actions of a project: its `[[notify]]` tables read and checked, what delivers to them, and how far each came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from footfall import clock
from footfall.app.front.deliveries import FILE_NAME, Deliveries, Letter, Totals
from footfall.app.front.delivering import WAITING_MAX, Deliverer, outlets
from footfall.app.front.running import state_folder
from footfall.connectors.actions.building import build_action
from footfall.connectors.actions.contract import Message, message_of
from footfall.connectors.actions.settings import KINDS, Notify, check_names
from footfall.connectors.actions.templates import MEMBERS, Template
from footfall.errors import InvalidConfig, InvalidQuery, nearest
from footfall.stream.contract import Alert
from footfall.stream.store.reading import SqliteReader

if TYPE_CHECKING:
    from footfall.app.project import Project

_HINT = "see docs/actions.md"


def notify_of(project: Project) -> tuple[Notify, ...]:
    """The actions that footfall.toml declares, in its order.

    Raises:
        InvalidConfig: a table is wrong; the error names it.
    """
    made = tuple(_read(number, given) for number, given in enumerate(project.config.notify, 1))
    check_names(made)
    return made


def action_of(project: Project, name: str) -> Notify:
    """One action by its name.

    Raises:
        InvalidQuery: there is none of that name.
    """
    known = {one.name: one for one in notify_of(project)}
    if name not in known:
        near = nearest(name, known, limit=1)
        hint = f"did you mean {near[0]!r}?" if near else "actions: " + (", ".join(known) or "none; declare one as [[notify]] in footfall.toml")
        raise InvalidQuery(f"there is no action {name!r}", field="action", got=name, allowed=tuple(known), hint=hint)
    return known[name]


def deliverer_of(project: Project, environment: Mapping[str, str]) -> Deliverer:
    """What delivers the alerts of a project, once it is started.

    Raises:
        InvalidConfig: a table is wrong, or the environment lacks a secret.
        MissingExtra: an action needs a package that is not installed.
    """
    ways = outlets(notify_of(project), state_folder(project), environment)
    state = project.config.views.path(project.path)
    return Deliverer(ways, lambda: SqliteReader(state), deliveries_path(project))


def deliveries_path(project: Project) -> Path:
    """Where a project notes its deliveries."""
    return state_folder(project) / FILE_NAME


def delivered(project: Project) -> dict[str, int]:
    """For each action of a project the number up to which the outbox is needed no longer."""
    deliveries = Deliveries(deliveries_path(project), read_only=True)
    try:
        totals = deliveries.totals()
    finally:
        deliveries.close()
    return {one.name: totals[one.name].passed if one.name in totals else 0 for one in notify_of(project)}


def standing(project: Project, name: str | None = None) -> list[Totals]:
    """Where each action stands, or one of them: those that are declared, then those of which only past deliveries are known."""
    declared = [one.name for one in notify_of(project)]
    deliveries = Deliveries(deliveries_path(project), read_only=True)
    views = SqliteReader(project.config.views.path(project.path))
    try:
        totals = deliveries.totals()
        found = []
        for one in dict.fromkeys([*declared, *totals]):
            known = totals.get(one, Totals(one))
            waiting = len(views.posted(one, after=known.passed, limit=WAITING_MAX))
            found.append(msgspec.structs.replace(known, waiting=waiting))
    finally:
        deliveries.close()
        views.close()
    return found if name is None else [one for one in found if one.action == name]


def letters_of(project: Project, name: str | None = None) -> list[Letter]:
    """Alerts that were set aside, of one action or of all."""
    deliveries = Deliveries(deliveries_path(project), read_only=True)
    try:
        return deliveries.letters(name)
    finally:
        deliveries.close()


def replay(project: Project, name: str, numbers: Sequence[int]) -> int:
    """Have alerts that were set aside tried again by the running project, all of an action's without numbers; how many.

    Raises:
        InvalidQuery: a number is not among them.
    """
    dead = [letter.number for letter in letters_of(project, name)]
    unknown = next((number for number in numbers if number not in dead), None)
    if unknown is not None:
        hint = f"footfall alerts deliveries --action {name} --dead lists them"
        raise InvalidQuery(f"action {name!r} has set aside no alert {unknown}", field="number", got=unknown, allowed=tuple(dead[:20]), hint=hint)
    deliveries = Deliveries(deliveries_path(project))
    try:
        return sum(deliveries.replay(name, number, clock.now_us()) for number in numbers or (None,))
    finally:
        deliveries.close()


def try_out(project: Project, name: str, environment: Mapping[str, str]) -> Message:
    """Send one made-up alert, marked as a test, from this process; what was sent.

    Raises:
        InvalidQuery: there is no such action.
        DeliveryFailed: it did not get through.
    """
    settings = action_of(project, name)
    action = build_action(settings, state_folder(project), environment)
    message = message_of(_sample(project, settings), test=True)
    try:
        action.deliver([message])
    finally:
        action.close()
    return message


def _sample(project: Project, settings: Notify) -> Alert:
    """An alert with everything that the action's templates ask for, and a new id, so that nobody takes it for a repeat."""
    columns = [str(one) for rule in project.config.rule if settings.name in rule.get("actions", ()) for one in rule.get("key", ())]
    columns += [name for name in _named(settings) if name not in MEMBERS]
    key: dict[str, str | None] = dict.fromkeys(
        [name.removeprefix("key.") for name in columns if not name.startswith("details.")] or ["user_id"], "test"
    )
    details = {name.removeprefix("details."): "test" for name in columns if name.startswith("details.")}
    now_us = clock.now_us()
    return Alert(f"test-{now_us}", "test", "low", key, now_us, 1.0, 0, now_us, now_us, details, now_us)


def _named(settings: Notify) -> list[str]:
    """What the templates of an action name."""
    found: list[str] = []
    for field in msgspec.structs.fields(type(settings)):
        value = getattr(settings, field.name)
        for text in value.values() if isinstance(value, dict) else [value]:
            if isinstance(text, str) and "{" in text:
                found += Template(text, field.name).names
    return found


def _read(number: int, given: Mapping[str, object]) -> Notify:
    """A table as its struct; the kind first, so that its members can be told apart."""
    which = f"notify {given['name']!r}" if isinstance(given.get("name"), str) else f"the notify number {number}"
    kind = given.get("kind")
    if kind not in KINDS:
        what = "has no kind" if kind is None else f"is of no kind {kind!r}"
        near = nearest(str(kind), KINDS, limit=1) if kind is not None else ()
        hint = f"did you mean {near[0]!r}?" if near else "kinds: " + ", ".join(KINDS)
        raise InvalidConfig(f"{which} {what}", field="notify.kind", got=kind, allowed=tuple(KINDS), hint=hint)
    known = [field.name for field in msgspec.structs.fields(KINDS[kind])]
    unknown = next((key for key in given if key not in (*known, "kind")), None)
    if unknown is not None:
        near = nearest(unknown, known, limit=1)
        hint = f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(known)
        raise InvalidConfig(f"{which}: there is no key {unknown!r}", field=f"notify.{unknown}", got=unknown, allowed=known, hint=hint)
    try:
        return msgspec.convert(dict(given), Notify)  # type: ignore[no-any-return]
    except msgspec.ValidationError as problem:
        sentence, _, place = str(problem).partition(" - at `$.")
        field = place.rstrip("`")
        said = f"{sentence[:1].lower()}{sentence[1:]}"
        raise InvalidConfig(f"{which}: {field}: {said}" if field else f"{which}: {said}", field=f"notify.{field}", hint=_HINT) from None
