"""Validation scores and who spoke in, what a detector does at each threshold out, as JSON values.

Phrases and near-misses come from the half of the validation side that chose no checkpoint
(`Dataset.reporting`), most of them synthetic: `watchword evaluate` measures on recordings.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.operating import AUDIO, MAX_THRESHOLD, probability
from trainer.rates import COUNTED_EVENTS, fit_tail, peaks, poisson_per_hour, wilson
from trainer.split import split_people

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from trainer.render import Scene
    from trainer.validation import ValidationScores

FORMAT_VERSION = 1
CURVE_POINTS = 48
"""Besides the operating points."""
MOST_PER_HOUR, LEAST_PER_HOUR = 60.0, 0.02
"""Where the curve ends: a wake a minute, and one in two days."""
NOISE = (
    (5.0, "below 5 dB"),
    (10.0, "5 to 10 dB"),
    (15.0, "10 to 15 dB"),
    (20.0, "15 to 20 dB"),
    (np.inf, "20 dB and more"),
)
"""Upper ends of the ranges of speech over all noise, loudest noise first."""
LISTED_NEAR_MISSES = 40
DIGITS = 5


def validation_report(
    scores: ValidationScores,
    scenes: Sequence[Scene],
    clips: pd.DataFrame,
    thresholds: Sequence[float],
    audio: str = AUDIO,
) -> dict[str, Any]:
    """Return what happens at each threshold, lenient to strict.

    Args:
        scores: of `Dataset.reporting`.
        scenes: what `scores.positives` are of, in their order.
        clips: rows of the table `clip` for every clip in the scenes and near-misses.
        thresholds: logits of the operating points; the curve passes through them.
        audio: what was heard.
    """
    heights = peaks(scores.plain, scores.refractory_steps)
    levels = _levels(heights, scores.hours, thresholds)
    rows = {int(row["id"]): row for row in clips.to_dict("records")}
    speakers = [rows[scene.clip_id] for scene in scenes]
    return {
        "format_version": FORMAT_VERSION,
        "audio": audio,
        "negative_hours": round(scores.hours, 4),
        "scenes": len(scenes),
        "clips": len({scene.clip_id for scene in scenes}),
        "people": len({p for row in speakers for p in split_people(str(row["speaker"]))}),
        "near_misses": len(scores.near),
        "thresholds": [probability(level) for level in levels],
        "false_accepts": _false_accepts(scores, heights, levels),
        "missed": _misses(scores.positives, levels),
        "near_accepted": _counts(scores.near, levels, above=True),
        "groups": {
            "engine": _groups((str(row["engine"]) for row in speakers), scores, levels),
            "voice": _groups(
                (f"{row['engine']}/{row['voice']}" for row in speakers), scores, levels
            ),
            "noise": _groups((_noise(scene) for scene in scenes), scores, levels),
            "room": _groups((_room(scene) for scene in scenes), scores, levels),
        },
        "loudest_near_misses": _near_misses(scores, rows),
    }


def _levels(heights: NDArray[np.float32], hours: float, thresholds: Sequence[float]) -> list[float]:
    """Return rising logits from MOST_PER_HOUR to LEAST_PER_HOUR, or as far as the tail is known."""
    between = list(thresholds)
    if len(heights):
        between.append(float(heights[min(len(heights) - 1, int(MOST_PER_HOUR * hours))]))
        tail = fit_tail(heights)
        between.append(tail.threshold(LEAST_PER_HOUR * hours) if tail else float(heights[0]) + 1.0)
    most = math.log(MAX_THRESHOLD / (1 - MAX_THRESHOLD))
    levels = {*np.linspace(min(between), max(between), CURVE_POINTS).tolist(), *thresholds}
    return sorted({min(level, most) for level in levels})


def _false_accepts(
    scores: ValidationScores, heights: NDArray[np.float32], levels: Sequence[float]
) -> list[dict[str, Any]]:
    """Return counts with Poisson bounds, and the rate that these or the tail point to."""
    tail = fit_tail(heights)
    found: list[dict[str, Any]] = []
    least = math.inf
    for level in levels:
        events = scores.false_accepts(level)
        bounds = poisson_per_hour(events, scores.hours)
        counted = events >= COUNTED_EVENTS or tail is None
        expected = events if counted or tail is None else tail.events_above(level)
        least = min(least, expected)  # where counting ends, the tail may begin higher
        found.append(
            {
                "events": events,
                "per_hour": _short(least / max(scores.hours, 1e-9)),
                "extrapolated": not counted,
                "low_95": _short(bounds.low),
                "high_95": _short(bounds.high),
            }
        )
    return found


def _misses(scores: NDArray[np.float32], levels: Sequence[float]) -> dict[str, Any]:
    """Return how many stay below each level, with Wilson's bounds of their share."""
    missed = _counts(scores, levels, above=False)
    bounds = [wilson(count, len(scores)) for count in missed]
    return {
        "of": len(scores),
        "missed": missed,
        "low_95": [_short(bound.low) for bound in bounds],
        "high_95": [_short(bound.high) for bound in bounds],
    }


def _counts(scores: NDArray[np.float32], levels: Sequence[float], *, above: bool) -> list[int]:
    reached = [int(np.sum(scores >= level)) for level in levels]
    return reached if above else [len(scores) - count for count in reached]


def _groups(
    labels: Iterable[str], scores: ValidationScores, levels: Sequence[float]
) -> list[dict[str, Any]]:
    """Return the misses of each group of scenes: noise in its order, others the largest first."""
    named = np.array(list(labels), object)
    ranges = [name for _, name in NOISE]
    order = sorted(
        Counter(named.tolist()).items(),
        key=lambda item: (ranges.index(item[0]) if item[0] in ranges else -item[1], item[0]),
    )
    return [{"name": name, **_misses(scores.positives[named == name], levels)} for name, _ in order]


def _noise(scene: Scene) -> str:
    """Return the range of decibels that the speech of a scene is above all its noise."""
    if scene.recipe is None:
        return "unknown"
    powers = [10 ** (-noise.snr_db / 10) for noise in scene.recipe.recording.noises]
    snr_db = -10 * np.log10(sum(powers))
    return next(name for end, name in NOISE if snr_db < end)


def _room(scene: Scene) -> str:
    if scene.recipe is None:
        return "unknown"
    return "close, without echo" if scene.recipe.recording.room is None else "in a room, with echo"


def _near_misses(scores: ValidationScores, rows: dict[int, dict[Any, Any]]) -> list[dict[str, Any]]:
    """Return the loudest near-misses, each clip once."""
    listed: dict[int, dict[str, Any]] = {}
    for index in np.argsort(-scores.near, kind="stable"):
        clip_id = int(scores.near_clip_ids[index])
        if clip_id in listed or not np.isfinite(scores.near[index]):
            continue
        row = rows[clip_id]
        listed[clip_id] = {
            "clip": clip_id,
            "text": str(row["text"]),
            "engine": str(row["engine"]),
            "voice": str(row["voice"]),
            "score": probability(float(scores.near[index])),
        }
        if len(listed) == LISTED_NEAR_MISSES:
            break
    return list(listed.values())


def _short(value: float) -> float:
    return round(value, DIGITS)
