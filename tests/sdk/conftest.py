"""Fixtures of the SDK tests: a real server, other products' SDKs in Python, Node and a browser.

door          a running server with nothing in it that a test can see; start_door(configuration) for one with settings of its own
gate(answers) a way to the door that first answers as a server in trouble does
run_python    run_python(script, **environment) -> stdout; run_python.start(script) -> a Program that goes on
run_node      the same for Node (ES modules), and run_node.bundle(script) for a browser
browser_page  browser_page(html_or_bundle, files={}, path="/", before=None) -> a Page

Every test here is marked `server`: make test-all runs them, make test does not.  They wait for SDKs that come back later, so several processes
share them; the tests of one process share one server, which is started again where a test ended it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sdk_browser import Browser, Page, Site
from sdk_packages import NodeSdks, PythonSdks, find_chromium, install_node, install_python
from sdk_support import Door, Gate

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("server")


@pytest.fixture
def start_door(tmp_path: Path) -> Iterator[Callable[..., Door]]:
    """Start a server over a new project: `start_door(configuration="")`, lines to add to its footfall.toml."""
    doors: list[Door] = []
    number = itertools.count()

    def start(configuration: str = "") -> Door:
        door = Door(tmp_path / f"project{next(number)}", configuration)
        doors.append(door)
        door.start()
        return door

    yield start
    for door in doors:
        door.stop()


@pytest.fixture(scope="session")
def shared_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One server for all tests of this process; at the end it drains and ends well."""
    door = Door(tmp_path_factory.mktemp("shared") / "project")
    door.start()
    yield door
    door.stop()


@pytest.fixture
def door(shared_door: Door) -> Door:
    """The running server, where a test sees only what it sends itself.  It may kill it: the next test starts it again."""
    if not shared_door.running:
        shared_door.kill()
        shared_door.start()
    shared_door.begin()
    return shared_door


@pytest.fixture
def gate(door: Door) -> Iterator[Callable[..., Gate]]:
    """A gate in front of the door: `gate(answers=[503, (429, {"Retry-After": "1"}), "lose"])`."""
    gates: list[Gate] = []

    def build(answers: Any = ()) -> Gate:
        gates.append(Gate(door, answers))
        return gates[-1]

    yield build
    for each in gates:
        each.close()


@pytest.fixture(scope="session")
def run_python() -> PythonSdks:
    """Python with the SDKs of requirements.txt."""
    return install_python()


@pytest.fixture(scope="session")
def run_node() -> NodeSdks:
    """Node with the packages of package-lock.json."""
    return install_node()


@pytest.fixture(scope="session")
def browser(run_node: NodeSdks) -> Iterator[Browser]:
    """One Chromium for the whole run."""
    chromium = Browser(run_node.node, find_chromium())
    yield chromium
    chromium.close()


@pytest.fixture
def browser_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page of a site of its own: HTML, or a script (such as a bundle) that an empty page then runs."""
    pages: list[Page] = []

    def open_page(html_or_bundle: str, files: Mapping[str, str] | None = None, path: str = "/", before: str | None = None) -> Page:
        served = dict(files or {})
        html = html_or_bundle
        if not html.lstrip().startswith("<"):
            served["bundle.js"] = html_or_bundle
            html = '<!doctype html><html><head><title>Shop</title></head><body><script src="/bundle.js"></script></body></html>'
        pages.append(Page(browser, Site(html, served), path, before))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()
        page.site.close()
