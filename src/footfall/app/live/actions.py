"""The actions of a project: its `[[notify]]` tables read and checked, what delivers to them, and how far each came."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from footfall.app.front.deliveries import FILE_NAME, Deliveries
from footfall.app.front.delivering import Deliverer, outlets
from footfall.app.front.running import state_folder
from footfall.connectors.actions.settings import KINDS, Notify, check_names
from footfall.errors import InvalidConfig, InvalidQuery, nearest
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
