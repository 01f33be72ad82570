"""A real browser for the browser SDKs: headless Chromium, on pages of a site that is another origin than the door."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sdk_packages import HERE, environment

TYPES = {".js": "text/javascript; charset=utf-8", ".json": "application/json", ".css": "text/css"}


class Site:
    """A web site on http://localhost: its files by path, and `html` at every path without an extension, as an application of one page has it."""

    def __init__(self, html: str, files: Mapping[str, str] | None = None) -> None:
        self.html = html
        self.files = {f"/{path.lstrip('/')}": text for path, text in (files or {}).items()}
        self._server = ThreadingHTTPServer(("localhost", 0), type("Handler", (_Files,), {"site": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://localhost:{self._server.server_address[1]}"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Files(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        suffix = Path(path).suffix
        text = self.site.files.get(path, None if suffix else self.site.html)
        content = (text or "").encode()
        self.send_response(200 if text is not None else 204)  # no icon is no error
        self.send_header("Content-Type", TYPES.get(suffix, "text/html; charset=utf-8"))
        self.send_header("Cache-Control", "no-store")
        if text is not None:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if text is not None else b"")


class Browser:
    """One Chromium for all tests, each page in a context of its own: no cookies and no storage of another's."""

    def __init__(self, node: str, chromium: str) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [node, str(HERE / "browser_driver.mjs")],
            cwd=HERE,
            env=environment({"CHROMIUM": chromium}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        first = self._process.stdout.readline()
        if not first:
            self._process.wait()
            words = self._process.stderr.read().strip().splitlines()
            self._close_pipes()
            pytest.skip(f"Chromium does not start here: {' / '.join(words[:3])[:400]}")
        self.version = json.loads(first)["result"]

    def ask(self, command: str, **parameters: Any) -> Any:
        """The answer to one command of browser_driver.mjs."""
        with self._lock:
            self._process.stdin.write(json.dumps({"command": command, **parameters}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        assert line, "the browser's driver ended"
        answer = json.loads(line)
        assert "error" not in answer, f"{command}: {answer['error']}"
        return answer["result"]

    def close(self) -> None:
        """End Chromium."""
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()


class Page:
    """One visitor's tab."""

    def __init__(self, browser: Browser, site: Site, path: str = "/", before: str | None = None) -> None:
        self._browser = browser
        self.site = site
        self._id = browser.ask("open", url=site.url + path, before=before)

    def run(self, script: str) -> Any:
        """What a script (the body of an async function) returns in the page."""
        return self._browser.ask("run", id=self._id, script=script)

    def goto(self, path: str) -> None:
        """Load another page of the site (or of the web, with a whole address) in this tab."""
        self._browser.ask("goto", id=self._id, url=path if "://" in path or path.startswith("about:") else self.site.url + path)

    def reopen(self, path: str = "/") -> None:
        """Close the tab as a person does, and open the site in another with the same cookies and storage."""
        self._browser.ask("reopen", id=self._id, url=self.site.url + path)

    def click(self, selector: str) -> None:
        """Click an element with the mouse."""
        self._browser.ask("click", id=self._id, selector=selector)

    def wait(self, condition: str) -> None:
        """Wait until a JavaScript expression is true in the page."""
        self._browser.ask("wait", id=self._id, condition=condition)

    def offline(self, offline: bool) -> None:
        """Take the network away, or give it back."""
        self._browser.ask("offline", id=self._id, offline=offline)

    @property
    def errors(self) -> list[str]:
        """Errors on the console, and exceptions that nobody caught."""
        return self._browser.ask("told", id=self._id)["errors"]

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Every request of the tab: method, url, type, headers, body (None where Chromium does not show it, as with beacons)."""
        return self._browser.ask("told", id=self._id)["requests"]

    @property
    def cookies(self) -> list[dict[str, Any]]:
        """The visitor's cookies, of every site."""
        return self._browser.ask("cookies", id=self._id)

    def leave(self) -> None:
        """Close the tab as a person does, so that the page's last words are sent."""
        self._browser.ask("leave", id=self._id)

    def close(self) -> None:
        """Forget the visitor."""
        self._browser.ask("close", id=self._id)
