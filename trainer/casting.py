"""The engines that work here and a bucket in, who speaks the next clip out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from trainer.phrases import Bucket
from trainer.split import side_of
from trainer.tts.base import SpeechEngine, Voice, parents
from trainer.tts.blends import BlendingEngine, blend, can_blend
from trainer.tts.engines import ENGINES, available_engines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

BLEND_SHARE = 0.6
"""Share of an engine's clips whose voice is a blend of two, where the engine blends."""
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
        "espeak": 0.9,
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
        "bark": 0.05,
        "elevenlabs": 0.02,
    },
}
"""Which engines speak what. Kokoro is the most human and the slowest by far; espeak-ng is robotic
and many-voiced: good for what must not trigger. Every engine says the phrase, too: one that never
does would be a sign that it is not the phrase."""


NEED_GPU = ("bark",)
"""Engines that take minutes a sentence on a CPU: they speak only where asked to."""


class NoVoicesError(RuntimeError):
    """No speech engine works here; the message says what is missing."""


def _has_gpu() -> bool:
    import torch  # noqa: PLC0415 - only to ask

    return torch.cuda.is_available()


@contextmanager
def open_engines(
    voices_dir: Path, names: Sequence[str] | None, missing: dict[str, str]
) -> Iterator[Mapping[str, SpeechEngine]]:
    """Open the engines that work here, and write into `missing` why others do not."""
    if names is None and not _has_gpu():
        missing |= dict.fromkeys(NEED_GPU, "is too slow without a GPU: ask for it with --engines")
        names = [name for name in ENGINES if name not in NEED_GPU]
    engines, reasons = available_engines(voices_dir, names)
    missing |= reasons
    try:
        if not any(engine.voices() for engine in engines.values()):
            why = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            raise NoVoicesError(f"No speech engine works here, so nothing can be made. {why}")
        yield engines
    finally:
        for engine in engines.values():
            engine.close()


class VoiceCast:
    """Draws voices from the engines that work here."""

    def __init__(self, engines: Mapping[str, SpeechEngine], rng: np.random.Generator) -> None:
        self._rng = rng
        self._engines = engines
        self._voices = {name: voices for name, e in engines.items() if (voices := e.voices())}
        self._sides = {v: side_of(parents(v)) for voices in self._voices.values() for v in voices}

    def draw(self, weights: Mapping[str, float], *, from_phonemes: bool) -> Voice | None:
        """Return a voice, or None when no engine can speak this (made-up words need phonemes).

        Args:
            weights: how often each engine speaks, as in `ENGINE_WEIGHTS`.
            from_phonemes: only engines that speak phonemes.
        """
        able = {
            name: weight
            for name, weight in weights.items()
            if name in self._voices and (self._engines[name].speaks_phonemes or not from_phonemes)
        }
        if not able:
            return None
        share = np.array(list(able.values()))
        name = str(self._rng.choice(list(able), p=share / share.sum()))
        voices = self._voices[name]
        weight = np.array([NATIVE_WEIGHT if v.language.startswith("en-") else 1 for v in voices])
        voice = voices[int(self._rng.choice(len(voices), p=weight / weight.sum()))]
        engine = self._engines[name]
        if isinstance(engine, BlendingEngine) and self._rng.random() < BLEND_SHARE:
            return self._blend(engine, voice, voices)
        return voice

    def speaks_phonemes(self, voice: Voice) -> bool:
        """Whether this voice can be told how to say a text."""
        return self._engines[voice.engine].speaks_phonemes

    def _blend(self, engine: SpeechEngine, voice: Voice, voices: Sequence[Voice]) -> Voice:
        """Mix with another voice of the same side, so that the child is on that side too."""
        others = [
            v
            for v in voices
            if self._sides[v] is self._sides[voice] and can_blend(engine, voice, v)
        ]
        if not others:
            return voice
        other = others[int(self._rng.integers(len(others)))]
        return blend(voice, other, round(float(self._rng.uniform(*BLEND_WEIGHTS)), 2))
