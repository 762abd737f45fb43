"""Progress in; bars on a terminal, lines in a log or JSON for a program out."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from rich.progress import TaskID

    from trainer.progress import Progress

LINE_EVERY_S = 15.0
LINES_EVERY_S = 0.5
LOG_WIDTH = 120
"""Columns of a table that goes to a file or a pipe."""


class _OurConsole(Console):
    """Leaves it to the command line what a reader who went away means."""

    def on_broken_pipe(self) -> None:
        """Let `BrokenPipeError` through, instead of ending the process with a failure."""
        raise  # noqa: PLE0704 - rich calls this where it caught it


def open_console() -> Console:
    """Return standard output as rich sees it."""
    console = _OurConsole()
    if not console.is_terminal:
        console.width = LOG_WIDTH
    return console


def say(console: Console, text: str, *, label: str = "", style: str = "yellow") -> None:
    """Print one line as it is: brackets in it are no markup, and a file gets it unbroken.

    Args:
        console: where to.
        text: what.
        label: a word before it.
        style: how the label looks.
    """
    line = Text.assemble((label, style), " " if label else "", text)
    console.print(line, soft_wrap=not console.is_terminal)


def _left(eta_s: float | None) -> str:
    if eta_s is None:
        return ""
    minutes, seconds = divmod(round(eta_s), 60)
    return f"{minutes}:{seconds:02d} left"


class LinesReport:
    """One JSON object a line, for a program that follows: progress, then `result`."""

    def __init__(self) -> None:
        self._last_s = -LINES_EVERY_S
        self._stage = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Nothing to put away."""

    def __call__(self, progress: Progress) -> None:
        """Print one report, unless the last was a moment ago."""
        now_s = time.monotonic()
        new_stage = progress.stage != self._stage
        if new_stage or progress.fraction >= 1 or now_s - self._last_s > LINES_EVERY_S:
            self._stage, self._last_s = progress.stage, now_s
            _print_line(
                {
                    "stage": progress.stage,
                    "fraction": round(progress.fraction, 4),
                    "eta_s": progress.eta_s,
                    "detail": progress.detail,
                }
            )

    def result(self, answer: Mapping[str, object]) -> None:
        """Print what came out: the last line."""
        _print_line(answer)


def _print_line(values: Mapping[str, object]) -> None:
    print(json.dumps(values), flush=True)


class ConsoleReport:
    """One bar for each stage; without a terminal, a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tasks: dict[str, TaskID] = {}
        self._last_line_s = 0.0
        self._stage = ""
        self._bars = Bars(
            TextColumn("{task.description:<20}"),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]:<11}"),
            TextColumn("[dim]{task.fields[detail]}"),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        """Show one report."""
        detail = progress.detail
        if "loss" in progress.metrics:
            detail += f", loss {progress.metrics['loss']:.3f}"
        if not self._console.is_terminal:
            self._line(progress, detail)
            return
        if progress.stage not in self._tasks:
            for task in self._tasks.values():
                self._bars.update(task, left="")
            self._tasks[progress.stage] = self._bars.add_task(
                progress.stage, total=1.0, left="", detail=""
            )
        done = progress.fraction >= 1
        self._bars.update(
            self._tasks[progress.stage],
            completed=progress.fraction,
            detail=escape(detail),
            left="" if done else _left(progress.eta_s),
        )

    def _line(self, progress: Progress, detail: str) -> None:
        now_s = time.monotonic()
        new_stage = progress.stage != self._stage
        due = now_s - self._last_line_s > LINE_EVERY_S or progress.fraction >= 1
        if new_stage or due:
            self._stage, self._last_line_s = progress.stage, now_s
            left = _left(progress.eta_s) if progress.fraction < 1 else ""
            say(
                self._console,
                f"{progress.stage}: {progress.fraction:4.0%} {detail} {left}".rstrip(),
            )
