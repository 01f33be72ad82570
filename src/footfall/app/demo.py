"""The demo: from nothing, or from the user's own file, to a project with answers and a report.

It writes into a folder of its own and begins afresh each time, but removes only what an earlier demo left there: a folder with
anything else in the way is refused.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footfall import clock
from footfall.app.config import FILE_NAME
from footfall.app.questions import LeftOut, Question, questions_for
from footfall.errors import InvalidConfig, InvalidFile

if TYPE_CHECKING:
    from rich.console import Console

    from footfall.analyses.spec.answer import Answer
    from footfall.analyses.spec.contract import Chart, Engine
    from footfall.app.import_summary import ImportSummary
    from footfall.app.project import Project
    from footfall.app.report import Asked, Report, Tile

EVENTS = 1_200_000
MARKER = ".footfall-demo"
REPORT = "report.html"
HISTORY = "history"
ROWS_PRINTED = 14
_MADE = (HISTORY, REPORT, ".footfall", FILE_NAME, MARKER)  # the marker goes last, so that a removal cut short can be taken up again

# What a first look needs; the report and the commands have every column.
_COLUMNS = {
    "funnel": ("step", "name", "people", "conversion", "conversion_from_previous", "dropped", "open", "median_s"),
    "sessions": ("sessions", "people", "single_event_sessions", "bounce_rate", "mean_duration_s", "median_duration_s", "mean_events"),
}
_MOVERS = ("value", "before", "after", "change", "change_percent", "growth_percent")

_THREE_EVENTS = """\
event_time,event_type,product_id,category_code,user_id,user_session
2026-09-01 08:00:00 UTC,view,1,a.b,1,5d41402a-bc4b-4a76-b971-9d911017c592
2026-09-01 08:01:00 UTC,cart,1,a.b,1,5d41402a-bc4b-4a76-b971-9d911017c592
2026-09-20 08:02:00 UTC,purchase,1,a.b,1,7d793037-a076-4684-8b65-b3b8b6d6f0c0
"""

PrintRows = Callable[..., list[str]]  # rows, console, chart=…: prints a table, returns sentences about what it left out


@dataclass(slots=True)
class _Run:
    """What happened so far: the steps with their seconds, and a word about each."""

    console: Console
    steps: list[tuple[str, float, str]] = field(default_factory=list)
    tell: Callable[[str], None] = print  # shows how far the present step is

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Time a step; the words put into the list are shown beside it."""
        words: list[str] = []
        began_s = clock.monotonic_s()
        with self.console.status(f"{name} …") as status:
            self.tell = lambda text: status.update(f"{name} … {text}")
            yield words
        seconds = clock.monotonic_s() - began_s
        remark = ", ".join(words)
        self.steps.append((name, seconds, remark))
        self.console.print(f"[green]✓[/green] {name:<24} {seconds:6.2f} s  ", end="")
        self.console.print(remark, style="dim", markup=False)


def run_demo(
    directory: str | Path,
    *,
    file: str | None = None,
    mapping: Mapping[str, str] | None = None,
    events: int = EVENTS,
    console: Console,
    print_rows: PrintRows,
) -> Path:
    """Make the project, answer, and write the report, whose path is returned.

    `mapping` says which column of the file is what (field -> column, or "=" and a constant); the rest is guessed.  `print_rows` prints
    rows as a table.

    Raises:
        InvalidConfig: the folder holds something that no demo made.
        InvalidFile: the file cannot be read, or none of its rows is an event.
    """
    folder = Path(directory).resolve()
    run = _Run(console)
    project = _fresh_project(folder, shop=file is None)
    if file is not None:
        project.explain_files(file, mapping=mapping or {})  # says what is missing before anything takes time
    with run.step("start the engines") as words:
        _warm_up()
        words.append("libraries loaded, kernels compiled and kept for the next time")
    if file is None:
        files, mapping = _write_shop(run, folder / HISTORY, events), _shop_mapping()
    else:
        files = [file]
    _import(run, project, files, mapping or {})
    _compact(run, project)
    with run.step("choose the questions") as words:
        asked, left_out = _shop_questions() if file is None else questions_for(project.engine())
        words.append(f"{len(asked)} questions" + (f", {len(left_out)} left out" if left_out else ""))
    answers = [_answer(run, project, question, print_rows) for question in asked]
    for one in left_out:
        console.print(f"\n[bold]{one.title}[/bold] is left out: ", end="")
        console.print(one.reason, markup=False)
    path = folder / REPORT
    from footfall.app.report import write_report

    with run.step("write the report"):
        write_report(path, _report(project, answers, left_out, run.steps, file))
    _say_what_is_next(console, folder, path, [one.question for one in answers])
    return path


# --- the folder ----------------------------------------------------------------------------------------------------------


