"""Benchmark results in, one table for a terminal and its values for JSON out."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Column, Table

from trainer.benchmark.measure import RATES_PER_HOUR
from trainer.benchmark.results import OURS, Spread, as_frame, mean_over_phrases, spread
from trainer.evaluation.surroundings import count
from watchword.console import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from rich.console import Console

    from trainer.benchmark.results import Result

COLUMNS = {
    "real_miss_05": "people, clean",
    "real_miss_10db_05": "people, 10 dB",
    "heldout_miss": "held-out, clean",
    "heldout_miss_10db": "held-out, 10 dB",
    "near_accept": "near-misses",
}
"""Figure at 0.5 false accepts per hour → title."""
OTHER_COLUMNS = {
    "real_miss_2": "people, clean, 2/h",
    "real_miss_10db_2": "people, 10 dB, 2/h",
    "heldout_miss_2": "held-out, clean, 2/h",
    "false_accepts_per_hour_shipped": "shipped: false accepts/h",
    "real_miss_shipped": "shipped: people, clean",
    "heldout_miss_shipped": "shipped: held-out, clean",
}


CONTEXT_COLUMNS = {
    "real_miss_talk_05": "after talk",
    "real_miss_again_05": "said again",
    "real_miss_talk_2": "after talk, 2/h",
    "real_miss_again_2": "said again, 2/h",
}
"""Of people, where there are recordings of them."""
FP32_COLUMNS = {f"fp32_{name}": f"fp32: {title}" for name, title in COLUMNS.items()}
"""Measured with --fp32 alone."""
SHOWN = (*COLUMNS, *OTHER_COLUMNS, *CONTEXT_COLUMNS, *FP32_COLUMNS)


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """Return means and spreads as JSON values, and every result."""
    frame, figures = _frame(results), [*SHOWN, "minutes"]
    ours = frame[frame["detector"] == OURS]

    def values(found: Spread | None) -> dict[str, Any] | None:
        return None if found is None else asdict(found)

    return {
        "phrases": {
            f"{phrase}": {
                str(detector): {name: values(spread(rows[name])) for name in figures}
                for detector, rows in of_phrase.groupby("detector", sort=False)
            }
            for phrase, of_phrase in frame.groupby("phrase", sort=False)
        },
        "mean": {name: values(mean_over_phrases(ours, name)) for name in figures},
        "results": [asdict(result) for result in results],
    }


def print_results(results: Sequence[Result], console: Console) -> None:
    """Print the tables: at 0.5 false accepts per hour, then at other thresholds."""
    frame = _frame(results)
    first = results[0]
    settings, hours = first.settings, first.figures["negative_hours"] or 0.0
    console.print()
    say(
        console,
        f"preset {settings.preset}, {', '.join(settings.hold_out)} held out, "
        f"{hours:.2f} h of negatives, 2 s refractory; % with the deviation over seeds",
        label="benchmark:",
        style="bold",
    )
    for rate in (rate for rate in RATES_PER_HOUR.values() if rate * hours < 1):
        say(console, f"so few hours cannot show {rate:g} per hour.", label="note:")
    say(console, "Missed, and near-misses accepted, at 0.5 false accepts per hour:")
    console.print(_table(frame, {**COLUMNS, "minutes": "minutes"}))
    say(console, "At 2 per hour, and at the threshold that ships:")
    console.print(_table(frame, OTHER_COLUMNS))
    for heading, columns in (
        (
            "People, missed a second after somebody else, and 2.5 s after themselves:",
            CONTEXT_COLUMNS,
        ),
        ("The fp32 artifacts, at 0.5 per hour:", FP32_COLUMNS),
    ):
        if known := {name: title for name, title in columns.items() if frame[name].notna().any()}:
            say(console, heading)
            console.print(_table(frame, known))
    _print_minutes(results, console)
    for result in results:
        if moments := int(result.figures.get("phrase_in_negatives") or 0):
            where = f"{count(moments, 'moment')} of the negatives"
            said = f"{result.phrase}, {result.name}: {where} taken for the phrase: not counted."
            say(console, said, label="note:")
    unheard = [r for r in results if r.figures.get("phrase_in_negatives") is None]
    if unheard and len(unheard) < len(results):
        names = ", ".join(f"{result.phrase} ({result.name})" for result in unheard)
        said = f"whether the negatives hold the phrase itself was not looked into for {names}."
        say(console, said, label="note:")
    heard = sorted({name for r in results for name in r.notes.get("heard_by_backbone", ())})
    if heard:
        say(
            console,
            f"the backbone had learnt phonemes from {', '.join(heard)}: no phrase, but the voices.",
            label="note:",
        )


def _frame(results: Sequence[Result]) -> pd.DataFrame:
    """Return one row for each result, with a column for every figure that is shown."""
    frame = as_frame(results)
    return frame.reindex(columns=frame.columns.union(list(SHOWN), sort=False))


def _table(frame: pd.DataFrame, columns: dict[str, str]) -> Table:
    table = Table(Column("phrase", no_wrap=True), "seeds", *columns.values())
    ours = frame[frame["detector"] == OURS]
    for phrase, of_phrase in frame.groupby("phrase", sort=False):
        for detector, rows in of_phrase.groupby("detector", sort=False):
            title = phrase if detector == OURS else f"  {detector}"
            seeds = str(len(rows)) if detector == OURS else ""
            cells = (_cell(name, spread(rows[name])) for name in columns)
            table.add_row(str(title), seeds, *cells)
    if len(set(ours["phrase"])) > 1:
        table.add_section()
        cells = (_cell(name, mean_over_phrases(ours, name)) for name in columns)
        table.add_row("mean", "", *cells)
    return table


def _cell(name: str, found: Spread | None) -> str:
    if found is None:
        return ""
    scale = 1.0 if "per_hour" in name or name == "minutes" else 100.0
    text = f"{scale * found.mean:.1f}"
    return text if found.sd is None else f"{text} ±{scale * found.sd:.1f}"


def _print_minutes(results: Sequence[Result], console: Console) -> None:
    ours = [result for result in results if result.detector == OURS]
    stages = list(dict.fromkeys(stage for result in ours for stage in result.minutes))
    if stages:
        means = (
            f"{stage} {sum(r.minutes.get(stage, 0.0) for r in ours) / len(ours):.1f}"
            for stage in stages
        )
        say(console, f"Minutes per stage, mean of {len(ours)} trainings: {', '.join(means)}.")
