"""The pages of a running copy come in, how long each takes to be there goes out.

    python -m page.benchmark [--runs 3] [--json]

Starts the page on a free port of loopback with the home that `WATCHWORD_HOME` names, opens each
page in a headless Chromium as somebody who comes for the first time (an empty cache), and stops it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
PAGES = {
    "New phrase": "/",
    "Jobs": "/jobs",
    "Detectors": "/detectors",
    "Try it": "/try",
    "Clips": "/clips",
    "Settings": "/settings",
}
FIRST_PAINT_BAR_S = 2.0
START_TIMEOUT_S = 120.0
PATIENCE_MS = 120_000
IDLE = """() => document.querySelector('h1')
    && document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-testid="stSkeleton"]')"""
FIRST_PAINT_MS = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"


@dataclass(frozen=True)
class Timing:
    """How long a page took, medians over the runs, seconds from the request."""

    page: str
    first_paint_s: float
    content_s: float
    """Heading and everything below it, nothing left to wait for."""


@dataclass(frozen=True)
class Files:
    """What a browser needs before it paints, fetched one after the other."""

    count: int
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Process:
    """What the page's process is like after all pages were shown."""

    memory_mib: float
    torch: bool
    """Whether a library of PyTorch is in its memory."""


def measure(url: str, browser: Browser, runs: int) -> list[Timing]:
    """Open each page `runs` times in a fresh browser profile."""
    timings = []
    for name, path in PAGES.items():
        paints, contents = [], []
        for _ in range(runs):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            tab = context.new_page()
            start_s = time.perf_counter()
            tab.goto(url + path, timeout=PATIENCE_MS)
            tab.wait_for_function(IDLE, timeout=PATIENCE_MS)
            contents.append(time.perf_counter() - start_s)
            paints.append(float(tab.evaluate(FIRST_PAINT_MS)) / 1000)
            context.close()
        timings.append(Timing(name, statistics.median(paints), statistics.median(contents)))
    return timings


def fetch_files(url: str) -> Files:
    """Fetch what the page's HTML names over one connection, as a browser does over six."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - ours
        html = answer.read().decode()
    names = re.findall(r'(?:src|href)="\./([^"]+\.(?:js|css|woff2))"', html)
    count_bytes = 0
    with closing(http.client.HTTPConnection(url.removeprefix("http://"))) as connection:
        start_s = time.perf_counter()
        for name in names:
            connection.request("GET", f"/{name}")
            count_bytes += len(connection.getresponse().read())
        return Files(len(names), count_bytes, time.perf_counter() - start_s)


def look_at(pid: int) -> Process:
    """Read what a process has in its memory, from /proc."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return Process(int(resident.split()[1]) / 1024, "/torch/lib/" in maps)


@contextmanager
def running_page() -> Iterator[tuple[str, int]]:
    """Start the page for the block; give its address and the number of its process."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'runtime'}"}
    process = subprocess.Popen(
        [sys.executable, "-m", "page.serve", "streamlit_app.py", f"--server.port={port}"],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m page.benchmark", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="of which the median is given (3)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args(arguments)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only tests and this have it

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.stderr.write("There is no Chromium here: install Debian's package `chromium`.\n")
        return 3
    with running_page() as (url, pid), sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        timings = measure(url, browser, options.runs)
        process, files = look_at(pid), fetch_files(url)
        browser.close()
    if options.json:
        answer = {"pages": [asdict(timing) for timing in timings], "process": asdict(process)}
        answer["files"] = asdict(files)
        sys.stdout.write(json.dumps(answer) + "\n")
    else:
        sys.stdout.write(_table(timings, process, files))
    slow = any(not timing.first_paint_s < FIRST_PAINT_BAR_S for timing in timings)
    return 1 if slow or process.torch else 0


def _table(timings: Sequence[Timing], process: Process, files: Files) -> str:
    lines = [f"{'page':<12}{'first paint':>12}{'content':>10}"]
    lines += [f"{t.page:<12}{t.first_paint_s:>10.2f} s{t.content_s:>8.2f} s" for t in timings]
    torch = "PyTorch is loaded" if process.torch else "no PyTorch in it"
    load = os.getloadavg()[0]
    size_mib = files.bytes / 2**20
    lines.append(f"Its {files.count} files, {size_mib:.1f} MiB, one by one: {files.seconds:.2f} s.")
    lines.append(f"The page's process: {process.memory_mib:.0f} MiB, {torch}.")
    lines.append(f"This machine: {os.cpu_count()} cores, load {load:.1f}.")
    return "\n".join(lines) + "\n"


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise RuntimeError(f"The page ended with {process.returncode}: start it by hand.")
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):  # noqa: S310 - ours
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"The page did not answer within {START_TIMEOUT_S:.0f} s.")


if __name__ == "__main__":
    sys.exit(main())
