"""A fixed list of phrases in, a table of their strengths out, and whether trainings bear it out.

    python -m trainer.strength_report [--results PATH]

PATH is what trainings gave: a folder that `watchword benchmark --out` wrote, a table whose first
column is `phrase` (.tsv), or an object of phrase → miss rate (.json). For each figure the rank
correlation with the strength is printed, and beside it that with the mere number of sounds. A
strength that told the truth would have -1 with rates of errors.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from trainer.articulation import split_phonemes
from trainer.phrase_check import PhraseError, parse_phrase
from trainer.strength import phrase_strength

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

PHRASES = (
    "sea", "hey", "yes", "go", "art", "mama", "quartz", "banana", "marvin", "alexa", "jarvis",
    "ice cream", "hey sea", "computer", "view glass", "okay nabu", "hey jarvis", "good morning",
    "what time is it", "smart mirror", "stop the press", "open sesame", "abracadabra",
    "purple elephant", "turn on the lights",
)  # fmt: skip
"""One to four words; common and rare ones; the benchmark's among them."""
FIGURES = ("heldout_miss", "near_accept")
"""What of a benchmark is compared: errors on voices that were held out of training."""
FEWEST_PHRASES = 4
_PAIRINGS = 50_000  # above the 40,320 of eight phrases, so that up to there all are tried


class ReportError(ValueError):
    """What trainings gave cannot be read or compared; the message says why."""


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation of a property of phrases with a figure of their trainings."""

    rho: float
    p: float
    """Two-sided: the share of all pairings of the phrases that correlate as much (permutation
    test, which few phrases and ties do not upset)."""
    phrases: int


def spearman(property_: Sequence[float], figure: Sequence[float]) -> Correlation:
    """Correlate two sequences, one value a phrase each.

    Raises:
        ReportError: there are too few phrases, or one side is the same for all.
    """
    x, y = np.asarray(property_, float), np.asarray(figure, float)
    if len(x) < FEWEST_PHRASES:
        raise ReportError(f"too few: at least {FEWEST_PHRASES} phrases tell something")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise ReportError("it is the same for all phrases")
    x, y = stats.rankdata(x), stats.rankdata(y)

    def rho(order: NDArray[np.float64]) -> float:
        return float(np.corrcoef(order, y)[0, 1])

    test = stats.permutation_test(
        (x,), rho, permutation_type="pairings", n_resamples=_PAIRINGS,
        rng=np.random.default_rng(0), alternative="two-sided",
    )  # fmt: skip
    return Correlation(rho(x), float(test.pvalue), len(x))


def read_results(path: Path) -> pd.DataFrame:
    """Read what trainings gave: float64, indexed by phrase, a column a figure, means over seeds.

    Raises:
        ReportError: there is no such file, or it is none of the three kinds.
    """
    if path.is_dir():
        from trainer.benchmark.results import load_results  # noqa: PLC0415 - only for a folder

        table = load_results(path)
        return table.groupby("phrase")[[name for name in FIGURES if name in table]].mean()
    try:
        if path.suffix == ".json":
            rates = json.loads(path.read_text("utf-8"))
            return pd.DataFrame({"miss": pd.Series(rates, dtype=float)}).rename_axis("phrase")
        table = pd.read_csv(path, sep="\t").drop(columns="seed", errors="ignore")
        return table.groupby("phrase").mean(numeric_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReportError(
            f"{path} cannot be read ({error}). Give a folder of `watchword benchmark --out`, a "
            ".tsv with a column `phrase`, or a .json of phrase → miss rate."
        ) from error


def strengths(phrases: Sequence[str]) -> pd.DataFrame:
    """Rate phrases: a row each, strongest last; points of the parts, sounds, nearest, per hour."""
    rows = []
    for text in phrases:
        phrase = parse_phrase(text)
        strength = phrase_strength(phrase)
        rows.append(
            {"phrase": phrase.text, "score": strength.score, "word": strength.word}
            | {part.name: round(part.points) for part in strength.parts}
            | {
                "sounds_said": len(split_phonemes("".join(phrase.phonemes))),
                "per_hour": strength.per_hour,
                "near": ", ".join(neighbour.text for neighbour in strength.neighbours[:3]),
            }
        )
    return pd.DataFrame(rows).sort_values("per_hour", ascending=False).set_index("phrase")


def report(results: pd.DataFrame | None = None, phrases: Sequence[str] = PHRASES) -> str:
    """Return the table as Markdown; with `results`, their phrases too and the correlations.

    Raises:
        ReportError: one of the results' phrases is none.
    """
    if results is not None:
        phrases = tuple(dict.fromkeys((*phrases, *map(str, results.index))))
    try:
        table = strengths(phrases)
    except PhraseError as error:
        raise ReportError(str(error)) from error
    lines = [
        "| phrase | strength | | length | sounds | neighbours | said | near it |",
        "|---|--:|---|--:|--:|--:|--:|---|",
    ]
    lines += [
        f"| {phrase} | {row.score} | {row.word} | {row.length:+d} | {row.sounds:+d} | "
        f"{row.neighbours:+d} | {row.said:+d} | {row.near} |"
        for phrase, row in table.iterrows()
    ]
    if results is not None:
        lines += ["", *_correlations(table, results)]
    return "\n".join(lines)


def _correlations(table: pd.DataFrame, results: pd.DataFrame) -> list[str]:
    lines = [
        "| figure | phrases | of strength: rho | p | of the number of sounds: rho | p |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name in results.columns:
        known = results[name].dropna()
        of = table.loc[[parse_phrase(str(phrase)).text for phrase in known.index]]
        try:
            ours = spearman([*-of["per_hour"]], [*known])
            plain = spearman([*of["sounds_said"]], [*known])
        except ReportError as error:
            lines.append(f"| {name} | {len(known)} | {error} | | | |")
            continue
        lines.append(
            f"| {name} | {ours.phrases} | {ours.rho:+.2f} | {ours.p:.2g} | {plain.rho:+.2f} | "
            f"{plain.p:.2g} |"
        )
    return lines


def main(
    arguments: Sequence[str] | None = None, write: Callable[[str], object] = sys.stdout.write
) -> int:
    """Print the report."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.strength_report",
        description="How strong phrases are, and whether what trainings gave bears it out.",
    )
    parser.add_argument(
        "--results", type=Path, metavar="PATH",
        help="what trainings gave: a benchmark's folder, a .tsv, or a .json of phrase → miss rate",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        results = None if options.results is None else read_results(options.results)
        write(report(results) + "\n")
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