def _fresh_project(folder: Path, *, shop: bool) -> Project:
    """The folder as a new project.  What an earlier demo left there goes; nothing else does."""
    from footfall.app.project import init_project, open_project

    if folder.exists():
        _remove_earlier(folder)
    folder.mkdir(parents=True, exist_ok=True)
    init_project(folder, name="shop" if shop else "demo")
    if shop:
        from footfall.systems.shop import EVENT_COLUMNS

        with (folder / FILE_NAME).open("a", encoding="utf-8") as stream:
            stream.write("\n[events.columns]\n" + "".join(f'{name} = "{kind}"\n' for name, kind in EVENT_COLUMNS.items()))
    (folder / MARKER).write_text(json.dumps({"config": (folder / FILE_NAME).read_text(encoding="utf-8")}), encoding="utf-8")
    return open_project(folder)


def _remove_earlier(folder: Path) -> None:
    marker = folder / MARKER
    in_the_way = [name for name in _MADE if (folder / name).exists()]
    if not in_the_way:
        return
    hint = "move it away, or start the demo in another folder: footfall -C OTHER demo"
    if not marker.exists():
        raise InvalidConfig(f"{folder} holds {in_the_way[0]}, which no demo made", got=str(folder), hint=hint)
    config = folder / FILE_NAME
    if config.exists() and config.read_text(encoding="utf-8") != json.loads(marker.read_text(encoding="utf-8"))["config"]:
        raise InvalidConfig(f"{config} was changed since the demo made it", got=str(folder), hint=hint)
    for name in _MADE:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


# --- the steps -----------------------------------------------------------------------------------------------------------


def _warm_up() -> None:
    """Ask everything of three events, so that libraries are loaded and kernels compiled before a step's time is taken."""
    with tempfile.TemporaryDirectory(prefix="footfall-") as folder:
        file = Path(folder) / "events.csv"
        file.write_text(_THREE_EVENTS, encoding="utf-8")
        project = _fresh_project(Path(folder) / "project", shop=True)
        project.import_files(str(file), mapping=_shop_mapping())
        project.compact(force=True)
        for question in _shop_questions()[0]:
            _ask(project, question)


def _write_shop(run: _Run, folder: Path, events: int) -> list[str]:
    from footfall.systems.shop import ShopHistory, write_history

    history = ShopHistory(events=events)
    with run.step("simulate a shop") as words:
        files = write_history(folder, history)
        size_mb = sum(file.path.stat().st_size for file in files) / 1e6
        words.append(
            f"{sum(file.rows for file in files):,} rows, {history.days} days, {len(files)} CSV files, {size_mb:,.0f} MB, seed {history.seed}"
        )
    return [str(file.path) for file in files]


def _shop_mapping() -> dict[str, str]:
    from footfall.systems.shop import MAPPING

    return MAPPING


def _shop_questions() -> tuple[list[Question], list[LeftOut]]:
    from footfall.systems.shop import QUESTIONS

    return [Question(kind, dict(values), title) for kind, values, title in QUESTIONS], []


def _import(run: _Run, project: Project, files: Sequence[str], mapping: Mapping[str, str]) -> None:
    def progress(done: int, whole: int, rows: int) -> None:
        run.tell(f"{done / max(1, whole):.0%}, {rows:,} rows")

    with run.step("import") as words:
        summary: ImportSummary = project.import_files(*files, mapping=mapping, compact=False, progress=progress)
        words.append(
            f"{summary.read:,} rows read = {summary.stored:,} stored + {summary.duplicate:,} duplicate + {summary.dead_lettered:,} dead letters"
        )
    shown = ", ".join(f"{target}={column}" for target, column in summary.files[0].mapping.items())
    run.console.print(f"  {summary.files[0].format}; {shown}", style="dim", markup=False, highlight=False)
    if not summary.stored:
        raise InvalidFile(f"{files[0]} holds no row that can be used as an event", got=files[0], hint="see footfall deadletters for the reasons")


def _compact(run: _Run, project: Project) -> None:
    with run.step("compact") as words:
        done = project.compact()
        words.append(f"{done.files_before} files, {done.bytes_before / 1e6:,.1f} MB → {done.files_after} files, {done.bytes_after / 1e6:,.1f} MB")


def _answer(run: _Run, project: Project, question: Question, print_rows: PrintRows) -> Asked:
    from footfall.app.report import Asked

    run.console.print()
    with run.step(question.kind) as words:
        began_s = clock.monotonic_s()
        answer = _ask(project, question)
        seconds = clock.monotonic_s() - began_s
        words.append(type(answer.analysis).summary)
    _show(run.console, question, answer.rows, type(answer.analysis).chart, print_rows)
    return Asked(question, answer, seconds)


def _ask(project: Project, question: Question) -> Answer:
    from footfall.analyses.spec.build import build
    from footfall.analyses.spec.menu import analyses

    return project.answer(build(analyses()[question.kind], question.values))


