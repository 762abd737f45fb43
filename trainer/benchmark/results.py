"""Figures of finished trainings in, files that are kept and tables of means over seeds out.

A folder holds one folder for each phrase, and in it one JSON file for each seed and one for each
rival. A file is there when it is finished: what is there is not done again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from trainer.benchmark.phrases import folder_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trainer.benchmark.measure import Figures

FORMAT_VERSION = 1
OURS = "watchword"


class ResultsError(ValueError):
    """A folder's results cannot be used; the message names the file and says what to do."""


@dataclass(frozen=True)
class Settings:
    """What results must have in common to stand in one table."""

    preset: str
    hold_out: tuple[str, ...]
    from_nothing: bool = False

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Read what `dataclasses.asdict` wrote."""
        return cls(**{**values, "hold_out": tuple(values["hold_out"])})


@dataclass(frozen=True)
class Result:
    """One training, or one rival, on one phrase."""

    phrase: str
    seed: int | None
    """None for a rival: it was trained once, by others."""
    detector: str
    """`watchword`, or the rival's name."""
    settings: Settings
    figures: Figures
    """See `trainer.benchmark.measure.measure`."""
    minutes: Mapping[str, float] = field(default_factory=dict)
    """By stage."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What was measured, and what to know about it."""

    @property
    def name(self) -> str:
        """Return what its file is called, without the suffix."""
        return f"rival-{self.detector}" if self.seed is None else f"seed-{self.seed}"


def result_path(folder: Path, phrase: str, name: str) -> Path:
    """Return where the result of a phrase and `seed-0` or `rival-x` is."""
    return folder / folder_name(phrase) / f"{name}.json"


def write_result(folder: Path, result: Result) -> Path:
    """Write a result aside, then give it its name."""
    path = result_path(folder, result.phrase, result.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    content = {"format_version": FORMAT_VERSION, **asdict(result)}
    aside.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", "utf-8")
    aside.replace(path)
    return path


def read_result(path: Path) -> Result:
    """Read one file.

    Raises:
        ResultsError: it is no result, or one of another version.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        version = content.pop("format_version")
        settings = Settings.from_dict(content.pop("settings"))
        result = Result(**content, settings=settings)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f"{path} is no benchmark result ({error}): remove it.") from error
    if version != FORMAT_VERSION:
        raise ResultsError(
            f"{path} has version {version}, this is {FORMAT_VERSION}: remove it, or use another "
            "folder."
        )
    return result


def finished(folder: Path, phrase: str, name: str, settings: Settings) -> bool:
    """Whether a result is there already.

    Raises:
        ResultsError: it is there, and was measured with other settings.
    """
    path = result_path(folder, phrase, name)
    if not path.is_file():
        return False
    stored = read_result(path).settings
    if stored != settings:
        raise ResultsError(
            f"{path} was measured with other settings ({stored}): give the same, or another folder."
        )
    return True


def read_results(folder: Path) -> list[Result]:
    """Return every result in a folder: ours by phrase and seed, then the rivals'.

    Raises:
        ResultsError: there is none, or one of them is damaged.
    """
    found = [*sorted(folder.glob("*/seed-*.json")), *sorted(folder.glob("*/rival-*.json"))]
    paths = [path for path in found if "." not in path.stem]  # seed-0.report.json is a detector's
    if not paths:
        raise ResultsError(f"{folder} holds no benchmark results: run the benchmark first.")
    return [read_result(path) for path in paths]


def as_frame(results: Sequence[Result]) -> pd.DataFrame:
    """Return one row for each result: phrase, seed, detector, its figures, minutes in all."""
    return pd.DataFrame(
        [
            {
                "phrase": result.phrase,
                "seed": result.seed,
                "detector": result.detector,
                **result.figures,
                "minutes": sum(result.minutes.values()) if result.minutes else None,
            }
            for result in results
        ]
    )


def load_results(folder: Path) -> pd.DataFrame:
    """Return the finished trainings of a folder, one row for each phrase and seed.

    Returns:
        Columns `phrase`, `seed`, `detector`, `minutes` and every figure: `heldout_miss`,
        `near_accept`, `real_miss_05`, `real_miss_10db_05` …, NaN where a phrase has none.

    Raises:
        ResultsError: there is none, or one of them is damaged.
    """
    ours = [result for result in read_results(folder) if result.seed is not None]
    if not ours:
        raise ResultsError(f"{folder} holds no trainings, only rivals: run the benchmark first.")
    frame = as_frame(ours)
    figures = frame.columns.difference(["phrase", "detector", "seed"])
    return frame.astype(dict.fromkeys(figures, float))


@dataclass(frozen=True)
class Spread:
    """A figure over seeds, or over phrases."""

    mean: float
    sd: float | None
    """Sample standard deviation; None with fewer than two values."""
    count: int


def spread(values: pd.Series) -> Spread | None:
    """Return mean and standard deviation of what there is; None where nothing was measured."""
    known = pd.to_numeric(values).dropna()
    if known.empty:
        return None
    sd = float(known.std(ddof=1)) if len(known) > 1 else None
    return Spread(float(known.mean()), sd, len(known))


def mean_over_phrases(frame: pd.DataFrame, figure: str) -> Spread | None:
    """Return the mean over phrases of a figure, and how much that mean moves from seed to seed.

    Seeds that lack one of the phrases would compare other lists, so only complete ones count for
    the deviation.
    """
    table = frame.pivot_table(index="seed", columns="phrase", values=figure, dropna=False)
    table = table.dropna(axis=1, how="all")
    if table.empty:
        return None
    complete = table.dropna().mean(axis=1)
    sd = float(complete.std(ddof=1)) if len(complete) > 1 else None
    return Spread(float(table.mean().mean()), sd, table.shape[1])
