"""The menu of analyses: what every face offers, read from the package so that a new analysis shows up everywhere by itself."""

from __future__ import annotations

import importlib

from footfall.analyses.spec.contract import Analysis


def analyses() -> dict[str, type[Analysis]]:
    """Name -> class of every analysis, in the order of the package's `__all__`."""
    package = importlib.import_module("footfall.analyses")
    menu: dict[str, type[Analysis]] = {}
    for exported in package.__all__:
        kind = getattr(package, exported)
        assert issubclass(kind, Analysis), f"{exported} in footfall.analyses is not an Analysis"
        assert kind.name not in menu, f"two analyses are called {kind.name!r}"
        menu[kind.name] = kind
    return menu
