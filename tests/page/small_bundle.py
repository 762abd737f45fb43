"""A folder comes in; a bundle and its zip are in it; the result of its job goes out."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from watchword_runtime.manifest import (
    Decision,
    Manifest,
    ModelFile,
    OperatingPoint,
    StateSpec,
    StepSpec,
)

if TYPE_CHECKING:
    from pathlib import Path

FILES = [
    ("smart_mirror.int8.tflite", "tflite", "int8", 61_000),
    ("smart_mirror.fp16.tflite", "tflite", "fp16", 132_000),
    ("smart_mirror.int8.onnx", "onnx", "int8", 84_000),
    ("smart_mirror.onnx", "onnx", "fp32", 249_000),
]


def write_bundle(folder: Path) -> dict[str, Any]:
    """Write `folder`/smart_mirror and its zip; return the result as a worker stores it."""
    bundle = folder / "smart_mirror"
    bundle.mkdir(parents=True)
    rng = np.random.default_rng(0)
    files = []
    for name, kind, precision, count in FILES:
        content = rng.bytes(count)
        (bundle / name).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        files.append(ModelFile(name, kind, precision, count, sha256))
    manifest = Manifest(
        phrase="smart mirror",
        language="en",
        step=StepSpec(3, "features", "logit", (StateSpec("gru", (1, 64)),)),
        decision=Decision(threshold=0.62, smoothing_steps=3),
        files=tuple(files),
        operating_points=(
            OperatingPoint(0.5, 0.9, 0.62, 0.031, "generated speech", 2.0),
            OperatingPoint(2.0, 2.6, 0.41, None, "generated speech", 2.0),
        ),
        provenance={"seed": 0, "engines": ["kokoro", "flite"]},
    )
    (bundle / "manifest.json").write_text(manifest.to_json())
    with zipfile.ZipFile(folder / "smart_mirror.zip", "w") as archive:
        for path in sorted(bundle.iterdir()):
            archive.write(path, f"smart_mirror/{path.name}")
    return {
        "bundle": str(bundle),
        "zip": str(folder / "smart_mirror.zip"),
        "metrics": {
            "validation": {"miss_rate": 0.031, "near_miss_accepted": 0.042, "operating_points": []},
            "minutes": {"clips": 2.5, "train": 1.25, "export": 0.5},
        },
        "verification": [
            {
                "file": name,
                "format": kind,
                "precision": precision,
                "bytes": count,
                "engine": engine,
                "max_error": error,
                "p99_error": error / 2,
                "max_bar": 0.6,
                "p99_bar": 0.3,
                "flips": 0,
                "changed": 0,
                "drift": 0.0,
                "memory_mb": 41.5,
                "step_us": 14.5,
                "load_ms": 3.0,
            }
            for (name, kind, precision, count), engine, error in (
                (FILES[3], "onnxruntime", 4e-6),
                (FILES[0], "litert", 0.08),
            )
        ],
    }
