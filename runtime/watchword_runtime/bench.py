"""Loaded detectors in, what they cost on this device out: time, memory, and what the gate saves."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from watchword_runtime.audio import read_wav
from watchword_runtime.frontend import SAMPLE_RATE_HZ
from watchword_runtime.gate import OPEN_DB, Gate
from watchword_runtime.group import DetectorGroup
from watchword_runtime.listener import Listener

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from watchword_runtime.detector import Detection, Detector
    from watchword_runtime.frontend import Pcm

LEAST_S = 120.0
"""Shorter sound is repeated up to this."""
CHUNK_SAMPLES = SAMPLE_RATE_HZ // 10
"""What a microphone gives at once."""
SAME_S = 0.5
"""Two detections of a phrase that are no further apart are the same one."""

# A process of its own that does nothing but listen: what a device would see.
_FRESH = """
import json, re, sys, time
started_s, cpu_s = time.perf_counter(), time.process_time()
import watchword_runtime.__main__ as command
import_s, import_cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
from watchword_runtime.arguments import parse_arguments
listener = command.Listener(command.load_detectors(parse_arguments(sys.argv[1:])))
ready_s, ready_cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
import numpy
for _ in range(100):
    listener.hear(numpy.zeros(1600, dtype=numpy.int16))
try:
    status = open("/proc/self/status").read()
    mb = {key: int(re.search(key + r":\\s+(\\d+)", status).group(1)) * 1024 / 1e6 for key in ("VmRSS", "VmHWM")}
except OSError:
    mb = {"VmRSS": None, "VmHWM": None}
