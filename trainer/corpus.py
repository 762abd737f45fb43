"""A phrase in, its clips in the database out: reused where they exist, synthesised where not."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from db.clips import ClipStore, NewClip
from trainer.phrases import (
    Bucket,
    Phrase,
    PhraseText,
    bucket_texts,
    contains_phrase,
    normalise_text,
)
from trainer.progress import Report, Stage
from trainer.split import join_people, side_of
from trainer.synthesis import Spoken, SynthesisTask, speak_all
from trainer.tts.base import SpeechEngine, Voice, parents
from trainer.tts.engines import available_engines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from trainer.presets import BucketPlan, Preset

logger = logging.getLogger(__name__)

TEXT_SEED = 0
"""Texts are the same for every run of a phrase, so that a run finds the clips of the last one."""
SOURCE = "synthetic"
MIN_PLAIN_WORDS = 4
"""Shorter texts are other phrases' material; they help as negatives but do not count as plain."""
SPEEDS = (0.7, 1.35)
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
}
ENGINE_WEIGHTS: Mapping[Bucket, Mapping[str, float]] = {
    Bucket.POSITIVE: {"kokoro": 6.5, "piper": 1, "nanotts": 0.8, "hibari": 0.7, "flite": 1},
    Bucket.CONFUSER: _NEAR_MISS_WEIGHTS,
    Bucket.IN_BETWEEN: _NEAR_MISS_WEIGHTS,
    Bucket.PLAIN: {
        "kokoro": 0.12,
        "piper": 1.5,
        "hibari": 1.5,
        "nanotts": 2.0,
        "flite": 2.2,
        "espeak": 2.5,
    },
}
"""Which engines speak what. Kokoro is the most human and the slowest by far; espeak-ng is robotic
and many-voiced: good enough for what must not trigger."""


class NoVoicesError(RuntimeError):
    """No speech engine works here; the message says what is missing."""


@dataclass(frozen=True)
class BucketClips:
    """The clips of one bucket and what it took to have them."""

    clips: pd.DataFrame
    """Rows of the table `clip`."""
    reused: int
    generated: int
    rejected: int


@dataclass(frozen=True)
class Corpus:
    """All clips for one phrase."""

    buckets: Mapping[Bucket, BucketClips]
    rejections: Mapping[str, int]
    """Failed syntheses by engine and voice."""
    missing_engines: Mapping[str, str]


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


def _existing(
    store: ClipStore, phrase: Phrase, texts: Mapping[Bucket, Sequence[PhraseText]], bucket: Bucket
) -> pd.DataFrame:
    """Return the clips that fit a bucket now."""
    if bucket is not Bucket.PLAIN:
        return store.find(texts=_normalised(texts[bucket]))
    clips = store.find()
    words = clips["text_normalised"].str.count(" ") + 1
    near = [text for b in (Bucket.CONFUSER, Bucket.IN_BETWEEN) for text in _normalised(texts[b])]
    clips = clips[(words >= MIN_PLAIN_WORDS) & ~clips["text_normalised"].isin(near)]
    spoken = {p: contains_phrase(p, phrase) for p in clips["phonemes"].unique()}
    return clips[~clips["phonemes"].map(spoken).astype(bool)]


def _normalised(texts: Sequence[PhraseText]) -> list[str]:
    return sorted({normalise_text(text.text) for text in texts})


def _tasks(
    texts: Sequence[PhraseText],
    bucket: Bucket,
    count: int,
    cast: VoiceCast,
    rng: np.random.Generator,
) -> list[SynthesisTask]:
    """Draw voice, pace and seed for `count` clips, going round the texts."""
    tasks: list[SynthesisTask] = []
    order = rng.permutation(len(texts))
    for number in range(count):
        text = texts[int(order[number % len(texts)])]
        voice = cast.draw(bucket, from_phonemes=text.spoken_as_phonemes)
        if voice is None:
            continue
        speed = float(np.exp(rng.uniform(*np.log(SPEEDS))))
        tasks.append(SynthesisTask(text, voice, round(speed, 3), int(rng.integers(2**31))))
    return tasks


