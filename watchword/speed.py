"""A bundle in, what listening with it costs out, beside other projects' packages on the same audio.

Each measurement has a process of its own. The contenders take turns, round after round, so that a
machine whose speed drifts treats them alike; figures are medians over the rounds, and ratios are
taken within a round.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import watchword_runtime
from trainer.benchmark.rivals import RivalMissingError
from watchword import speed_process
from watchword.errors import OptionError
from watchword_runtime.bundle import open_bundle
from watchword_runtime.engines import ENGINES, available
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword_runtime.frontend import Pcm

OTHER_PYTHON = "WATCHWORD_TFLITE_PYTHON"
"""Names an interpreter with tflite-runtime, which has no wheels for this one's numpy."""
RIVALS = {"pymicro-wakeword": "pymicro_wakeword", "pyopen-wakeword": "pyopen_wakeword"}
"""Package → module."""
AGAINST = "pymicro-wakeword"
PRECISIONS = ("int8", "fp32")
TIMEOUT_S = 900
_ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR")
}


class SpeedError(RuntimeError):
    """A contender could not be measured; the message says which and why."""


@dataclass(frozen=True)
class Cost:
    """What one process measured, or the medians of several."""

    cpu_s_per_hour: float
    """CPU seconds for an hour of audio, in chunks of 80 ms."""
    step_p50_us: float
    """CPU microseconds a step, fed one step at a time: the median."""
    step_p99_us: float
    step_ms: float
    """Audio in one step of the model."""
    rss_mb: float
    """Resident memory after listening, MiB."""
    anonymous_mb: float
    """What of it is the process's own, and not a file that several processes can share."""
    python_mb: float
    """What of it is Python's files."""
    numpy_mb: float
    """numpy's, with its BLAS."""
    engine_mb: float
    """The other packages': engine and features."""
    system_mb: float
    """The system's libraries."""
    import_ms: float
    """CPU time to import the package."""
    load_ms: float
    """CPU time from there to a stream that can listen; engines are imported here."""
    ready_wall_ms: float
    """Both on the wall clock."""
    disk_mb: float
    """Packages with all that they require, and the model, 10⁶ bytes."""


@dataclass(frozen=True)
class Contender:
    """One way to listen."""

    title: str
    name: str
    """In `speed_process.CONTENDERS`."""
    phrases: int
    packages: tuple[str, ...]
    python: str = sys.executable
    bundle: str = ""
    file: str = ""
    engine: str = ""
    also: tuple[str, ...] = ()
    """Files and folders on disk that no package lists."""

    def spec(self, audio: Path) -> str:
        """Return the measuring process's argument."""
        return json.dumps(
            {
                "contender": self.name,
                "phrases": self.phrases,
                "bundle": self.bundle,
                "file": self.file,
                "engine": self.engine,
                "packages": self.packages,
                "also": self.also,
                "audio": str(audio),
            }
        )


@dataclass(frozen=True)
class Measured:
    """A contender's rounds."""

    contender: Contender
    rounds: tuple[Cost, ...]

    def median(self) -> Cost:
        """Return each figure's median over the rounds."""
        return Cost(
            **{
                field.name: statistics.median(getattr(cost, field.name) for cost in self.rounds)
                for field in fields(Cost)
            }
        )

    def ratios(self, other: Measured, figure: str) -> list[float]:
        """Return this one's figure over the other's, round by round."""
        return [
            getattr(mine, figure) / getattr(theirs, figure)
            for mine, theirs in zip(self.rounds, other.rounds, strict=True)
        ]


