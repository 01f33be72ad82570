"""What a project's live path does: its views, rules and actions, read from footfall.toml and held against the columns that there are.

Reading it loads the kernels of the live path, which takes a second; so commands that do not need it never come here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from footfall.app.live.built_in import VIEWS
from footfall.errors import InvalidConfig, InvalidQuery, UnknownColumn, UserError, nearest
from footfall.event.filters import Filter
from footfall.event.schema import LOG_SCHEMA
from footfall.event.span import Span
from footfall.rules.contract import Rule, unknown_actions
from footfall.stream.active import ActiveNow
from footfall.stream.columns import check_filters, check_numbers, check_reference
from footfall.stream.view import View, ViewOperator

if TYPE_CHECKING:
    from footfall.app.project import Project
    from footfall.stream.contract import Operator
    from footfall.stream.dimensions import DimensionTable

Struct = TypeVar("Struct", bound=msgspec.Struct)
Tables = Mapping[str, Any]
ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class LivePlan:
    """The declared views and rules, and which built-in views there are."""

    views: tuple[View, ...]
    rules: tuple[Rule, ...]
    built_in: tuple[str, ...]
    lateness_us: int

    def operators(self) -> list[Operator]:
        """Every view and rule in motion."""
        found: list[Operator] = [ActiveNow(lateness_us=self.lateness_us)] if ACTIVE in self.built_in else []
        found += [ViewOperator(view, lateness_us=self.lateness_us) for view in self.every_view()]
        found += [rule.operator(lateness_us=self.lateness_us) for rule in self.rules]
        return found

    def every_view(self) -> tuple[View, ...]:
        """The built-in views and the project's own."""
        return (*(VIEWS[name] for name in self.built_in if name != ACTIVE), *self.views)

    def rule(self, name: str) -> Rule:
        """A rule by name.

        Raises:
            InvalidQuery: there is none.
        """
        names = [rule.name for rule in self.rules]
        if name not in names:
            near = nearest(name, names, limit=1)
            hint = f"did you mean {near[0]!r}?" if near else "rules: " + (", ".join(names) or "none; declare one as [[rule]] in footfall.toml")
            raise InvalidQuery(f"there is no rule {name!r}", field="rule", got=name, allowed=names, hint=hint)
        return self.rules[names.index(name)]

    def actions(self) -> dict[str, tuple[str, ...]]:
        """Where the alerts of each rule go."""
        return {rule.name: rule.actions for rule in self.rules if rule.actions}


def live_plan(project: Project, dimensions: Mapping[str, DimensionTable] | None = None) -> LivePlan:
    """The plan of a project, checked: names, columns, conditions, actions.  Without `dimensions` those of the project are loaded for it.

    Raises:
        InvalidConfig: a declaration is wrong; the error names its table and field.
    """
    config = project.config
    views = tuple(_built(View, "view", number, given) for number, given in enumerate(config.view, 1))
    rules = tuple(_rule(project.path, given) for given in config.rule)
    _refuse_doubles([*config.live.views, *(view.name for view in views), *(rule.name for rule in rules)])
    known = [str(one.get("name")) for one in config.notify]
    for rule, action in unknown_actions(rules, known):
        near = nearest(action, known, limit=1)
        hint = f"did you mean {near[0]!r}?" if near else "declare it as [[notify]]"
        raise rule.wrong(f"sends its alerts to {action!r}, which is not declared", "actions", action, hint)
    plan = LivePlan(views, rules, config.live.views, config.live.lateness.us)
    if dimensions is None:
        from footfall.app.live.dimensions import ProjectDimensions

        dimensions = ProjectDimensions(project).tables()
    _check_columns(project, plan, dimensions)
    plan.operators()  # refuses what only shows once it runs, such as a session shorter than the lateness
    return plan


def _rule(folder: Path, given: Tables) -> Rule:
    """A rule, with the file that it names."""
    from footfall.rules.menu import rule_of

    rule = rule_of(given)
    loaded = getattr(rule, "loaded", None)
    return rule if loaded is None else loaded(lambda path: (folder / path).read_bytes())


def _built(kind: type[Struct], table: str, number: int, given: Tables) -> Struct:
    """A table of footfall.toml as its struct."""
    known = [field.name for field in msgspec.structs.fields(kind)]
    unknown = next((key for key in given if key not in known), None)
    if unknown is not None:
        near = nearest(unknown, known, limit=1)
        hint = f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(known)
        raise _named(table, number, given, InvalidConfig(f"there is no key {unknown!r}", field=unknown, got=unknown, allowed=known, hint=hint))
    try:
        return msgspec.convert(dict(given), kind, dec_hook=_decode)
    except msgspec.ValidationError as problem:
        cause = problem.__cause__
        if isinstance(cause, InvalidConfig):
            raise cause from None
        sentence, _, place = str(problem).partition(" - at `$.")
        field = place.rstrip("`")
        raise _named(
            table, number, given, InvalidConfig(f"{field}: {sentence[:1].lower()}{sentence[1:]}" if field else sentence, field=field)
        ) from None
    except InvalidConfig:
        raise


def _decode(kind: type, value: Any) -> Any:
    if kind in (Span, Filter):
        try:
            return kind(value)
        except InvalidQuery as problem:
            raise ValueError(problem.sentence) from None
    raise TypeError(f"no plain form of {kind.__name__} is known")


def _named(table: str, number: int, given: Tables, problem: InvalidConfig) -> InvalidConfig:
    """The error with the table it is about."""
    which = f"{table} {given['name']!r}" if isinstance(given.get("name"), str) else f"the {table} number {number}"
    sentence = problem.sentence if which in problem.sentence else f"{which}: {problem.sentence}"
    return InvalidConfig(sentence, field=problem.field, got=problem.got, allowed=problem.allowed, hint=problem.hint or f"see docs/{table}s.md")


def _refuse_doubles(names: Sequence[str]) -> None:
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise InvalidConfig(
            f"two views or rules are called {doubled!r}",
            field="name",
            got=doubled,
            hint="rename one; a built-in view is left out with live.views",
        )


def _check_columns(project: Project, plan: LivePlan, dimensions: Mapping[str, DimensionTable]) -> None:
    """Every column that a view or rule looks at must exist, and hold numbers where it is added up."""
    schemas = {"events": project.config.events.schema(), "logs": LOG_SCHEMA}
    declared: list[View | Rule] = [*plan.views, *plan.rules]
    for one in declared:
        kind = "view" if isinstance(one, View) else "rule"
        try:
            for reference in one.references():
                check_reference(schemas[one.stream], dimensions, reference)
            check_filters(schemas[one.stream], dimensions, one.where if isinstance(one, View) else one.filters())
            for reference in _numbers(one):
                check_numbers(schemas[one.stream], dimensions, reference)
        except (UnknownColumn, InvalidQuery) as problem:
            raise _told(kind, one.name, problem) from None


def _numbers(one: View | Rule) -> Sequence[str]:
    """The columns that must hold numbers."""
    if isinstance(one, View):
        return [measured.reference for measured in one.measured() if measured.reference is not None and measured.needs_numbers]
    return one.numbers()


def _told(kind: str, name: str, problem: UserError) -> InvalidConfig:
    return InvalidConfig(f"{kind} {name!r}: {problem.sentence}", field=f"{kind}.{name}", got=problem.got, allowed=problem.allowed, hint=problem.hint)
