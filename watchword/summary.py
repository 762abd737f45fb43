"""Figures in, tables for a terminal and JSON files out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from watchword.console import say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console

    from watchword.exporting import Result


WORST_VOICES = 8


def write_json(values: Mapping[str, Any], path: Path) -> None:
    """Write aside, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".part")
    aside.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    aside.replace(path)


def training_summary(result: Result, console: Console) -> None:
    """Print what came out of a training and where it is."""
    validation = result.metrics["validation"]
    console.print()
    if result.metrics.get("corpus"):
        corpus_summary(result.metrics["corpus"], console)
    about = f"and {result.zip}, {result.metrics['parameters']} parameters"
    say(console, about, label=str(result.bundle), style="bold")
    artifacts = Table(
        *("artifact", "KiB", "engine", "max error", "changed", "drift", "µs", "MB", ""),
    )
    for row in result.verification:
        artifacts.add_row(*_artifact(row))
    console.print(artifacts)
    for name, reason in result.skipped.items():
        say(console, f"{name}: {reason}", label="left out")
    points = Table("false accepts/h", "threshold", "miss rate", "95 % upper bound, /h")
    for point in validation["operating_points"]:
        points.add_row(
            f"{point['false_accepts_per_hour']:g}",
            f"{point['threshold']:.4f}",
            f"{point['miss_rate']:.1%}",
            f"{point['upper_95']:.1f}",
        )
    say(
        console,
        f"On {validation['positives']} scenes and {validation['negative_hours'] * 60:.0f} minutes "
        "of synthetic voices that training never heard (recordings of people: watchword evaluate):",
    )
    console.print(points)
    if validation["near_misses"]:
        say(
            console,
            f"Near-misses accepted: {validation['near_miss_accepted']:.1%} of "
            f"{validation['near_misses']}.",
        )
    if result.report is not None:
        say(console, f"At every threshold, by voice and noise, in {result.report}.")
    spent = ", ".join(f"{stage} {value:.1f}" for stage, value in result.metrics["minutes"].items())
    total = sum(result.metrics["minutes"].values())
    say(console, f"Minutes: {spent}; {total:.1f} in all.")


def corpus_summary(corpus: Mapping[str, Any], console: Console) -> None:
    """Print what each bucket holds and what it took to have it."""
    table = Table("bucket", "clips", "voices", "hours", "reused", "made", "rejected", "busy s")
    for name, row in corpus["buckets"].items():
        share = row["reused"] / row["clips"] if row["clips"] else 0.0
        table.add_row(
            name,
            str(row["clips"]),
            str(row["voices"]),
            f"{row['hours']:.2f}",
            f"{share:.0%}",
            str(row["generated"]),
            str(row["rejected"]),
            f"{row['busy_s']:.0f}",
        )
    console.print(table)
    if "throats" in corpus:
        voices = corpus["buckets"]["positive"]["voices"]
        say(console, f"The phrase is said by {voices} voices, {corpus['throats']} with warps.")
    paces = ", ".join(
        f"{engine} {pace:.1f}" for engine, pace in corpus["speech_s_per_busy_s"].items()
    )
    if paces:
        say(console, f"Seconds of speech per second of one process: {paces}.")
    worst = sorted(corpus["rejections"].items(), key=lambda item: (-item[1], item[0]))
    if worst:
        named = ", ".join(f"{voice} {count}" for voice, count in worst[:WORST_VOICES])
        others = sum(count for _, count in worst[WORST_VOICES:])
        rest = f", others {others}" if others else ""
        say(console, f"Rejected by voice: {named}{rest}.")
    for name, reason in corpus["missing_engines"].items():
        say(console, f" {name}: {reason}", label="missing")


def _artifact(row: Mapping[str, Any]) -> tuple[str, ...]:
    memory = row["memory_mb"]
    return (
        escape(str(row["file"])),
        f"{row['bytes'] / 1024:.0f}",
        str(row["engine"]),
        f"{row['max_error']:.1e}",
        str(row["changed"]),
        f"{row['drift']:.1e}",
        f"{row['step_us']:.0f}",
        "–" if memory is None else f"{memory:.0f}",
        "[green]verified[/]",  # an export with a file that is not raises
    )
