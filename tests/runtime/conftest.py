"""Tiny step models made by hand, and bundles around them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import wave
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import watchword_runtime
from watchword_runtime.frontend import HOP_SAMPLES, SAMPLE_RATE_HZ
from watchword_runtime.manifest import (
    EMBED_KEY,
    MEMBER,
    Decision,
    Manifest,
    ModelFile,
    StateSpec,
    StepSpec,
)

FRAMES = 3
GAIN, LEVEL = 1.0, 9.0
STEP = StepSpec(
    FRAMES, "features", "logit", (StateSpec("count", (1, 2)), StateSpec("level", (1, 1)))
)


def reference_logits(features: np.ndarray) -> np.ndarray:
    """What the tiny models compute: a leaky mean of the features, and the parity of the step."""
    level = count = np.float32(0)
    logits = []
    for step in range(len(features) // FRAMES):
        chunk = features[step * FRAMES : (step + 1) * FRAMES]
        level = np.float32(0.5) * level + np.float32(0.5) * chunk.mean()
        count += np.float32(1)
        logits.append(GAIN * (level - LEVEL) + 0.001 * count)
    return np.array(logits, dtype=np.float32)


@dataclass(frozen=True)
class Tiny:
    """What tests need to make and check tiny bundles."""

    step: StepSpec
    manifest: Manifest
    onnx: bytes

    def reference(self, features: np.ndarray) -> np.ndarray:
        return reference_logits(features)

    def golden(self, features: np.ndarray, shift: float = 0.0) -> bytes:
        steps = len(features) // FRAMES
        buffer = io.BytesIO()
        np.savez(
            buffer,
            features=features[: steps * FRAMES].reshape(steps, FRAMES, 40),
            logits=reference_logits(features) + np.float32(shift),
        )
        return buffer.getvalue()

    def bundle(
        self,
        folder: Path,
        files: dict[str, bytes] | None = None,
        golden: bytes | None = None,
        **changes: object,
    ) -> Path:
        """Write a bundle folder; `changes` replace fields of the manifest."""
        folder.mkdir()
        files = files or {"tiny.onnx": self.onnx}
        entries = []
        for name, content in files.items():
            (folder / name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            kind = name.rsplit(".", 1)[-1]
            precision = "int8" if ".int8." in name else "fp32"
            entries.append(ModelFile(name, kind, precision, len(content), digest))
        manifest = replace(self.manifest, files=tuple(entries), **changes)
        (folder / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
        if golden:
            (folder / "golden.npz").write_bytes(golden)
        return folder

    def zipped(self, folder: Path, prefix: str = "") -> Path:
        path = folder.parent / f"{folder.name}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, prefix + file.name)
        return path


def _tiny_onnx(manifest: Manifest, *, embed: bool = True) -> bytes:
    from onnx import TensorProto, checker, helper

    def tensor(name: str, shape: tuple[int, ...]) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def constant(name: str, values: list[float], shape: tuple[int, ...]) -> object:
        return helper.make_tensor(name, TensorProto.FLOAT, shape, values)

    node = helper.make_node
    nodes = [
        node("ReduceMean", ["features"], ["mean"], axes=[1, 2], keepdims=0),
        node("Reshape", ["mean", "one_one"], ["energy"]),
        node("Mul", ["energy", "half"], ["new"]),
        node("Mul", ["level", "half"], ["old"]),
        node("Add", ["new", "old"], ["level_out"]),
        node("Add", ["count", "tick"], ["count_out"]),
        node("Sub", ["level_out", "offset"], ["above"]),
        node("Mul", ["above", "gain"], ["loud"]),
        node("MatMul", ["count_out", "pick"], ["marks"]),
        node("Add", ["loud", "marks"], ["logit"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [tensor("features", (1, FRAMES, 40)), tensor("count", (1, 2)), tensor("level", (1, 1))],
        [tensor("logit", (1, 1)), tensor("count_out", (1, 2)), tensor("level_out", (1, 1))],
        [
            helper.make_tensor("one_one", TensorProto.INT64, (2,), [1, 1]),
            constant("half", [0.5], (1, 1)),
            constant("tick", [1.0, 0.0], (1, 2)),
            constant("offset", [LEVEL], (1, 1)),
            constant("gain", [GAIN], (1, 1)),
            constant("pick", [0.001, 0.0], (2, 1)),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    if embed:
        helper.set_model_props(model, {"other": "value", EMBED_KEY: manifest.embedded().to_json()})
    return model.SerializeToString()


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    manifest = Manifest(
        phrase="smart mirror",
        language="en",
        step=STEP,
        decision=Decision(threshold=0.5, smoothing_steps=2, refractory_s=0.6, warmup_steps=4),
        provenance={"seed": 1},
    )
    return Tiny(STEP, manifest, _tiny_onnx(manifest))


@pytest.fixture(scope="session")
def plain_onnx(tiny: Tiny) -> bytes:
    """The model without an embedded manifest."""
    return _tiny_onnx(tiny.manifest, embed=False)


@pytest.fixture(scope="session")
def plain_tflite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The same model as TFLite, with the tensor names that the converter gives."""
    litert_torch = pytest.importorskip("litert_torch")
    import torch

    class Model(torch.nn.Module):
        def forward(self, features, count, level):
            level = 0.5 * level + 0.5 * features.mean(dim=(1, 2)).reshape(1, 1)
            count = count + torch.tensor([[1.0, 0.0]])
            return GAIN * (level - LEVEL) + 0.001 * count[:, :1], count, level

    shapes = ((1, FRAMES, 40), (1, 2), (1, 1))
    edge = litert_torch.convert(Model().eval(), tuple(torch.zeros(shape) for shape in shapes))
    path = tmp_path_factory.mktemp("tflite") / "tiny.tflite"
    edge.export(str(path))
    return path.read_bytes()


