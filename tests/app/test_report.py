"""The report: one file, no requests, nothing from the data taken as HTML."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from footfall.analyses.spec.build import build
from footfall.analyses.spec.menu import analyses
from footfall.app.questions import LeftOut, Question
from footfall.app.report import Asked, Report, Tile, page, text_of, write_report
from footfall.errors import StorageFailed

EVIL = '<script>alert("x")</script>'


@pytest.fixture
def report(engine_of):
    begin = datetime(2026, 9, 7, 8, tzinfo=UTC)
    events = [
        {"person_id": f"p{n % 7}", "event_time": begin + timedelta(hours=n), "name": ("view", EVIL, "purchase")[n % 3], "page": EVIL}
        for n in range(90)
    ]
    engine = engine_of(events)
    asked = []
    for kind, values in (
        ("active", {}),
        ("funnel", {"steps": ["view", EVIL]}),
        ("sessions", {}),
        ("transitions", {"gap": "none"}),
        ("retention", {}),
    ):
        answer = build(analyses()[kind], values).answer(engine)
        asked.append(Asked(Question(kind, values, f"{kind} & {EVIL}", "because"), answer, 0.125))
    return Report(
        f"What {EVIL}", "a lead", [Tile("events", "90")], asked, [LeftOut("Movers", EVIL)], [("import", 61.2, "90 rows")], ["footfall --help"]
    )


class Page(HTMLParser):
    """Tags, scripts and the policy of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.scripts, self.policy = [], [], [], ""
        self._script = None

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        self.attributes += given.items()
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        if tag == "script":
            self._script = [given.get("type"), ""]

    def handle_data(self, text):
        if self._script:
            self._script[1] += text

    def handle_endtag(self, tag):
        if tag == "script":
            self.scripts.append(tuple(self._script))
            self._script = None


def parsed(report):
    found = Page()
    found.feed(page(report))
    return found


def test_nothing_is_fetched(report):
    found = parsed(report)
    assert not {"link", "img", "iframe", "object", "embed", "form", "base"} & set(found.tags)
    assert not [
        value for name, value in found.attributes if name in ("src", "action", "background") or (name == "href" and not value.startswith("#"))
    ]
    assert not [name for name, _ in found.attributes if name.startswith("on")]


def test_policy_allows_the_page_s_own_scripts_only(report):
    found = parsed(report)
    assert found.policy.startswith("default-src 'none'; ")
    assert "unsafe-eval" not in found.policy
    allowed = re.search(r"script-src ([^;]*)", found.policy)[1].split()
    running = [text for kind, text in found.scripts if kind is None]
    assert len(running) == 2
    assert allowed == ["'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'" for text in running]


def test_text_from_the_data_is_escaped(report):
    text = page(report)
    assert EVIL not in text
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in text


def test_every_chart_has_its_figure(report):
    found = parsed(report)
    places = [value for name, value in found.attributes if name == "data-figure"]
    figures = [json.loads(text) for kind, text in found.scripts if kind == "application/json"]
    assert len(places) == len(figures) == 4  # the one row of sessions is shown as tiles
    assert all(figure["data"] for figure in figures)


def test_each_answer_says_what_it_means(report):
    text = page(report)
    for asked in report.asked:
        assert asked.answer.definition.splitlines()[0][:40].replace("'", "&#x27;") in text
    assert text.count("<dt>as of</dt>") == text.count("<dt>engine</dt>") == len(report.asked)
    assert text.count("<dd>0.12 s</dd>") == len(report.asked)
    assert "1 min 1 s" in text


def test_page_is_written_whole_or_not_at_all(report, tmp_path):
    path = write_report(tmp_path / "report.html", report)
    assert path.read_text(encoding="utf-8") == page(report)
    with pytest.raises(StorageFailed, match="cannot be written"):
        write_report(tmp_path / "missing" / "report.html", report)
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["report.html"]


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("people", 12345, "12,345"),
        ("person_id", 12345, "12345"),
        ("conversion", 0.125, "12.5%"),
        ("change_percent", -3.25, "-3.2 %"),
        ("median_s", 75.0, "1 min 15 s"),
        ("median_s", 7300.0, "2 h 1 min"),
        ("median_s", 200_000.0, "2.3 days"),
        ("mean_events", 4.0, "4"),
        ("open", True, "yes"),
        ("open", False, ""),
        ("rate", None, "-"),
        ("time", datetime(2026, 9, 7, tzinfo=UTC), "2026-09-07 00:00:00 UTC"),
    ],
)
def test_values_read_well(column, value, text):
    assert text_of(column, value) == text