def contenders(bundle: Path, phrases: Sequence[int], *, rivals: bool) -> list[Contender]:
    """Return who is measured: references, the bundle on each engine, other projects' packages.

    Raises:
        BundleError: the bundle cannot be used.
        RivalMissingError: a rival's package is not installed.
        OptionError: nothing here can run the bundle.
    """
    runtime = str(Path(watchword_runtime.__file__).resolve().parent)
    base = ("numpy", "pymicro-features")
    found = [
        Contender("Python and numpy", "numpy", 1, ("numpy",)),
        Contender("features alone", "features", 1, base, also=(runtime,)),
    ]
    path = bundle.resolve()
    files = open_bundle(path).manifest.files
    pythons = _pythons()
    for precision in PRECISIONS:
        for entry in (entry for entry in files if entry.precision == precision):
            for engine, python in pythons.items():
                if entry.format in ENGINES[engine].formats:
                    found += [
                        Contender(
                            f"Watchword {precision}, {engine}",
                            "watchword",
                            count,
                            (*base, engine),
                            python,
                            str(path),
                            entry.file,
                            engine,
                            (runtime, str(path / entry.file) if path.is_dir() else str(path)),
                        )
                        for count in (phrases if precision == PRECISIONS[0] else phrases[:1])
                    ]
    if all(contender.name != "watchword" for contender in found):
        raise OptionError(f"No engine here runs {bundle}: see watchword doctor.")
    if rivals:
        for package, module in RIVALS.items():
            if find_spec(module) is None:
                raise RivalMissingError(
                    f'{module} is not installed: pip install "watchword[rivals]", or leave the '
                    "other packages out with --without-rivals."
                )
            found += [Contender(package, package, count, (package,)) for count in phrases]
    return found


def _pythons() -> dict[str, str]:
    """Return engine → the interpreter that has it."""
    found = {name: sys.executable for name, missing in available().items() if missing is None}
    other = os.environ.get(OTHER_PYTHON)
    if other and "tflite-runtime" not in found:
        found["tflite-runtime"] = other
    return found


def made_up_audio(minutes: float, seed: int = 0) -> Pcm:
    """Return int16 [samples] at 16 kHz: a room's noise with bursts as long as words."""
    rng = np.random.default_rng(seed)
    samples = round(minutes * 60 * SAMPLE_RATE_HZ)
    loudness = np.full(samples, 60.0)
    at = 0
    while at < samples:
        at += int(rng.integers(2_000, 16_000))
        length = int(rng.integers(3_000, 9_000))
        loudness[at : at + length] = rng.uniform(500, 5_000)
        at += length
    return (rng.normal(size=samples) * loudness).clip(-32_768, 32_767).astype(np.int16)


def run(
    entrants: Sequence[Contender], audio: Pcm, rounds: int, tell: Callable[[str], None]
) -> list[Measured]:
    """Measure all contenders in turn, `rounds` times.

    Args:
        entrants: who.
        audio: int16 [samples] at 16 kHz.
        rounds: how often each.
        tell: is called with a line before each round.

    Raises:
        SpeedError: a measuring process failed.
    """
    costs: list[list[Cost]] = [[] for _ in entrants]
    with tempfile.TemporaryDirectory(prefix="watchword-speed-") as name:
        folder = Path(name)
        sound = folder / "audio.s16"
        sound.write_bytes(audio.tobytes())
        # Alone in a folder: another interpreter must find our runtime and not our numpy. And
        # compiled, as pip leaves it: the other packages are.
        packages = folder / "path"
        runtime = Path(watchword_runtime.__file__).resolve().parent
        shutil.copytree(runtime, packages / runtime.name)
        for python in dict.fromkeys(entrant.python for entrant in entrants):
            _start(python, ["-m", "compileall", "-q", str(packages)], packages, "compiling")
        for index in range(rounds):
            tell(f"round {index + 1} of {rounds}")
            for entrant, found in zip(entrants, costs, strict=True):
                found.append(_measure(entrant, sound, packages))
    return [Measured(entrant, tuple(found)) for entrant, found in zip(entrants, costs, strict=True)]


def _measure(contender: Contender, sound: Path, packages: Path) -> Cost:
    what = f"{contender.title} with {contender.phrases} phrases"
    script = [speed_process.__file__, contender.spec(sound)]
    said = _start(contender.python, script, packages, what)
    values: dict[str, Any] = json.loads(said.splitlines()[-1])
    return Cost(**values)


def _start(python: str, arguments: list[str], packages: Path, what: str) -> str:
    """Return what an interpreter that has our runtime prints."""
    try:
        done = subprocess.run(
            [python, *arguments],
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": str(packages)},
            cwd=packages,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise SpeedError(f"{python} cannot be started: {error}.") from error
    except subprocess.TimeoutExpired as error:
        raise SpeedError(f"{what} took over {TIMEOUT_S} s: ask for fewer --minutes.") from error
    if done.returncode != 0:
        told = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise SpeedError(f"{what} failed in {python}: {told}")
    return done.stdout
