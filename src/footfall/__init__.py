"""footfall: what people do in an app, a site, a shop, a game or a service, as answers.

import footfall as ff
shop = ff.open("shop")
shop.funnel(["view", "cart", "purchase"], window="7d").to_pandas()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from footfall.analyses.spec.answer import Answer
    from footfall.app.project import Project
    from footfall.app.project import init_project as init
    from footfall.app.project import open_project as open  # noqa: A004  # ff.open reads like the folder it opens
    from footfall.errors import FootfallError, UserError, WorldError

__version__ = "0.1.0"
__all__ = ["Answer", "FootfallError", "Project", "UserError", "WorldError", "__version__", "init", "open"]

_HOMES = {
    "Answer": ("footfall.analyses.spec.answer", "Answer"),
    "FootfallError": ("footfall.errors", "FootfallError"),
    "Project": ("footfall.app.project", "Project"),
    "UserError": ("footfall.errors", "UserError"),
    "WorldError": ("footfall.errors", "WorldError"),
    "init": ("footfall.app.project", "init_project"),
    "open": ("footfall.app.project", "open_project"),
}


def __getattr__(name: str) -> Any:
    """The menu, loaded when somebody asks, so that a script pays for what it uses."""
    if name not in _HOMES:
        raise AttributeError(f"module 'footfall' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