print(json.dumps([import_s, import_cpu_s, ready_s, ready_cpu_s, mb["VmRSS"], mb["VmHWM"]]))
"""  # noqa: E501


@dataclass(frozen=True)
class Bench:
    """What `measure` found."""

    models: list[str]
    sound: str
    import_s: float
    """From an empty process to the imported runtime."""
    import_cpu_s: float
    ready_s: float
    """From an empty process to loaded detectors."""
    ready_cpu_s: float
    memory_mb: float | None
    """Resident memory of a process that listens, or None where /proc is missing."""
    peak_memory_mb: float | None
    cpu_s_per_hour: float
    """CPU seconds for an hour of sound, in chunks of 100 ms."""
    step_us_p50: float
    """Microseconds for the sound of one step, all detectors, front end included."""
    step_us_p99: float
    gate: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self)

    def to_text(self) -> str:
        """Return the measurements, one a line."""

        def mb(value: float | None) -> str:
            return "unknown" if value is None else f"{value:.1f} MB"

        rows = [
            ("models", "; ".join(self.models)),
            ("sound", self.sound),
            ("import", f"{self.import_s:.3f} s, {self.import_cpu_s:.3f} s of CPU"),
            ("import and load", f"{self.ready_s:.3f} s, {self.ready_cpu_s:.3f} s of CPU"),
            ("memory", f"{mb(self.memory_mb)}, peak {mb(self.peak_memory_mb)}"),
            ("CPU per hour of sound", f"{self.cpu_s_per_hour:.2f} s"),
            ("a step", f"p50 {self.step_us_p50:.0f} µs, p99 {self.step_us_p99:.0f} µs"),
        ]
        if self.gate is not None:
            gate = self.gate
            cost = f"{gate['cpu_s_per_hour']:.2f} s of CPU per hour"
            counts = f"{gate['detections_without']} without, {gate['detections_with']} with --gate"
            rows += [
                ("with --gate", f"{cost}, {gate['heard_share']:.0%} of the sound heard"),
                ("detections", f"{counts}; {gate['lost']} lost, {gate['new']} new"),
            ]
        return "\n".join(f"{name:22} {value}" for name, value in rows)


def measure(detectors: Sequence[Detector], arguments: argparse.Namespace) -> Bench:
    """Run the detectors on `--wav`, or on a room that is quiet with bursts of noise.

    Raises:
        AudioError: the WAV file cannot be read, or is empty.
    """
    pcm, sound = _sound(arguments.wav)
    fresh = _fresh(arguments)
    hours = len(pcm) / SAMPLE_RATE_HZ / 3600
    plain, plain_cpu_s, _ = _hear(Listener(detectors), pcm)
    gate = None
    if arguments.gate:
        open_db = OPEN_DB if arguments.gate_db is None else arguments.gate_db
        gated, gated_cpu_s, share = _hear(Listener(detectors, Gate(open_db)), pcm)
        gate = {
            "cpu_s_per_hour": gated_cpu_s / hours,
            "heard_share": share,
            "detections_without": len(plain),
            "detections_with": len(gated),
            "lost": _only_in(plain, gated),
            "new": _only_in(gated, plain),
        }
    p50, p99 = np.percentile(_step_us(detectors, pcm), [50, 99])
    models = [f"{one.file} on {one.engine_name}" for one in detectors]
    cpu_s_per_hour = plain_cpu_s / hours
    return Bench(models, sound, *fresh, cpu_s_per_hour, float(p50), float(p99), gate)


def _sound(wav: str | None) -> tuple[Pcm, str]:
    if wav is None:
        rng = np.random.default_rng(0)
        room = rng.normal(0.0, 20.0, round(LEAST_S * SAMPLE_RATE_HZ))
        for start in range(10 * SAMPLE_RATE_HZ, len(room), 20 * SAMPLE_RATE_HZ):
            room[start : start + SAMPLE_RATE_HZ] *= 50.0
        return room.astype(np.int16), f"{LEAST_S:g} s of noise, loud 1 s in 20, made here"
    pcm = read_wav(wav)
    if len(pcm) == 0:
        raise ValueError(f"{wav} holds no sound: measure on another file.")
    times = max(1, -(-round(LEAST_S * SAMPLE_RATE_HZ) // len(pcm)))
    return np.tile(pcm, times), f"{wav}, {times} times"


def _fresh(
    arguments: argparse.Namespace,
) -> tuple[float, float, float, float, float | None, float | None]:
    """Return seconds and MB of a process that imports, loads and listens for 10 s."""
    # Where this very runtime is, also when it is not installed.
    program = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n{_FRESH}"
    command = [sys.executable, "-c", program, *arguments.bundle]
    for option in ("engine", "file", "public_key"):
        value = getattr(arguments, option)
        if value is not None:
            command += [f"--{option.replace('_', '-')}", value]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise ValueError(f"The bundle does not load in a new process: {done.stderr.decode()}")
    import_s, import_cpu_s, ready_s, ready_cpu_s, memory_mb, peak_mb = json.loads(done.stdout)
    return import_s, import_cpu_s, ready_s, ready_cpu_s, memory_mb, peak_mb


def _hear(listener: Listener, pcm: Pcm) -> tuple[list[Detection], float, float]:
    """Return detections, CPU seconds, and the share of the sound that reached the detectors."""
    found: list[Detection] = []
    started_s = time.process_time()
    for start in range(0, len(pcm), CHUNK_SAMPLES):
        found += listener.hear(pcm[start : start + CHUNK_SAMPLES])
    cpu_s = time.process_time() - started_s
    found += listener.finish()
    return found, cpu_s, listener.heard_samples / max(1, listener.source_samples)


def _step_us(detectors: Sequence[Detector], pcm: Pcm) -> list[float]:
    """Return the microseconds of each chunk that completes one step of the longest kind."""
    samples = round(max(one.step_s for one in detectors) * SAMPLE_RATE_HZ)
    stream = DetectorGroup(detectors).stream()
    times = []
    for start in range(0, len(pcm) - samples, samples):
        started_ns = time.perf_counter_ns()
        stream.process(pcm[start : start + samples])
        times.append((time.perf_counter_ns() - started_ns) / 1e3)
    return times[1:]


def _only_in(these: list[Detection], others: list[Detection]) -> int:
    return sum(
        not any(
            one.phrase == other.phrase and abs(one.time_s - other.time_s) <= SAME_S
            for other in others
        )
        for one in these
    )
