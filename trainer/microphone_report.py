"""`python -m trainer.microphone_report FOLDER`: what real microphones do, beside what ours do.

For each recording: how far speech stands above the noise, where the band ends, how the spectrum
tilts, how loud it is. A check that what is made covers what is real; never give it recordings that
a detector is evaluated on, or the evaluation is no longer blind.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from trainer.recordings import find_recordings, read_recording
from trainer.render import Renderer, SceneTask
from trainer.render_benchmark import ROOMS, speak_clips
from trainer.sounds import sounds_folder
from trainer.surroundings import open_surroundings
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

FRAME = SAMPLE_RATE_HZ // 50
BAND_ENDS_DB = 50.0
"""The band ends where the speech is so far below its strongest part for good."""
TILT_HZ = (250.0, 3400.0)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LOUD, SOFT = 0.9, 0.05
"""Quantiles of the frames that stand for speech and for what is between it."""


@dataclass(frozen=True)
class Heard:
    """What one recording is like; the field names are the report's lines."""

    speech_over_noise_db: float
    band_end_hz: float
    tilt_db_per_octave: float
    peak_db: float


def listen(pcm: NDArray[np.int16]) -> Heard | None:
    """Measure int16 [samples] at 16 kHz; None for digital silence or less than half a second."""
    samples = pcm.astype(np.float64) / 32768
    if len(samples) < SAMPLE_RATE_HZ // 2 or not samples.any():
        return None
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    power = np.square(frames).mean(axis=1) + 1e-10
    loud, soft = np.quantile(power, [LOUD, SOFT])
    speech = frames[power >= loud / 10] * np.hanning(FRAME)
    level_db = 10 * np.log10(np.square(np.abs(np.fft.rfft(speech))).mean(axis=0) + 1e-14)
    hz = np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE_HZ)
    within = np.nonzero(level_db > level_db.max() - BAND_ENDS_DB)[0]
    tilt = (hz >= TILT_HZ[0]) & (hz <= TILT_HZ[1])
    return Heard(
        speech_over_noise_db=float(10 * np.log10(loud / soft)),
        band_end_hz=float(hz[within[-1]]),
        tilt_db_per_octave=float(np.polyfit(np.log2(hz[tilt]), level_db[tilt], 1)[0]),
        peak_db=float(20 * np.log10(np.abs(samples).max())),
    )


def write_report(out: TextIO, groups: dict[str, Sequence[Heard]]) -> None:
    """Print the quantiles of every measure for each group."""
    heads = [f"{quantile:.0%}" for quantile in QUANTILES]
    out.write(f"| measure | recordings | {' | '.join(heads)} |\n")
    out.write("|---" * (2 + len(heads)) + "|\n")
    tables = {name: np.array([astuple(h) for h in heard]) for name, heard in groups.items()}
    for column, field in enumerate(fields(Heard)):
        for name, values in tables.items():
            numbers = np.quantile(values[:, column], QUANTILES)
            cells = " | ".join(f"{number:.0f}" for number in numbers)
            out.write(f"| {field.name.replace('_', ' ')} | {name} ({len(values)}) | {cells} |\n")


def _kept(heard: Iterable[Heard | None]) -> list[Heard]:
    return [one for one in heard if one is not None]


def main() -> None:
    """Compare recordings with scenes made here."""
    parser = argparse.ArgumentParser(prog="python -m trainer.microphone_report")
    parser.add_argument("recordings", type=Path, help="a folder of recordings of people")
    parser.add_argument("--limit", type=int, default=300, help="how many of each, at most")
    options = parser.parse_args()
    paths = find_recordings(options.recordings)
    rng = np.random.default_rng(0)
    chosen = [paths[n] for n in sorted(rng.permutation(len(paths))[: options.limit])]
    real = _kept(listen(read_recording(path)) for path in chosen)
    with tempfile.TemporaryDirectory() as folder:
        clips = speak_clips(Path(folder))
        renderer = Renderer(open_surroundings(ROOMS, 0, clips, sounds_folder()))
        made = []
        for number in range(options.limit):
            task = SceneTask(clips[number % len(clips)], 0, 1, (number,))
            made.append(renderer.take(task, renderer.draw(task)).pcm)
    write_report(sys.stdout, {"real": real, "made": _kept(map(listen, made))})


if __name__ == "__main__":
    main()
