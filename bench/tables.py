"""Measurements as tables: the same rows for the terminal and for Markdown."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def hardware(threads: int) -> str:
    """One line about the machine, without which no number means anything."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    load = f", load at the start {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{cpu}, {os.cpu_count()} cores{memory}, {platform.system()} {platform.release()}, Python {platform.python_version()}, {threads} threads each{load}"


def markdown(title: str, rows: list[dict[str, str]]) -> str:
    """A heading and a table whose columns are aligned in the source too."""
    if not rows:
        return f"## {title}\n\nnothing was measured\n"
    columns = list(rows[0])
    width = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    lines = [
        "| " + " | ".join(name.ljust(width[name]) for name in columns) + " |",
        "| " + " | ".join("-" * width[name] for name in columns) + " |",
        *("| " + " | ".join(row[name].ljust(width[name]) for name in columns) + " |" for row in rows),
    ]
    return f"## {title}\n\n" + "\n".join(lines) + "\n"


def seconds(value: float) -> str:
    """Seconds with as many digits as they deserve."""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def times(measured: dict) -> str:
    """Median and best."""
    return f"{seconds(measured['median_s'])} / {seconds(measured['best_s'])}"


def rate(rows: int, value: float) -> str:
    """Rows a second."""
    return f"{rows / value / 1e6:.2f} M/s"
