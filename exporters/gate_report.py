"""A bundle and recordings in, what the gate of `watchword-listen` costs and saves out.

`python -m exporters.gate_report BUNDLE --positives FOLDER --negatives FOLDER` plays the recordings
in rooms of some noise and listens as `watchword-listen` does, without `--gate` and with it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exporters.exam import PAUSE_S, Exam, join, missed
from exporters.exam_cli import add_recordings, read_recordings
from exporters.sound import Sound, read_sound, spread
from watchword_runtime.decision import detection_steps, refractory_steps
from watchword_runtime.detector import Detector
from watchword_runtime.errors import AudioError, BundleError, NoEngineError
from watchword_runtime.frontend import HOP_S, SAMPLE_RATE_HZ
from watchword_runtime.gate import OPEN_DB, Gate
from watchword_runtime.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.step import Floats
    from watchword_runtime.frontend import Pcm

RATES_PER_HOUR = (0.5, 2.0)
SNRS_DB = (40.0, 20.0, 10.0, 5.0)
SPEECH_RMS = 2_000.0
"""How loud every recording is played: its loud parts, of 32,768."""
LOUD_DB = 20.0
"""Blocks of 20 ms this much below a recording's loudest, or less, are its loud parts."""
BLOCK_SAMPLES = 320
ALONE_S = 300.0
"""The room alone at the end."""
CHUNK_SAMPLES = SAMPLE_RATE_HZ // 10
HEADS = (
    *("noise", "gate", "missed", "false accepts"),
    *(f"missed at {rate:g}/h" for rate in RATES_PER_HOUR),
    *("slept: room alone", "phrases", "speech"),
)


@dataclass(frozen=True)
class Scene:
    """Recordings without the phrase, then with it and pauses, then nothing but the room."""

    exam: Exam
    """In steps of one hop of the front end. Its sound has no noise yet."""

    @property
    def parts(self) -> tuple[int, int, int]:
        """Samples at which speech, phrases and the room alone end."""
        spans = self.exam.sound.spans
        return (
            spans[self.exam.negative_files - 1][1],
            spans[-1][1],
            len(self.exam.sound.samples),
        )


@dataclass(frozen=True)
class Heard:
    """What one way of listening heard."""

    scores: Floats
    """float32 [hops]: the score of the step that ended there, 0 where none did."""
    slept: tuple[float, float, float]
    """Share of speech, of phrases with their pauses and of the room alone that was left out."""


def stage(positives: Sound, negatives: Sound, pause_s: float) -> Scene:
    """Return the recordings, each as loud as the others, with the room's pauses between."""
    exam = join(_levelled(negatives), spread(_levelled(positives), pause_s), HOP_S)
    alone = np.zeros(round(ALONE_S * SAMPLE_RATE_HZ), np.int16)
    sound = Sound(np.concatenate([exam.sound.samples, alone]), exam.sound.spans)
    return Scene(Exam(sound, exam.negative_files, exam.step_s))


def steady_noise(seconds: float = 60.0, seed: int = 0) -> Pcm:
    """Return int16 [samples] of noise that falls by 3 dB an octave, as of a fan or a street."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(size=round(seconds * SAMPLE_RATE_HZ)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0.0
    noise = np.fft.irfft(spectrum)
    return np.rint(noise / np.abs(noise).max() * 32_767).astype(np.int16)


def with_noise(scene: Scene, noise: Pcm, snr_db: float) -> Pcm:
    """Return the scene's int16 [samples] with the noise running through it, pauses included."""
    level = SPEECH_RMS * 10 ** (-snr_db / 20) / _rms(noise)
    clean = scene.exam.sound.samples
    running = np.resize(noise, len(clean)).astype(np.float32) * np.float32(level)
    return np.clip(np.rint(clean + running), -32_768, 32_767).astype(np.int16)


