"""What a detector is: the manifest of a bundle, from and to JSON, strictly checked both ways."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from watchword_runtime.checks import check_keys, items, number, refuse, text, whole
from watchword_runtime.errors import ManifestError
from watchword_runtime.frontend import (
    CHANNELS,
    FRONT_END_NAME,
    FRONT_END_VERSION,
    HOP_S,
    HOP_SAMPLES,
    SAMPLE_RATE_HZ,
)

FORMAT_VERSION = 1
EMBED_KEY = "watchword_manifest"
"""ONNX metadata key of the embedded manifest; TFLite files carry it as zip member `MEMBER`."""
MEMBER = f"{EMBED_KEY}.json"
MANIFEST_FILE = "manifest.json"
GOLDEN_FILE = "golden.npz"
FORMATS = ("onnx", "tflite")
PRECISIONS = ("fp32", "fp16", "int8")


def _check_file_name(value: str, where: str) -> None:
    text(value, where)
    if value in (".", "..") or any(sign in value for sign in "/\\:\0"):
        raise refuse(where, f"must be a plain file name, not {value!r}")


@dataclass(frozen=True)
class ModelFile:
    """One model file of a bundle."""

    file: str
    """Its name in the bundle; never a path."""
    format: str
    """"onnx" or "tflite"."""
    precision: str
    """"fp32", "fp16" or "int8"."""
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        _check_file_name(self.file, "files.file")
        if self.format not in FORMATS:
            raise refuse("files.format", f"must be one of {FORMATS}, not {self.format!r}")
        if self.precision not in PRECISIONS:
            raise refuse("files.precision", f"must be one of {PRECISIONS}, not {self.precision!r}")
        whole(self.bytes, "files.bytes", 1)
        text(self.sha256, "files.sha256")
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise refuse("files.sha256", f"must be 64 lower-case hex digits, not {self.sha256!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> ModelFile:
        """Read back what `to_dict` wrote, or raise a `ManifestError` that names the key."""
        return cls(**check_keys(cls, values, "files"))


@dataclass(frozen=True)
class FrontEndSpec:
    """The front end that the model was trained with."""

    name: str = FRONT_END_NAME
    version: str = FRONT_END_VERSION
    rate_hz: int = SAMPLE_RATE_HZ
    hop_samples: int = HOP_SAMPLES
    channels: int = CHANNELS

    def __post_init__(self) -> None:
        text(self.name, "front_end.name")
        text(self.version, "front_end.version")
        for name in ("rate_hz", "hop_samples", "channels"):
            whole(getattr(self, name), f"front_end.{name}", 1)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> FrontEndSpec:
        """Read back what `to_dict` wrote, or raise a `ManifestError` that names the key."""
        return cls(**check_keys(cls, values, "front_end"))


@dataclass(frozen=True)
class StateSpec:
    """One float32 state tensor of the model; zero at the start of a stream."""

    name: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        text(self.name, "step.states.name")
        for size in self.shape:
            whole(size, "step.states.shape", 1)

    @property
    def output(self) -> str:
        """Name of the model output that carries the state to the next step."""
        return f"{self.name}_out"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"name": self.name, "shape": list(self.shape)}

    @classmethod
    def from_dict(cls, values: Any) -> StateSpec:
        """Read back what `to_dict` wrote, or raise a `ManifestError` that names the key."""
        checked = check_keys(cls, values, "step.states")
        return cls(checked["name"], tuple(items(checked["shape"], "step.states.shape")))


@dataclass(frozen=True)
class StepSpec:
    """The model's signature: `frames` feature vectors and the states in, a logit and states out."""

    frames: int
    """Feature vectors a step, each 10 ms."""
    input: str
    """Name of the features, float32 [1, frames, 40]."""
    output: str
    """Name of the logit, float32 [1, 1]."""
    states: tuple[StateSpec, ...]
    """In the order of the model's inputs; outputs come in the same order after the logit."""

    def __post_init__(self) -> None:
        whole(self.frames, "step.frames", 1)
        text(self.input, "step.input")
        text(self.output, "step.output")
        names = [self.input, self.output]
        for state in self.states:
            names += [state.name, state.output]
        if len(set(names)) != len(names):
            raise refuse("step", f"uses a tensor name twice: {', '.join(sorted(names))}")

    @property
    def step_s(self) -> float:
        """Seconds of audio a step."""
        return self.frames * HOP_S

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "frames": self.frames,
            "input": self.input,
            "output": self.output,
            "states": [state.to_dict() for state in self.states],
        }

    @classmethod
    def from_dict(cls, values: Any) -> StepSpec:
        """Read back what `to_dict` wrote, or raise a `ManifestError` that names the key."""
        checked = dict(check_keys(cls, values, "step"))
        states = items(checked.pop("states"), "step.states")
        return cls(states=tuple(StateSpec.from_dict(state) for state in states), **checked)


