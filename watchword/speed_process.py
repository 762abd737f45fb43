"""A contender and a file of audio in, what it costs out, as one line of JSON.

A script, `python speed_process.py '{"contender": …}'`: each measurement has a process of its own,
which may be another interpreter than Watchword's. It needs Python 3.9 and, until its clock runs,
nothing but the standard library.

Times are CPU time (user and system, of all threads), which other work on the machine disturbs less
than the clock on the wall.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Hear = Callable[[bytes], int]
    """Takes 16 kHz int16 samples, returns how often something was detected."""
    Load = Callable[[], tuple[Hear, int]]
    """Returns how to hear, and the samples of one step of the model."""

BYTES_PER_S = 32_000
CHUNK_SAMPLES = 1280
"""80 ms: what arecord and openWakeWord's clients deliver at a time."""
WARM_UP_S = 10
"""Heard before anything is counted: pyopen-wakeword starts with eight seconds of silence."""
TIMED_STEPS = 2000


def _watchword(spec: dict[str, Any]) -> Load:
    from watchword_runtime import Detector, DetectorGroup

    def load() -> tuple[Hear, int]:
        import numpy as np

        detectors = [
            Detector.load(spec["bundle"], engine=spec["engine"], file=spec["file"])
            for _ in range(spec["phrases"])
        ]
        stream = DetectorGroup(detectors).stream()
        step_samples = round(detectors[0].step_s * BYTES_PER_S / 2)
        return lambda data: len(stream.process(np.frombuffer(data, np.int16))), step_samples

    return load


def _front_end(_spec: dict[str, Any]) -> Load:
    """Return Watchword's features without a model, to see what they cost of the whole."""
    from watchword_runtime import frontend

    def load() -> tuple[Hear, int]:
        import numpy as np

        front_end = frontend.FrontEnd()

        def hear(data: bytes) -> int:
            front_end.process(np.frombuffer(data, np.int16))
            return 0

        return hear, 3 * frontend.HOP_SAMPLES

    return load


def _numpy(_spec: dict[str, Any]) -> Load:
    """Return what every contender stands on: Python and numpy."""
    import numpy  # noqa: F401, ICN001

    return lambda: (lambda _data: 0, CHUNK_SAMPLES)


def _pymicro(spec: dict[str, Any]) -> Load:
    from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model

    def load() -> tuple[Hear, int]:
        builtin = list(Model)
        models = [
            MicroWakeWord.from_builtin(builtin[index % len(builtin)])
            for index in range(spec["phrases"])
        ]
        features = MicroWakeWordFeatures()

        def hear(data: bytes) -> int:  # as in the package's own __main__
            found = 0
            for frame in features.process_streaming(data):
                for model in models:
                    found += bool(model.process_streaming(frame))
            return found

        return hear, 160 * int(models[0].stride)

    return load


def _pyopen(spec: dict[str, Any]) -> Load:
    from pyopen_wakeword import Model, OpenWakeWord, OpenWakeWordFeatures

    def load() -> tuple[Hear, int]:
        builtin = list(Model)
        models = [
            OpenWakeWord.from_builtin(builtin[index % len(builtin)])
            for index in range(spec["phrases"])
        ]
        features = OpenWakeWordFeatures.from_builtin()

        def hear(data: bytes) -> int:  # as in the package's own __main__
            found = 0
            for embedding in features.process_streaming(data):
                for model in models:
                    found += sum(score > 0.5 for score in model.process_streaming(embedding))
            return found

        return hear, CHUNK_SAMPLES

    return load


CONTENDERS = {
    "watchword": _watchword,
    "features": _front_end,
    "numpy": _numpy,
    "pymicro-wakeword": _pymicro,
    "pyopen-wakeword": _pyopen,
}


def memory_mb() -> dict[str, float]:
    """Return the MiB of this process that are resident, in all and by whose they are.

    "anonymous" is the process's own; the others are pages of files, which processes share and the
    system may drop: Python, numpy, the packages that listen, and the system's libraries.
    """
    found = dict.fromkeys(("rss", "anonymous", "python", "numpy", "engine", "system"), 0)
    owner = "system"
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        key, *rest = line.split(maxsplit=5)
        if not key.endswith(":"):
            owner = _owner(rest[-1])
        elif key == "Rss:":
            found["rss"] += int(rest[0])
            found[owner] += int(rest[0])
        elif key == "Anonymous:":
            found["anonymous"] += int(rest[0])
            found[owner] -= int(rest[0])
    return {f"{name}_mb": kib / 1024 for name, kib in found.items()}


def _owner(path: str) -> str:
    """Return whose a mapped file is."""
    package = re.search(r"/(?:site|dist)-packages/(\w+)", path)
    if package:
        return "numpy" if package[1] == "numpy" else "engine"
    return "python" if re.search(r"/(?:lib)?python3|/lib-dynload/", path) else "system"


def _installed_mb(packages: list[str]) -> float:
    """Return what packages and all that they require hold on disk, compiled files left out."""
    from importlib import metadata

    total, waiting, seen = 0, list(packages), set()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # required elsewhere, on another system or Python
        for file in package.files or ():
            path = Path(str(package.locate_file(file)))
            if path.suffix != ".pyc" and path.is_file():
                total += path.stat().st_size
        for requirement in package.requires or ():
            match = re.match(r"[\w.-]+", requirement)
            if match and "extra ==" not in requirement:
                waiting.append(match[0])
    return total / 1e6


def _folder_mb(path: Path) -> float:
    files = [path] if path.is_file() else path.rglob("*.py")
    return sum(file.stat().st_size for file in files) / 1e6


def measure(spec: dict[str, Any]) -> dict[str, float]:
    """Return what the contender of `spec` costs; see `watchword.speed.Cost` for the fields."""
    started, clock = time.process_time(), time.perf_counter()
    load = CONTENDERS[spec["contender"]](spec)
    imported = time.process_time()
    hear, step_samples = load()
    loaded, ready_s = time.process_time(), time.perf_counter() - clock

    heard_bytes = 0
    with Path(spec["audio"]).open("rb") as audio:
        for _ in range(WARM_UP_S * BYTES_PER_S // (2 * CHUNK_SAMPLES)):
            hear(audio.read(2 * CHUNK_SAMPLES))
        began = time.process_time()
        while chunk := audio.read(2 * CHUNK_SAMPLES):
            hear(chunk)
            heard_bytes += len(chunk)
        cpu_s = time.process_time() - began
        memory = memory_mb()

        audio.seek(0)
        steps_us: list[float] = []
        while len(steps_us) < TIMED_STEPS and (step := audio.read(2 * step_samples)):
            before = time.process_time_ns()
            hear(step)
            steps_us.append((time.process_time_ns() - before) / 1000)
    steps_us.sort()
    return {
        "cpu_s_per_hour": cpu_s / heard_bytes * BYTES_PER_S * 3600,
        "step_p50_us": steps_us[len(steps_us) // 2],
        "step_p99_us": steps_us[len(steps_us) * 99 // 100],
        "step_ms": step_samples * 2000 / BYTES_PER_S,
        **memory,
        "import_ms": (imported - started) * 1000,
        "load_ms": (loaded - imported) * 1000,
        "ready_wall_ms": ready_s * 1000,
        "disk_mb": _installed_mb(spec["packages"]) + sum(_folder_mb(Path(p)) for p in spec["also"]),
    }


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
