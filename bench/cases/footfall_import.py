"""footfall's import of one file into a fresh project: read, normalise, check, stage, commit.  Compaction is timed apart."""

import shutil
import tempfile
from pathlib import Path

from footfall import clock
from footfall.app.config import FILE_NAME
from footfall.app.project import init_project, open_project
from footfall.systems.shop import EVENT_COLUMNS, MAPPING


def prepare(context):
    """A folder for the projects."""
    return Path(tempfile.mkdtemp(prefix="import-", dir=context["scratch"])), context


def _fresh(folder):
    home = folder / "shop"
    shutil.rmtree(home, ignore_errors=True)
    init_project(home, name="shop")
    columns = "".join(f'{name} = "{kind}"\n' for name, kind in EVENT_COLUMNS.items())
    (home / FILE_NAME).write_text((home / FILE_NAME).read_text() + "\n[events.columns]\n" + columns)
    return open_project(home)


def _import(prepared):
    folder, context = prepared
    project = _fresh(folder)
    began_s = clock.monotonic_s()
    summary = project.import_files(context["file"], mapping=MAPPING, compact=False)
    seconds = clock.monotonic_s() - began_s
    assert summary.read == summary.stored + summary.duplicate + summary.dead_lettered
    return {"seconds": seconds, "result": [summary.read, summary.stored]}


def _compact(prepared):
    folder, context = prepared
    project = _fresh(folder)
    summary = project.import_files(context["file"], mapping=MAPPING, compact=False)
    began_s = clock.monotonic_s()
    project.compact(force=True)
    return {"seconds": clock.monotonic_s() - began_s, "result": [summary.read, summary.stored]}


def close(prepared):
    """Drop the projects."""
    shutil.rmtree(prepared[0], ignore_errors=True)


CASES = {"import": _import, "compact": _compact}