@pytest.fixture(scope="session")
def tiny_tflite(plain_tflite: bytes, tiny: Tiny) -> bytes:
    """With the manifest appended, as an export does it."""
    buffer = io.BytesIO(plain_tflite)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(MEMBER, tiny.manifest.embedded().to_json())
    return buffer.getvalue()


@pytest.fixture(scope="session")
def bursts() -> np.ndarray:
    """4 s of silence with noise at 1.0 s, 1.9 s and 3.0 s, each 0.3 s long."""
    rng = np.random.default_rng(7)
    pcm = np.zeros(4 * SAMPLE_RATE_HZ)
    for start_s in (1.0, 1.9, 3.0):
        start = int(start_s * SAMPLE_RATE_HZ)
        pcm[start : start + 30 * HOP_SAMPLES] += rng.normal(0, 6000, 30 * HOP_SAMPLES)
    return np.clip(pcm, -32768, 32767).astype(np.int16)


@pytest.fixture
def write_wav(tmp_path: Path):
    def write(pcm: np.ndarray, name: str = "sound.wav", rate_hz: int = SAMPLE_RATE_HZ) -> Path:
        path = tmp_path / name
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
            out.setsampwidth(pcm.dtype.itemsize)
            out.setframerate(rate_hz)
            out.writeframes(pcm.tobytes())
        return path

    return write


class Listen:
    """Runs the command line in a process of its own."""

    command = (sys.executable, "-m", "watchword_runtime")

    def __init__(self) -> None:
        source = str(Path(watchword_runtime.__file__).parents[1])
        self.environment = {**os.environ, "PYTHONPATH": source}

    def __call__(self, *arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess:
        return subprocess.run(
            [*self.command, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            timeout=60,
            env=self.environment,
            check=False,
        )

    def lines(self, output: bytes) -> list[dict]:
        return [json.loads(line) for line in output.splitlines()]


@pytest.fixture(scope="session")
def listen() -> Listen:
    return Listen()
