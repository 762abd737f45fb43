"""A clip in, the same words by another throat and at another pace out, through the WORLD vocoder.

Method: M. Morise et al., "WORLD: a vocoder-based high-quality speech synthesis system", 2016.
Fundamental frequency and spectral envelope move together, as they do from a man to a child; pitch
alone hardly makes a new speaker.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainer.delivery import Pacing, contour, word_edges
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from trainer.delivery import Delivery
    from trainer.speech import Speech

Waveform = NDArray[np.float32]
Analysis = NDArray[np.float64]

FRAME_MS = 10.0
"""Twice WORLD's usual period: half the time, and nothing that the 10 ms front end would notice."""
PITCH_SPEED = 4
"""The pitch is looked for at a quarter of the rate; WORLD refines it at the whole rate."""
SHORT_FFT = 512
"""Half of WORLD's usual length: half the time, and long enough for a pitch of 95 Hz and more."""
MOST_LOW = 0.02
"""Share of frames that may be deeper: those are smoothed as if they had no pitch."""
FRAME_SAMPLES = FRAME_MS / 1000 * SAMPLE_RATE_HZ
TEMPO = (0.6, 1.4)
"""People who are not understood speak slowly; real recordings showed both ends."""


@dataclass(frozen=True)
class Warp:
    """What to do to a voice; all ones leaves it as it is."""

    pitch: float = 1.0
    """Factor on the fundamental frequency."""
    formant: float = 1.0
    """Factor on the spectral envelope's frequency axis: above 1 a shorter throat."""
    tempo: float = 1.0
    """Factor on the speed of speech; below 1 is slower."""


def draw_warp(rng: np.random.Generator) -> Warp:
    """Draw a voice between a deep man's and a child's, speaking hurriedly to slowly."""
    size = rng.uniform(-1.0, 1.0)  # one number for the whole body, with some freedom for each part
    return Warp(
        pitch=float(2 ** (0.75 * size + rng.normal(0, 0.1))),
        formant=float(1.0 + 0.17 * size + rng.normal(0, 0.02)),
        tempo=float(np.exp(rng.uniform(*np.log(TEMPO)))),
    )


class Utterance:
    """A clip whose analysis is done once, however often it is warped.

    Args:
        speech: the clip at 16 kHz, trimmed.
    """

    def __init__(self, speech: Speech) -> None:
        self.speech = speech

    @cached_property
    def _world(self) -> tuple[Analysis, Analysis, Analysis]:
        """Return fundamental frequency [frames], envelope and aperiodicity [frames, bins]."""
        import pyworld  # noqa: PLC0415 - only training warps

        signal = self.speech.waveform.astype(np.float64)
        f0, time_s = pyworld.dio(signal, SAMPLE_RATE_HZ, frame_period=FRAME_MS, speed=PITCH_SPEED)
        f0 = pyworld.stonemask(signal, f0, time_s, SAMPLE_RATE_HZ)
        lowest = pyworld.get_cheaptrick_f0_floor(SAMPLE_RATE_HZ, SHORT_FFT)
        low = np.mean((f0 > 0) & (f0 < lowest))
        fft = SHORT_FFT if low <= MOST_LOW else None  # None: what the deepest voices need
        envelope = pyworld.cheaptrick(signal, f0, time_s, SAMPLE_RATE_HZ, fft_size=fft)
        return f0, envelope, pyworld.d4c(signal, f0, time_s, SAMPLE_RATE_HZ, fft_size=fft)

    def warped(self, recipe: Warp, delivery: Delivery | None = None) -> Speech:
        """Return about samples / tempo samples: the same words by another throat.

        Args:
            recipe: whose throat, and how fast.
            delivery: which word is longer and higher than the others.
        """
        import pyworld  # noqa: PLC0415

        f0, envelope, aperiodicity = self._world
        samples = len(self.speech.waveform)
        pacing = Pacing([0, samples], (1.0,), samples)
        if delivery and delivery.tempos:
            edges = word_edges(self.speech)
            pacing = Pacing(edges, delivery.tempos, samples)
            f0 = f0 * contour(_moments(len(f0)), edges, delivery.pitches, neutral=1.0)
            chosen = _frames(pacing, len(f0))
            f0, envelope, aperiodicity = f0[chosen], envelope[chosen], aperiodicity[chosen]
        if recipe.formant != 1.0:
            envelope = stretch_frequencies(envelope, recipe.formant)
        out = pyworld.synthesize(
            f0 * recipe.pitch, envelope, aperiodicity, SAMPLE_RATE_HZ, FRAME_MS / recipe.tempo
        )
        return self.speech.moved(
            out.astype(np.float32), lambda moment: pacing.place(moment) / recipe.tempo
        )


def _moments(frames: int) -> Analysis:
    """Return the sample in the middle of each of WORLD's frames."""
    return np.arange(frames, dtype=np.float64) * FRAME_SAMPLES


def _frames(pacing: Pacing, frames: int) -> NDArray[np.intp]:
    """Return which of WORLD's frames to speak, drawn-out words' more than once."""
    moments = _moments(round(pacing.samples / FRAME_SAMPLES) + 1)
    chosen = np.rint(pacing.origin(moments) / FRAME_SAMPLES).astype(np.intp)
    return np.minimum(chosen, frames - 1)


def stretch_frequencies(envelope: Analysis, factor: float) -> Analysis:
    """Move each bin of [frames, bins] to `factor` times its frequency."""
    bins = np.arange(envelope.shape[1])
    source = np.clip(bins / factor, 0, len(bins) - 1)
    left = np.floor(source).astype(int)
    right = np.minimum(left + 1, len(bins) - 1)
    share = source - left
    log = np.log(envelope)
    return np.ascontiguousarray(np.exp((1 - share) * log[:, left] + share * log[:, right]))
