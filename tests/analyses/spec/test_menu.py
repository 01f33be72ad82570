"""The menu: complete, in order, and light to read."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import footfall.analyses
from footfall.analyses.spec.menu import analyses


def test_every_module_of_the_room_is_on_the_menu():
    modules = {module.name for module in pkgutil.iter_modules(footfall.analyses.__path__) if not module.ispkg}
    assert {kind.__module__.rpartition(".")[2] for kind in analyses().values()} == modules
    assert list(analyses()) == [getattr(footfall.analyses, name).name for name in footfall.analyses.__all__]


def test_every_analysis_explains_itself():
    for name, kind in analyses().items():
        assert kind.summary, name
        assert len(kind.__doc__) > 200, name
        assert kind.chart is not None, name
        assert kind.positional is None or kind.positional in kind.__struct_fields__, name


def test_reading_the_menu_loads_nothing_heavy():
    heavy = ("pyarrow", "numpy", "numba", "plotly", "duckdb", "pandas", "polars")
    program = f"import sys, footfall.analyses.spec.menu as menu; menu.analyses(); print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
