"""The benchmark prints a line for each kind of example and for each step."""

import io

import numpy as np
import soundfile

from trainer import render_benchmark
from trainer.codecs import CODECS
from trainer.noise import WEIGHTS


def test_every_step_has_a_cost(tmp_path, monkeypatch):
    monkeypatch.setattr(render_benchmark, "VARIANTS", 1)
    monkeypatch.setattr(render_benchmark, "ROOMS", 2)
    monkeypatch.setattr(render_benchmark, "STEP_REPEATS", 1)
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(8000) / 16000)
    soundfile.write(tmp_path / "a.flac", tone, 16_000)
    out = io.StringIO()
    render_benchmark.run_benchmark(out, [tmp_path / "a.flac"], None)
    rows = [line.split("|") for line in out.getvalue().splitlines() if line.startswith("|")]
    assert sum(len(row) == 7 for row in rows) == 2 + 4
    costs = {row[1].strip(): float(row[2]) for row in rows if len(row) == 4 and "ms" not in row[2]
             and "-" not in row[2]}  # fmt: skip
    assert {f"codec: {name}" for name in CODECS} <= set(costs)
    assert {f"noise: {name}" for name in WEIGHTS} <= set(costs)
    assert costs["front end"] > 0
