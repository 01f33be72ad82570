"""From what a user typed to the files it means: paths, patterns, folders, and the members of zip archives."""

from __future__ import annotations

import glob
import os
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from footfall.errors import InvalidFile, nearest

WORKBOOK = "[Content_Types].xml"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file with rows: a path, or a member of the zip archive at that path.  `chosen` is False for what a folder held or a pattern met."""

    path: Path
    member: str | None = None
    size_bytes: int = 0
    chosen: bool = True

    @property
    def name(self) -> str:
        """What people call it: `visits.csv`, `all.zip!visits.csv`."""
        return str(self.path) if self.member is None else f"{self.path}!{self.member}"


def find_files(paths: Iterable[str | os.PathLike[str]]) -> list[SourceFile]:
    """Every file that the paths, patterns and folders mean, each once, in the order given (sorted within a folder or pattern)."""
    found: dict[tuple[Path, str | None], SourceFile] = {}
    for given in paths:
        for file in _expand(os.fspath(given)):
            found.setdefault((file.path.absolute(), file.member), file)
    if not found:
        raise InvalidFile("no file was named", field="files", hint="name a file, a folder or a pattern such as 'logs/*.csv.gz'")
    return list(found.values())


def _expand(given: str) -> list[SourceFile]:
    path = Path(given).expanduser()
    if _exists(path):
        if path.is_dir():
            return _of_folder(path)
        return _of_path(path)
    if any(mark in given for mark in "*?["):
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - an absolute pattern is welcome here
        files = [file for match in matches for file in (_of_folder(Path(match)) if Path(match).is_dir() else _of_path(Path(match), chosen=False))]
        if not files:
            raise InvalidFile(
                f"no file matches {given}", field="files", got=given, hint="check the pattern; put it in quotes when the shell expands it"
            )
        return files
    raise _missing(path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as problem:
        raise unreadable(path, problem) from problem


def _missing(path: Path) -> InvalidFile:
    try:
        neighbours = os.listdir(path.parent) if path.parent.is_dir() else []  # noqa: PTH208 - names alone are wanted
    except OSError:
        neighbours = []
    near = nearest(path.name, neighbours)
    hint = f"did you mean {', '.join(str(path.parent / name) for name in near)}?" if near else "check the path; it is relative to the current folder"
    return InvalidFile(f"there is no file {path}", field="files", got=path, hint=hint)


def _of_folder(folder: Path) -> list[SourceFile]:
    files: list[SourceFile] = []

    def refuse(problem: OSError) -> None:
        raise unreadable(Path(problem.filename or folder), problem)

    for here, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(here) / name
            if not name.startswith(".") and path.is_file():
                files += _of_path(path, chosen=False)
    if not files:
        raise InvalidFile(
            f"the folder {folder} holds no files", field="files", got=folder, hint="hidden files are left out; name them one by one to read them"
        )
    return files


def _of_path(path: Path, *, chosen: bool = True) -> list[SourceFile]:
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise InvalidFile(f"{path} is no regular file", field="files", got=path, hint="write its content to a file first")
        with path.open("rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
    except OSError as problem:
        raise unreadable(path, problem) from problem
    if not zipped:
        return [SourceFile(path, None, size, chosen)]
    return _of_zip(path, chosen=chosen)


def _of_zip(path: Path, *, chosen: bool) -> list[SourceFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, zlib.error, OSError) as problem:
        raise InvalidFile(f"{path} is a damaged zip archive", field="files", got=path, hint=f"fetch it again ({problem})") from problem
    if any(member.filename == WORKBOOK for member in members):
        raise InvalidFile(f"{path} is an office document", field="files", got=path, hint="save its sheet as CSV and import that")
    visible = [member for member in members if not any(part.startswith((".", "__MACOSX")) for part in Path(member.filename).parts)]
    if not visible:
        raise InvalidFile(f"the archive {path} holds no files", field="files", got=path, hint="check that it is the right archive")
    return [SourceFile(path, member.filename, member.file_size, chosen) for member in sorted(visible, key=lambda member: member.filename)]


def unreadable(path: Path, problem: OSError) -> InvalidFile:
    """The error for a path that the system does not let us read."""
    if isinstance(problem, PermissionError):
        kind = "folder" if path.is_dir() else "file"
        return InvalidFile(
            f"the {kind} {path} may not be read", field="files", got=path, hint=f"give yourself the right to read it, e.g. chmod +r {path}"
        )
    return InvalidFile(f"{path} cannot be read: {problem.strerror or problem}", field="files", got=path, hint="check the path and its disk")