@dataclass(frozen=True)
class Decision:
    """When a row of logits becomes a detection."""

    threshold: float
    """A step detects when sigmoid(mean of the last `smoothing_steps` logits) reaches this."""
    smoothing_steps: int = 1
    refractory_s: float = 1.0
    """No second detection this soon after one."""
    warmup_steps: int = 0
    """The first steps of a stream have scores and never detect."""

    def __post_init__(self) -> None:
        number(self.threshold, "decision.threshold", 0.0, 1.0)
        whole(self.smoothing_steps, "decision.smoothing_steps", 1)
        number(self.refractory_s, "decision.refractory_s")
        whole(self.warmup_steps, "decision.warmup_steps", 0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> Decision:
        """Read back what `to_dict` wrote, or raise a `ManifestError` that names the key."""
        return cls(**check_keys(cls, values, "decision"))


@dataclass(frozen=True)
class OperatingPoint:
    """One measured threshold: what it costs and what it misses."""

    false_accepts_per_hour: float
    upper_95: float
    """Upper 95 % bound of `false_accepts_per_hour`."""
    threshold: float
    miss_rate: float | None
    """Share of positives missed, or None where none were measured."""
    audio: str
    """What the false accepts were counted on."""
    hours: float
    """How much of it."""

    def __post_init__(self) -> None:
        number(self.false_accepts_per_hour, "operating_points.false_accepts_per_hour")
        number(self.upper_95, "operating_points.upper_95")
        number(self.threshold, "operating_points.threshold", 0.0, 1.0)
        if self.miss_rate is not None:
            number(self.miss_rate, "operating_points.miss_rate", 0.0, 1.0)
        text(self.audio, "operating_points.audio")
        number(self.hours, "operating_points.hours")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> OperatingPoint:
        """Read back what `to_dict` wrote, or raise a `ManifestError` that names the key."""
        return cls(**check_keys(cls, values, "operating_points"))


@dataclass(frozen=True)
class Manifest:
    """Everything a device must know to run the model files beside it."""

    phrase: str
    language: str
    step: StepSpec
    decision: Decision
    files: tuple[ModelFile, ...] = ()
    """In order of preference: the first that an installed engine can run is used."""
    front_end: FrontEndSpec = field(default_factory=FrontEndSpec)
    operating_points: tuple[OperatingPoint, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    """Engines, voices, corpora with licences, versions, seed: JSON values."""
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if self.format_version != FORMAT_VERSION:
            raise refuse(
                "format_version",
                f"is {self.format_version!r} and this program reads {FORMAT_VERSION}: "
                "update watchword-runtime or export the detector again",
            )
        text(self.phrase, "phrase")
        text(self.language, "language")
        if not isinstance(self.provenance, dict):
            raise refuse("provenance", f"must be an object, not {self.provenance!r}")
        names = [item.file for item in self.files]
        if len(set(names)) != len(names):
            raise refuse("files", f"lists a file twice: {', '.join(sorted(names))}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "format_version": self.format_version,
            "phrase": self.phrase,
            "language": self.language,
            "files": [item.to_dict() for item in self.files],
            "front_end": self.front_end.to_dict(),
            "step": self.step.to_dict(),
            "decision": self.decision.to_dict(),
            "operating_points": [point.to_dict() for point in self.operating_points],
            "provenance": self.provenance,
        }

    @classmethod
    def from_dict(cls, values: Any) -> Manifest:
        """Read back what `to_dict` wrote, or raise a `ManifestError` that names the key."""
        version = values.get("format_version") if isinstance(values, dict) else None
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise refuse(
                "format_version", f"is {version}, newer than this program: update watchword-runtime"
            )
        checked = check_keys(cls, values, "the top level")
        return cls(
            format_version=checked["format_version"],
            phrase=checked["phrase"],
            language=checked["language"],
            files=tuple(ModelFile.from_dict(v) for v in items(checked["files"], "files")),
            front_end=FrontEndSpec.from_dict(checked["front_end"]),
            step=StepSpec.from_dict(checked["step"]),
            decision=Decision.from_dict(checked["decision"]),
            operating_points=tuple(
                OperatingPoint.from_dict(v)
                for v in items(checked["operating_points"], "operating_points")
            ),
            provenance=checked["provenance"],
        )

    def to_json(self) -> str:
        """Return the manifest as JSON text, the same for the same manifest."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, content: str) -> Manifest:
        """Read back what `to_json` wrote, or raise a `ManifestError` that says where it fails."""
        try:
            values = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ManifestError(f"Manifest: not JSON ({error}).") from error
        return cls.from_dict(values)

    def embedded(self) -> Manifest:
        """Return the manifest as a model file carries it: the same, with no files."""
        return dataclasses.replace(self, files=())
