"""Measured costs in, tables in Markdown and values for JSON out."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from watchword.speed import AGAINST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword.speed import Contender, Measured

REFERENCES = ("numpy", "features")


def summary(measured: Sequence[Measured], minutes: float) -> dict[str, Any]:
    """Return everything as JSON values."""
    return {
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
        },
        "audio_minutes": minutes,
        "contenders": [
            {
                "title": one.contender.title,
                "phrases": one.contender.phrases,
                "file": one.contender.file,
                "median": asdict(one.median()),
                "rounds": [asdict(cost) for cost in one.rounds],
            }
            for one in measured
        ],
    }


def one_phrase_table(measured: Sequence[Measured]) -> str:
    """Return what one phrase costs, a contender a row."""
    ones = [one for one in measured if one.contender.phrases == 1]
    against = next((one for one in ones if one.contender.name == AGAINST), None)
    rows = [
        (
            *("", "CPU s per audio hour", f"of {AGAINST}", "µs a step p50 / p99", "step ms"),
            *("RSS MiB", "own MiB", "import + load ms", "disk MB"),
        )
    ]
    for one in ones:
        cost = one.median()
        listens = one.contender.name != "numpy"
        rows.append(
            (
                one.contender.title,
                _range(one, "cpu_s_per_hour") if listens else "",
                _ratio(one, against, "cpu_s_per_hour") if listens else "",
                f"{cost.step_p50_us:.0f} / {cost.step_p99_us:.0f}" if listens else "",
                f"{cost.step_ms:.0f}" if listens else "",
                f"{cost.rss_mb:.1f}",
                f"{cost.anonymous_mb:.1f}",
                f"{cost.import_ms:.0f} + {cost.load_ms:.0f}",
                f"{cost.disk_mb:.0f}",
            )
        )
    return _markdown(rows)


def many_phrases_table(measured: Sequence[Measured]) -> str:
    """Return how the cost grows with the number of phrases, or "" where only one was asked for."""
    counts = sorted({one.contender.phrases for one in measured})
    if len(counts) == 1:
        return ""
    found = {(_key(one.contender), one.contender.phrases): one for one in measured}
    rows = [
        (
            "",
            *(f"{count}: CPU s per audio hour" for count in counts),
            *(f"{count}: RSS MiB" for count in counts),
        )
    ]
    for key in dict.fromkeys(_key(one.contender) for one in measured):
        row = [found.get((key, count)) for count in counts]
        ones = [one for one in row if one is not None]
        if len(ones) == len(counts):
            medians = [one.median() for one in ones]
            rows.append(
                (
                    ones[0].contender.title,
                    *(f"{cost.cpu_s_per_hour:.1f}" for cost in medians),
                    *(f"{cost.rss_mb:.1f}" for cost in medians),
                )
            )
    return _markdown(rows)


def memory_table(measured: Sequence[Measured]) -> str:
    """Return whose the resident memory of one phrase is, a contender a row."""
    parts = ("anonymous", "python", "numpy", "engine", "system", "rss")
    heads = ("own", "Python", "numpy and its BLAS", "engine and features", "system", "RSS MiB")
    rows: list[tuple[str, ...]] = [("", *heads)]
    for one in measured:
        if one.contender.phrases == 1:
            cost = one.median()
            figures = (getattr(cost, f"{part}_mb") for part in parts)
            rows.append((one.contender.title, *(f"{figure:.1f}" for figure in figures)))
    return _markdown(rows)


def _key(contender: Contender) -> tuple[str, str, str]:
    return contender.name, contender.file, contender.engine


def _range(one: Measured, figure: str) -> str:
    values = [getattr(cost, figure) for cost in one.rounds]
    return f"{statistics.median(values):.2f} ({min(values):.2f} … {max(values):.2f})"


def _ratio(one: Measured, other: Measured | None, figure: str) -> str:
    if other is None:
        return ""
    values = one.ratios(other, figure)
    return f"{statistics.median(values):.2f} ({min(values):.2f} … {max(values):.2f})"


def _markdown(rows: Sequence[tuple[str, ...]]) -> str:
    head, *body = rows
    rule = ("---", *("---:" for _ in head[1:]))
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))