def _clip(spoken: Spoken) -> NewClip:
    speech, task = spoken.speech, spoken.task
    assert speech is not None
    return NewClip(
        waveform=speech.waveform,
        rate_hz=speech.rate_hz,
        text=task.text.text,
        text_normalised=normalise_text(task.text.text),
        phonemes=task.text.phonemes,
        engine=speech.voice.engine,
        voice=speech.voice.name,
        speaker=join_people(parents(speech.voice)),
        source=SOURCE,
        licence=speech.voice.licence,
        settings=speech.settings,
    )


def gather(
    phrase: Phrase,
    preset: Preset,
    store: ClipStore,
    voices_dir: Path,
    *,
    seed: int,
    report: Report,
    workers: int | None = None,
) -> Corpus:
    """Bring every bucket of a phrase to its target, reusing before generating.

    For each bucket: count what fits, target = texts × clips per text, make
    max(growth, target − existing) new ones.

    Args:
        phrase: what to detect.
        preset: targets and growth.
        store: where clips are found and kept; every batch is stored as soon as it is made, so
            that a stopped run loses nothing.
        voices_dir: the voices folder.
        seed: decides voices, pace and variation of the new clips.
        report: receives the stage `speech`.
        workers: processes; one for each core by default.

    Raises:
        NoVoicesError: no engine works here.
    """
    engines, missing = available_engines(voices_dir)
    try:
        if not any(engine.voices() for engine in engines.values()):
            reasons = "; ".join(f"{name}: {why}" for name, why in missing.items())
            raise NoVoicesError(f"No speech engine works here, so nothing can be made. {reasons}")
        tasks: dict[Bucket, list[SynthesisTask]] = {}
        found: dict[Bucket, pd.DataFrame] = {}
        plans: dict[Bucket, BucketPlan] = {b: getattr(preset, b.value) for b in Bucket}
        texts = {b: bucket_texts(phrase, b, plans[b].texts, TEXT_SEED) for b in Bucket}
        for bucket, plan in plans.items():
            existing = _existing(store, phrase, texts, bucket)
            found[bucket] = existing
            wanted = max(plan.growth, plan.texts * plan.clips_per_text - len(existing))
            rng = np.random.default_rng([seed, list(Bucket).index(bucket), len(existing)])
            tasks[bucket] = _tasks(texts[bucket], bucket, wanted, VoiceCast(engines, rng), rng)
    finally:
        for engine in engines.values():
            engine.close()
    made, rejections = _synthesise(tasks, store, voices_dir, report, workers)
    buckets = {}
    for bucket in Bucket:
        clips = _existing(store, phrase, texts, bucket)
        buckets[bucket] = BucketClips(
            clips=clips,
            reused=len(found[bucket]),
            generated=made[bucket],
            rejected=len(tasks[bucket]) - made[bucket],
        )
    return Corpus(buckets, rejections, missing)


def _synthesise(
    tasks: Mapping[Bucket, Sequence[SynthesisTask]],
    store: ClipStore,
    voices_dir: Path,
    report: Report,
    workers: int | None,
) -> tuple[Counter[Bucket], Counter[str]]:
    """Make all clips and store them batch by batch."""
    everything = [task for bucket in tasks.values() for task in bucket]
    stage = Stage(report, "speech", len(everything))
    stage.at(0, f"{len(everything)} clips to make")
    made: Counter[Bucket] = Counter()
    rejections: Counter[str] = Counter()
    done = 0
    for batch in speak_all(everything, voices_dir, workers):
        good = [spoken for spoken in batch if spoken.speech is not None]
        for spoken in batch:
            if spoken.speech is None:
                rejections[f"{spoken.task.voice.engine}/{spoken.task.voice.name}"] += 1
                logger.warning("Rejected %r: %s", spoken.task.text.text, spoken.failure)
        store.add_many([_clip(spoken) for spoken in good])
        made.update(spoken.task.text.bucket for spoken in good)
        done += len(batch)
        stage.at(done, f"{done} of {len(everything)} clips")
    stage.at(len(everything), f"{sum(made.values())} clips made")
    return made, rejections
