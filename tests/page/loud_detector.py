"""A folder comes in; a bundle that hears loud noise as its phrase, and its job's result, go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from page.feedback import wav
from tests.runtime.conftest import STEP, Tiny, _tiny_onnx
from watchword_runtime.manifest import Decision, Manifest, OperatingPoint

if TYPE_CHECKING:
    from pathlib import Path

BURSTS_S = (1.0, 1.9, 3.0)


def write_loud_bundle(folder: Path) -> dict[str, Any]:
    """Write a bundle with one ONNX file; return the result as a worker stores it."""
    manifest = Manifest(
        phrase="smart mirror",
        language="en",
        step=STEP,
        decision=Decision(threshold=0.5, smoothing_steps=2, refractory_s=0.6, warmup_steps=4),
        operating_points=(OperatingPoint(0.5, 0.9, 0.5, 0.031, "generated speech", 2.0),),
        provenance={"seed": 1},
    )
    bundle = Tiny(STEP, manifest, _tiny_onnx(manifest)).bundle(folder)
    return {
        "bundle": str(bundle),
        "zip": str(folder.with_suffix(".zip")),
        "metrics": {
            "validation": {"miss_rate": 0.0, "near_miss_accepted": 0.0, "operating_points": []},
            "minutes": {"train": 1.0},
        },
        "verification": [],
        "skipped": {},
    }


def bursts(seconds: float = 4.5) -> bytes:
    """Return a WAV of silence with 0.3 s of noise at each of `BURSTS_S`."""
    rng = np.random.default_rng(7)
    pcm = np.zeros(round(seconds * 16_000))
    for start_s in BURSTS_S:
        start = round(start_s * 16_000)
        pcm[start : start + 4_800] += rng.normal(0, 6000, 4_800)
    return wav(np.clip(pcm, -32768, 32767).astype(np.int16))
