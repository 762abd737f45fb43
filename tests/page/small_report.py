"""A bundle's thresholds come in; a training's report and an evaluation of the same kind go out."""

from __future__ import annotations

from typing import Any

THRESHOLDS = [0.1, 0.41, 0.62, 0.8, 0.95]
PER_HOUR = [30.0, 2.0, 0.5, 0.1, 0.02]
MISSED = [0, 2, 3, 20, 60]
NEAR_ACCEPTED = [5, 3, 2, 1, 0]


def _misses(missed: list[int], of: int) -> dict[str, Any]:
    return {
        "of": of,
        "missed": missed,
        "low_95": [max(0.0, m / of - 0.05) for m in missed],
        "high_95": [min(1.0, m / of + 0.05) for m in missed],
    }


def report() -> dict[str, Any]:
    """Return what `trainer.validation_report` writes; one near-miss is of clip 7."""
    engines = [
        {"name": "kokoro", **_misses([0, 1, 1, 8, 20], 60)},
        {"name": "flite", **_misses([0, 1, 2, 12, 40], 40)},
    ]
    return {
        "format_version": 1,
        "audio": "synthetic speech and noise",
        "negative_hours": 0.5,
        "scenes": 100,
        "clips": 25,
        "people": 9,
        "near_misses": 40,
        "thresholds": THRESHOLDS,
        "false_accepts": [
            {
                "events": 15 if rate == 30 else 1,
                "per_hour": rate,
                "extrapolated": rate < 10,
                "low_95": rate / 2,
                "high_95": max(2 * rate, 7.4),
            }
            for rate in PER_HOUR
        ],
        "missed": _misses(MISSED, 100),
        "near_accepted": NEAR_ACCEPTED,
        "groups": {
            "engine": engines,
            "voice": [{**engines[0], "name": "kokoro/a"}, {**engines[1], "name": "flite/slt"}],
            "noise": [{"name": "below 5 dB", **_misses(MISSED, 100)}],
            "room": [{"name": "close, without echo", **_misses(MISSED, 100)}],
        },
        "loudest_near_misses": [
            {"clip": 7, "text": "smart miller", "engine": "flite", "voice": "slt", "score": 0.9},
            {"clip": 999, "text": "art mirror", "engine": "kokoro", "voice": "a", "score": 0.7},
            {"clip": 998, "text": "mirror", "engine": "kokoro", "voice": "a", "score": 0.5},
        ],
    }


def _row(threshold: float, missed: float, meant: float) -> dict[str, Any]:
    return {
        "false_accepts_per_hour": meant,
        "threshold": threshold,
        "false_accepts": 0,
        "measured_per_hour": {"value": None, "low_95": 0.0, "high_95": 1.9},
        "supported_by_hours": True,
        "miss_rate": {"clean": {"value": missed, "low_95": 0.0, "high_95": 0.2, "missed": 1}},
    }


def evaluation() -> dict[str, Any]:
    """Return what `watchword evaluate --json` writes, as far as the page reads it."""
    return {
        "format_version": 1,
        "file": "smart_mirror.int8.tflite",
        "positives": 50,
        "conditions": [{"name": "clean"}],
        "negative_hours": 2.0,
        "shipped_threshold": _row(0.62, 0.06, 0.5),
        "shipped_operating_points": [_row(0.62, 0.06, 0.5), _row(0.41, 0.04, 2.0)],
        "curve": {
            "threshold": [0.5, 0.3],
            "false_accepts": [0, 4],
            "false_accepts_per_hour": [0.0, 2.0],
            "miss_rate": {"clean": [0.05, 0.03]},
        },
    }
