"""Projects and files for the tests of imports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from footfall.app.import_summary import ImportSummary
from footfall.app.project import Project, init_project, open_project


def new_project(folder: Path, config: str = "") -> Project:
    init_project(folder, name="test")
    with (folder / "footfall.toml").open("a") as file:
        file.write(config)
    return open_project(folder)


def take(project: Project, *files: Any, **options: Any) -> ImportSummary:
    """Import and leave the parts as they landed."""
    return project.import_files(*files, compact=False, **options)


def events_of(project: Project, columns: str = "name, person_id, time_us, position, event_id, properties") -> list[dict[str, Any]]:
    return project.sql(f"SELECT {columns} FROM events ORDER BY position").to_pylist()


def staged(project: Project) -> list[str]:
    """Files of the lake that no committed version uses."""
    live = {part.path for part in project.lake.snapshot().parts}
    return [path.name for path in (Path(project.lake.root) / "events").glob("*.parquet") if str(path) not in live]


def pending(project: Project) -> list[str]:
    folder = Path(project.lake.root) / "pending"
    return sorted(path.name for path in folder.glob("*")) if folder.exists() else []
