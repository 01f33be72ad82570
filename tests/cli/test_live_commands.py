"""The commands of the live path: what they print for people and programs, and a screen that fits, follows and ends well."""

from __future__ import annotations

import json
import os
import pty
import random
import select
import signal
import subprocess
import sys
from collections import defaultdict

import pytest
from rich.console import Console

from footfall import clock
from footfall.app.api.glimpse import WINDOWS, glimpse, view_glimpse
from footfall.cli.live.screen import OVERHEAD, Size, screen, sparkline
from footfall.cli.main import main
from live_support import Shop, declare

PEOPLE, PAGES = "abcdefghij", ["/", "/cart", "/pay", "/hats", "/shoes", "/a\x1b[31mred"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Twenty minutes of visits; one of them late."""
    made = Shop(tmp_path_factory.mktemp("live") / "shop")
    state = random.Random(5)
    for second in range(0, 1_200, 2):
        made.send({"page": state.choice(PAGES), "person": state.choice(PEOPLE), "s": second, "ms": state.randrange(90)})
    made.send({"page": "/late", "s": 5})
    made.take()
    made.rest()
    yield made
    made.close()


@pytest.fixture
def command(shop, capsys):
    def run(*arguments, status=0):
        assert main(["-C", str(shop.project.path), *arguments]) == status
        printed = capsys.readouterr()
        return printed.out, printed.err

    return run


def test_views_are_listed_and_their_rows_shown_with_where_they_are_of(command):
    out, _ = command("views")
    assert [line.split()[0] for line in out.splitlines() if line.startswith(" ") and line.split()][2:] == ["burst", "pages", "trails"]
    out, err = command("views", "pages", "--latest", "--order", "events", "--limit", "2")
    assert out.count("2026-11-25T10:19:00Z") == 2
    assert err == "2 rows of pages a minute, as of position 601, event clock 2026-11-25T10:19:58Z\n"
    out, _ = command("views", "pages", "--where", "page=/a\x1b[31mred", "--limit", "1")
    assert "\x1b" not in out, "data does not colour the terminal"
    out, err = command("views", "trails", "--where", "person_id=a")
    assert " → " in out
    assert err.startswith("1 row of trails")
    assert command("views", "pages", "--since", "2030-01-01")[1].startswith("0 rows of pages a minute")
    out, _ = command("views", "--csv")
    assert out.splitlines()[2] == '"pages","pages a minute","events","tumbling 1m","page","events, people, mean_ms"'
    assert command("views", "trails", "--csv", "--limit", "1")[0].splitlines()[0] == '"updated","person_id","events","last"'


@pytest.mark.parametrize(
    ("arguments", "sentence", "hint"),
    [
        (("views", "pags"), "there is no view 'pags'", "did you mean 'pages'?"),
        (("views", "pages", "--where", "pag=/"), "there is no column 'pag'", "did you mean 'page'?"),
        (("views", "pages", "--where", "page"), "'page' is not a condition", "write column=value, such as page=/cart"),
        (("views", "pages", "--where", "page=/", "--where", "page=/pay"), "'page' is given twice", "give it once"),
        (("views", "pages", "--order", "event"), "there is no column 'event'", "did you mean 'events'?"),
        (("views", "pages", "--limit", "20000"), "limit cannot be 20000", "write a number from 1 to 10,000"),
        (("views", "pages", "--since", "soon"), "'soon' is neither a time nor a span", "write 2026-11-01, 2026-11-01T08:00:00Z, or a span back from now such as 10m"),
        (("views", "--latest"), "--latest asks for rows, but of which view?", "write footfall views VIEW --latest …"),
        (("watch", "pags", "--once"), "there is no view 'pags'", "did you mean 'pages'?"),
        (("watch", "--every", "often"), "'often' is not a span of time", "write a number and a unit, such as 30m, 24h, 7d or 1h30m, or none for no limit"),
        (("watch", "--every", "none"), "'none' is no time to wait", "write how often to draw, such as 1s or 500ms"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused_in_words(command, arguments, sentence, hint):
    _, err = command(*arguments, status=2)
    assert err == f"error: {sentence}\nhint: {hint}\n"


def test_alerts_are_listed_newest_first(command):
    out, err = command("alerts", "list", "--limit", "3")
    numbers = [int(line.split()[0]) for line in out.splitlines() if line.strip()[:1].isdigit() and "burst" in line]
    assert numbers == sorted(numbers, reverse=True)
    assert err == "3 alerts; --json and --csv have every member\n"
    assert command("alerts", "list", "--rule", "calm") == ("", "no alert of a rule 'calm' was raised\n")
    rows = json.loads(command("alerts", "list", "--after", "1", "--limit", "2", "--json")[0])["alerts"]
    assert [row["number"] for row in rows] == [2, 3]


def test_live_says_how_far_it_is_and_what_was_late(command):
    out, _ = command("live")
    assert "position  601 of 601 in the log" in out
    assert "lag  0 records wait" in out
    assert "event clock 2026-11-25T10:19:58Z" in out
    (line,) = [line for line in out.splitlines() if line.strip().startswith("view:pages")]
    assert line.split()[1:3] == ["600", "1"]


def test_the_doctor_sees_the_live_path(command):
    out, _ = command("doctor")
    (line,) = [line for line in out.splitlines() if "live path" in line]
    assert line.split(None, 3)[3].startswith("at position 601, none wait; events up to 2026-11-25T10:19:58Z; late: ")
    assert {"view:pages 1", "view:trails 1", "rule:burst 1"} == set(line.split("late: ")[1].split(", "))


def test_where_no_live_path_has_run_everything_says_so(tmp_path, capsys):
    folder = str(declare(tmp_path / "new").path)
    for arguments, said in (
        (("views",), "no view has counted anything yet"),
        (("alerts", "list"), "no alert was raised"),
        (("live",), "no live path has run here yet"),
        (("watch",), ""),
    ):
        assert main(["-C", folder, *arguments]) == 0
        printed = capsys.readouterr()
        assert printed.err.startswith(said)
    assert "nothing has been counted yet" in printed.out
    assert main(["-C", folder, "doctor"]) == 0
    assert "live path" not in capsys.readouterr().out


# --- watch ---------------------------------------------------------------------------------------------------------------


def test_in_a_pipe_one_snapshot_is_printed(command):
    out, _ = command("watch")
    assert command("watch", "--once")[0].splitlines()[2:] == out.splitlines()[2:]
    for piece in ("pages a minute", "10:19:00 to 10:20:00", "trails", "alerts  newest first", "burst", "position 601", "late 2", "█"):
        assert piece in out
    assert "recorded windows" not in out, "what rules record is shown when it is asked for"
    assert "\x1b" not in out
    assert "recorded windows" in command("watch", "burst")[0]
    assert "alerts" not in command("watch", "pages")[0]
    assert "alerts" in command("watch", "pages", "--alerts")[0]
    assert "pages a minute" not in command("watch", "--alerts")[0]
    shown = json.loads(command("watch", "--json")[0])
    assert [view["view"] for view in shown["views"]] == ["pages", "trails"]
    assert shown["alerts"][0]["rule"] == "burst"


def test_the_window_under_way_and_trends_against_a_twin(shop):
    live = shop.project.live
    shown = view_glimpse(live, live.schema("pages"), 4)
    by_window = defaultdict(dict)
    for row in live.rows("pages"):
        by_window[row["window_start"]][row["page"]] = row["events"]
    newest = by_window["2026-11-25T10:19:00Z"]
    assert (shown["window_start"], shown["window_end"], shown["measure"]) == ("2026-11-25T10:19:00Z", "2026-11-25T10:20:00Z", "events")
    assert [row["events"] for row in shown["rows"]] == sorted(newest.values(), reverse=True)[:4]
    for row in shown["rows"]:
        assert row["trend"] == [by_window[start].get(row["page"], 0) for start in sorted(by_window)[-WINDOWS:]]


def test_of_sliding_windows_the_one_that_has_seen_most_is_shown(tmp_path):
    declared = '[live]\nviews = []\n[[view]]\nname = "recent"\nkeys = ["page"]\nwindow = { sliding = "5m", every = "1m" }\n'
    made = Shop(tmp_path / "shop", declared)
    made.send(*({"s": second} for second in range(0, 601, 10)))
    made.take()
    live = made.project.live
    shown = view_glimpse(live, live.schema("recent"), 3)
    assert (shown["window_start"], shown["window_end"]) == ("2026-11-25T10:06:00Z", "2026-11-25T10:11:00Z")
    assert shown["rows"][0]["count"] == 25
    made.close()


def test_a_view_without_keys_shows_its_last_windows(tmp_path):
    made = Shop(tmp_path / "shop", '[live]\nviews = []\n[[view]]\nname = "total"\nwindow = { tumbling = "1m" }\n')
    made.send(*({"s": second} for second in range(0, 300, 10)))
    made.take()
    shown = glimpse(made.project.live, (), rows=3, alerts=0)["views"][0]
    assert [(row["window_start"][11:16], row["count"]) for row in shown["rows"]] == [("10:04", 6), ("10:03", 6), ("10:02", 6)]
    made.close()


@pytest.mark.parametrize(("width", "height"), [(40, 10), (60, 20), (80, 24), (110, 40), (200, 70)])
def test_the_screen_fits(shop, width, height):
    shown = glimpse(shop.project.live, (), rows=10, alerts=10)
    console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: PTH123,SIM115 - closed below
    console.print(screen("shop", shown, Size(width, height), alerts=True))
    lines = console.export_text().splitlines()
    console.file.close()
    assert max(map(len, lines)) <= width
    assert len(lines) <= height or height < 2 * (OVERHEAD + 3) + 2, "one view and the alerts need so much"
    assert "position 601" in lines[1]


def test_sparklines():
    assert sparkline([0, 1, 2, 4, 7, 8]) == " ▂▃▅██"
    assert sparkline([8, 8]) == "██"
    assert (sparkline([0, 0]), sparkline([])) == ("  ", "")
    marks = [sparkline([value, 100])[0] for value in range(1, 101)]
    assert marks == sorted(marks)


def test_watch_follows_what_happens_and_ends_with_ctrl_c(tmp_path):
    """In a terminal of its own: the screen shows new rows, and afterwards the terminal is as before and the status 0."""
    made = Shop(tmp_path / "shop")
    made.send({"page": "/first"})
    made.take()
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    command = [sys.executable, "-m", "footfall", "-C", str(made.project.path), "watch", "--every", "100ms"]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
    os.close(slave)
    screen_text = ""

    def until(text):
        nonlocal screen_text
        end_s = clock.monotonic_s() + 30
        while text not in screen_text:
            assert clock.monotonic_s() < end_s, screen_text[-3_000:]
            if select.select([master], [], [], 0.2)[0]:
                screen_text += os.read(master, 1 << 16).decode(errors="replace")

    try:
        until("/first")
        made.send({"page": "/second", "s": 1})
        made.take()
        until("/second")
        process.send_signal(signal.SIGINT)
        until("\x1b[?1049l")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
        made.close()
    assert "Traceback" not in screen_text
