"""The engines that work here and a bucket in, who speaks the next clip out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.phrases import Bucket
from trainer.split import side_of
from trainer.tts.base import SpeechEngine, Voice, parents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BLEND_SHARE = 0.6
"""Share of Kokoro clips whose voice is a blend of two."""
BLEND_WEIGHTS = (0.3, 0.7)
NATIVE_WEIGHT = 2.5
"""How much oftener a voice of English speaks than one with a foreign accent."""

_NEAR_MISS_WEIGHTS = {
    "kokoro": 2.0,
    "piper": 1.5,
    "hibari": 1.0,
    "nanotts": 1.2,
    "flite": 1.5,
    "espeak": 1.0,
    "festival": 0.5,
    "bark": 1.0,
    "elevenlabs": 1.0,
}
ENGINE_WEIGHTS: Mapping[Bucket, Mapping[str, float]] = {
    Bucket.POSITIVE: {
        "kokoro": 6.5,
        "piper": 1,
        "nanotts": 0.8,
        "hibari": 0.7,
        "flite": 1,
        "festival": 0.2,
        "bark": 3,
        "elevenlabs": 6,
    },
    Bucket.CONFUSER: _NEAR_MISS_WEIGHTS,
    Bucket.IN_BETWEEN: _NEAR_MISS_WEIGHTS,
    Bucket.PLAIN: {
        "kokoro": 0.12,
        "piper": 1.5,
        "hibari": 1.5,
        "nanotts": 2.0,
        "flite": 2.2,
        "espeak": 2.5,
        "festival": 0.2,
    },
}
"""Which engines speak what. Kokoro is the most human and the slowest by far; espeak-ng is robotic
and many-voiced: good enough for what must not trigger."""


class VoiceCast:
    """Draws voices for a bucket from the engines that work here."""

    def __init__(self, engines: Mapping[str, SpeechEngine], rng: np.random.Generator) -> None:
        self._rng = rng
        self._engines = engines
        self._voices = {name: voices for name, e in engines.items() if (voices := e.voices())}

    def draw(self, bucket: Bucket, *, from_phonemes: bool) -> Voice | None:
        """Return a voice, or None when no engine can speak this (made-up words need phonemes)."""
        weights = {
            name: weight
            for name, weight in ENGINE_WEIGHTS[bucket].items()
            if name in self._voices and (self._engines[name].speaks_phonemes or not from_phonemes)
        }
        if not weights:
            return None
        share = np.array(list(weights.values()))
        name = str(self._rng.choice(list(weights), p=share / share.sum()))
        voices = self._voices[name]
        weight = np.array([NATIVE_WEIGHT if v.language.startswith("en-") else 1 for v in voices])
        voice = voices[int(self._rng.choice(len(voices), p=weight / weight.sum()))]
        if name == "kokoro" and self._rng.random() < BLEND_SHARE:
            return self._blend(voice, voices)
        return voice

    def _blend(self, voice: Voice, voices: Sequence[Voice]) -> Voice:
        """Mix with another voice of the same side, so that the child is on that side too."""
        from trainer.tts.blends import blend  # noqa: PLC0415 - only when Kokoro is installed

        side = side_of(parents(voice))
        others = [v for v in voices if v != voice and side_of(parents(v)) is side]
        if not others:
            return voice
        other = others[int(self._rng.integers(len(others)))]
        return blend(voice, other, round(float(self._rng.uniform(*BLEND_WEIGHTS)), 2))