def _show(console: Console, question: Question, rows: list[dict[str, Any]], chart: Chart | None, print_rows: PrintRows) -> None:
    console.print(f"\n[bold]{_escaped(question.title)}[/bold]")
    cut = rows[:ROWS_PRINTED]
    if question.kind in _COLUMNS:
        cut = [{name: row[name] for name in _COLUMNS[question.kind] if name in row} for row in rows[:ROWS_PRINTED]]
    if question.kind == "movers":
        up, down = [row for row in rows if row["change"] > 0], [row for row in reversed(rows) if row["change"] < 0]
        cut, chart = [{name: row[name] for name in _MOVERS} for row in [*up[:5], *down[:5]]], None
    elif question.kind == "retention":
        cohorts = list(dict.fromkeys(row["cohort"] for row in rows))[:ROWS_PRINTED]
        cut = [row for row in rows if row["cohort"] in cohorts]
    elif question.kind in ("active", "abandonment"):
        cut = rows[-ROWS_PRINTED:]
    elif question.kind == "transitions":
        chart = None
    for sentence in print_rows(cut, console, chart=chart) if cut else ["there is nothing to show"]:
        console.print(sentence, style="dim", markup=False)
    if len(cut) < len(rows):
        of = f"{ROWS_PRINTED} cohorts" if question.kind == "retention" else f"{len(cut)} of {len(rows):,} rows"
        console.print(f"{of}; the report has more", style="dim", highlight=False)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


# --- the report ----------------------------------------------------------------------------------------------------------


def _report(
    project: Project, asked: Sequence[Asked], left_out: Sequence[LeftOut], steps: Sequence[tuple[str, float, str]], file: str | None
) -> Report:
    from footfall.app.report import Report

    title = "A shop in thirty days" if file is None else f"What people did: {Path(file).name}"
    lead = (
        "A simulated multi-category shop: people look, fill carts, come back and buy. Every number below was computed from its events by footfall."
        if file is None
        else "Questions chosen by what the events can answer. Every number says how it is defined."
    )
    where = project.path
    commands = (f"footfall -C {where} --help", f"footfall -C {where} sql 'SELECT name, count(*) FROM events GROUP BY name'")
    return Report(title, lead, _tiles(project.engine(), asked), asked, left_out, tuple(steps), commands)


def _tiles(engine: Engine, asked: Sequence[Asked]) -> list[Tile]:
    """The numbers worth a glance, from the answers themselves."""
    from footfall.app.report import Tile, text_of

    row = engine.query("SELECT COUNT(*) AS events, COUNT(DISTINCT person_key) AS people, COUNT(DISTINCT day) AS days FROM events").to_pylist()[0]
    tiles = [Tile("events", f"{row['events']:,}"), Tile("people", f"{row['people']:,}"), Tile("days with events", f"{row['days']:,}")]
    for one in asked:
        rows = one.answer.rows
        if one.question.kind == "active" and rows:
            best = max(rows, key=lambda day: day["dau"])
            tiles.append(Tile(f"visitors on the best day, {best['day']}", f"{best['dau']:,}"))
        if one.question.kind == "funnel" and rows:
            window = one.question.values["window"]
            within = "" if window == "none" else f" within {window}"
            tiles.append(Tile(f"reach {rows[-1]['name']}{within}", text_of("conversion", rows[-1]["conversion"])))
        if one.question.kind == "retention":
            back = [cell for cell in rows if cell["period"] == 1 and cell["returned"] is not None]
            people = sum(cell["people"] for cell in back)
            if people:
                interval = one.question.values["interval"]
                tiles.append(Tile(f"come back the next {interval}", text_of("rate", sum(cell["returned"] for cell in back) / people)))
        if one.question.kind == "sessions" and rows and rows[0]["sessions"]:
            tiles.append(Tile("sessions", f"{rows[0]['sessions']:,}"))
        if one.question.kind == "abandonment":
            done, lost = (sum(period[name] for period in rows) for name in ("finished", "abandoned"))
            if done + lost:
                tiles.append(Tile(f"of {one.question.values['start']} abandoned", text_of("rate", lost / (done + lost))))
    return tiles


def _say_what_is_next(console: Console, folder: Path, report: Path, asked: Sequence[Question]) -> None:
    here = Path.cwd()
    shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
    steps = next((question.values["steps"] for question in asked if question.kind == "funnel"), None)
    console.print("\n[bold]The report[/bold]  ", end="")
    console.print(report.as_uri(), markup=False, soft_wrap=True)
    console.print("[bold]Ask more[/bold]")
    commands = [f"footfall -C {shown} --help"]
    if steps is not None:
        commands.append(f"footfall -C {shown} funnel {' '.join(_quoted(step) for step in steps)} --window 24h")
    commands += [f"footfall -C {shown} sql 'SELECT name, count(*) AS events FROM events GROUP BY name'", f"footfall -C {shown} deadletters"]
    for command in commands:
        console.print(f"  {command}", markup=False, soft_wrap=True, highlight=False)


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)