def hear(detector: Detector, scene: Scene, pcm: Pcm, gate: Gate | None) -> Heard:
    """Listen to all of it with `watchword-listen`'s own `Listener`.

    Args:
        detector: every step of it must be a detection: `score_detector` loads such.
        scene: what is played.
        pcm: the scene's samples, noise included.
        gate: or None.
    """
    listener = Listener([detector], gate)
    scores = np.zeros(len(pcm) // 160 + 100, np.float32)
    slept, start = [], 0
    for end in scene.parts:
        before = listener.heard_samples
        for at in range(start, end, CHUNK_SAMPLES):
            for one in listener.hear(pcm[at : min(at + CHUNK_SAMPLES, end)]):
                scores[round(one.time_s / HOP_S)] = one.score
        slept.append(max(0.0, 1.0 - (listener.heard_samples - before) / (end - start)))
        start = end
    speech, phrases, alone = slept
    return Heard(scores, (speech, phrases, alone))


def score_detector(bundle: Path) -> Detector:
    """Load a detector of which every step is a detection: with its score, all can be counted.

    Raises:
        BundleError, NoEngineError: see `Detector.load`.
    """
    detector = Detector.load(bundle, threshold=0.0)
    detector.refractory_s = 0.0
    return detector


def row(scene: Scene, heard: Heard, detector: Detector) -> list[str]:
    """Return the table's cells behind noise and gate."""
    exam, decision = scene.exam, detector.manifest.decision
    phrases = exam.at(heard.scores, decision.threshold)
    waiting = refractory_steps(decision.refractory_s, exam.step_s)
    speech = heard.scores[: exam.negative_steps]
    wrong = len(detection_steps(speech, decision.threshold, waiting, 0))
    slept = (heard.slept[2], heard.slept[1], heard.slept[0])
    return [
        f"{missed(phrases):.1%}",
        f"{wrong} ({wrong / exam.hours:.2f}/h)",
        *(f"{missed(exam.heard(heard.scores, rate)):.1%}" for rate in RATES_PER_HOUR),
        *(f"{share:.0%}" for share in slept),
    ]


def _levelled(sound: Sound) -> Sound:
    """Return every recording with its loud parts at SPEECH_RMS."""
    samples = sound.samples.copy()
    for first, last in sound.spans:
        part = samples[first:last].astype(np.float32)
        usable = len(part) // BLOCK_SAMPLES * BLOCK_SAMPLES
        power = np.square(part[:usable]).reshape(-1, BLOCK_SAMPLES).mean(axis=1)
        loud = power[power >= power.max(initial=0.0) * 10 ** (-LOUD_DB / 10)]
        level = float(np.sqrt(loud.mean())) if len(loud) else 0.0
        if level > 0:
            scaled = part * np.float32(SPEECH_RMS / level)
            samples[first:last] = np.clip(np.rint(scaled), -32_768, 32_767)
    return Sound(samples, sound.spans)


def _rms(pcm: Pcm) -> float:
    return float(np.sqrt(np.square(pcm.astype(np.float64)).mean()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m exporters.gate_report", description=__doc__)
    parser.add_argument("bundle", type=Path, help="a bundle's folder or zip")
    add_recordings(parser)
    parser.add_argument("--noise", type=Path, help="recordings of noise instead of a steady one")
    parser.add_argument(
        "--snr",
        type=float,
        nargs="+",
        default=SNRS_DB,
        metavar="DB",
        help=f"speech over noise ({' '.join(f'{snr:g}' for snr in SNRS_DB)})",
    )
    parser.add_argument("--pause", type=float, default=PAUSE_S, help=f"s ({PAUSE_S:g})")
    parser.add_argument("--gate-db", type=float, default=OPEN_DB, help=f"({OPEN_DB:g})")
    options = parser.parse_args(arguments)
    try:
        positives, negatives = read_recordings(options)
        noise = steady_noise() if options.noise is None else read_sound(options.noise).samples
        detector = score_detector(options.bundle)
    except (AudioError, BundleError, NoEngineError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    scene = stage(positives, negatives, options.pause)
    sys.stdout.write(
        f"Recordings of the phrase, {options.pause:g} s before each: {len(positives.spans)}. "
        f"Hours without it: {scene.exam.hours:.2f}.\n\n"
    )
    lines = [HEADS, ["---"] * len(HEADS)]
    sys.stdout.writelines(f"| {' | '.join(line)} |\n" for line in lines)
    for snr_db in options.snr:
        pcm = with_noise(scene, noise, snr_db)
        for name, gate in (("off", None), ("on", Gate(options.gate_db))):
            cells = row(scene, hear(detector, scene, pcm, gate), detector)
            sys.stdout.write(f"| {snr_db:g} dB below | {name} | {' | '.join(cells)} |\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
