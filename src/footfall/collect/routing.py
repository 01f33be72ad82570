"""From method and path to a protocol, made once from the protocols' own lists."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.collect.wire.contract import Asked, Route, WireProtocol

Choice = tuple[WireProtocol, Route]


class Routing:
    """The paths of all protocols.  Exact paths come first, then the longest beginning; a slash at the end makes no difference."""

    def __init__(self, protocols: Sequence[WireProtocol]) -> None:
        self.protocols = tuple(protocols)
        self._exact: dict[str, list[Choice]] = {}
        self._beginnings: dict[str, list[Choice]] = {}
        for protocol in self.protocols:
            for route in protocol.routes:
                table, path = (self._beginnings, route.path[:-1]) if route.path.endswith("*") else (self._exact, _bare(route.path))
                table.setdefault(path, []).append((protocol, route))
        for choices in (*self._exact.values(), *self._beginnings.values()):
            choices.sort(key=lambda choice: choice[1].when is None)
        self._longest = sorted(self._beginnings, key=len, reverse=True)

    def choices(self, path: str) -> Sequence[Choice]:
        """Everything on a path, those with a condition first; empty when nobody knows it."""
        found = self._exact.get(path) or self._exact.get(_bare(path))
        if found is None:
            found = next((self._beginnings[start] for start in self._longest if path.startswith(start)), None)
        return found or ()

    def choose(self, asked: Asked, protocol: WireProtocol, route: Route) -> Choice:
        """Whose request it is, now that its body can be looked at; the given choice when the path has only that one."""
        choices = self.choices(asked.path)
        if len(choices) < 2:
            return protocol, route
        for choice in choices:
            if asked.method in choice[1].methods and (choice[1].when is None or choice[1].when(asked)):
                return choice
        return protocol, route

    def first(self, method: str, path: str) -> Choice | None:
        """The first choice that takes a method on a path."""
        return next((choice for choice in self.choices(path) if method in choice[1].methods), None)

    def methods(self, path: str) -> tuple[str, ...]:
        """What may be asked of a path."""
        return tuple(dict.fromkeys(method for _, route in self.choices(path) for method in route.methods))


def every_protocol() -> tuple[WireProtocol, ...]:
    """One of each protocol that `footfall.collect.protocols` names."""
    from footfall.collect import protocols

    return tuple(getattr(protocols, name)() for name in protocols.__all__)


def _bare(path: str) -> str:
    return path[:-1] if len(path) > 1 and path[-1] == "/" else path
