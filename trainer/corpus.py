"""A phrase in, its clips in the database out: reused where they exist, synthesised where not."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trainer.accents import ACCENT_SHARE, accented
from trainer.casting import ENGINE_WEIGHTS, VoiceCast, open_engines
from trainer.fitting import Finder, planned_texts
from trainer.fragments import cut_fragments, plan_fragments
from trainer.listening import why_deaf
from trainer.other_readings import said_otherwise
from trainer.phrases import Bucket, Phrase, PhraseText
from trainer.progress import Progress, Report, Stage
from trainer.synthesis import Spoken, SynthesisTask, as_clip, speak_all
from trainer.tts.paid import check_costs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from db.clips import ClipStore
    from trainer.presets import BucketPlan, Preset
    from trainer.tts.base import SpeechEngine

logger = logging.getLogger(__name__)

SPEEDS = (0.7, 1.35)


@dataclass
class Pace:
    """How fast an engine spoke, its start and what was rejected included."""

    speech_s: float = 0.0
    """Seconds of speech that were kept."""
    spent_s: float = 0.0
    """Seconds that one process was busy with it."""


@dataclass(frozen=True)
class BucketClips:
    """The clips of one bucket and what it took to have them."""

    clips: pd.DataFrame
    """Rows of the table `clip`."""
    reused: int
    """How many of them were there before."""
    generated: int
    rejected: int
    spent_s: float
    """Seconds that processes were busy with the new ones: two for each second of two processes."""

    @property
    def voices(self) -> int:
        """Distinct voices, each blend of two counted as one."""
        return len(self.clips[["engine", "voice"]].drop_duplicates())

    @property
    def hours(self) -> float:
        """Hours of speech."""
        return float(self.clips["seconds"].sum()) / 3600


@dataclass(frozen=True)
class Corpus:
    """All clips for one phrase."""

    buckets: Mapping[Bucket, BucketClips]
    paces: Mapping[str, Pace]
    """By engine."""
    rejections: Mapping[str, int]
    """Failed syntheses by engine and voice."""
    missing_engines: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """Return what was gathered as plain values for JSON, without the clips."""
        return {
            "buckets": {
                bucket.value: {
                    "clips": len(clips.clips),
                    "voices": clips.voices,
                    "hours": round(clips.hours, 3),
                    "reused": clips.reused,
                    "generated": clips.generated,
                    "rejected": clips.rejected,
                    "busy_s": round(clips.spent_s, 1),
                }
                for bucket, clips in self.buckets.items()
            },
            "speech_s_per_busy_s": {
                engine: round(pace.speech_s / pace.spent_s, 2)
                for engine, pace in sorted(self.paces.items())
                if pace.spent_s > 0
            },
            "rejections": dict(self.rejections),
            "missing_engines": dict(self.missing_engines),
        }


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
    for number in range(count if texts else 0):
        text = texts[int(order[number % len(texts)])]
        voice = cast.draw(ENGINE_WEIGHTS[bucket], from_phonemes=text.spoken_as_phonemes)
        if voice is None:
            continue
        speed = round(float(np.exp(rng.uniform(*np.log(SPEEDS)))), 3)
        seed = int(rng.integers(2**31))
        phonemes, accent = (text.phonemes if text.spoken_as_phonemes else None), ""
        if cast.speaks_phonemes(voice):
            if rng.random() < ACCENT_SHARE:
                phonemes, accent = accented(text, rng)
            said = said_otherwise(phonemes or text.phonemes, text.text, np.random.default_rng(seed))
            phonemes = said if said != text.phonemes else phonemes
        tasks.append(SynthesisTask(text, voice, speed, seed, accent, phonemes))
    return tasks


def gather(
    phrase: Phrase,
    preset: Preset,
    store: ClipStore,
    voices_dir: Path,
    *,
    seed: int,
    report: Report,
    engines: Sequence[str] | None = None,
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
        engines: names of the speech engines that may speak; all that work here by default.
        workers: processes; one for each core by default.

    Raises:
        NoVoicesError: no engine works here.
        CostError: an engine would charge more than its account has left; nothing was charged.
        EngineUnavailableError: an account stopped answering when it was asked what is left.
    """
    plans: dict[Bucket, BucketPlan] = {b: getattr(preset, b.value) for b in Bucket}
    texts = planned_texts(phrase, preset)
    missing = {"ctc": why_deaf()} if why_deaf() else {}
    finder = Finder(store, phrase, texts, preset.plain.texts * preset.plain.clips_per_text)
    existing = {bucket: finder.count(bucket) for bucket in Bucket}
    with open_engines(voices_dir, engines, missing) as opened:
        tasks = _plan(plans, texts, existing, opened, seed)
        _tell_costs(opened, tasks, report)
    everything = [task for planned in tasks.values() for task in planned]
    wanted = plan_fragments(phrase, preset.fragments, store)
    stage = Stage(report, "speech", len(everything) + len(wanted.missing))
    ledger = _synthesise(everything, store, voices_dir, stage, workers)

    def tell(recordings: int, detail: str) -> None:
        stage.at(len(everything) + recordings, detail)

    fragments = cut_fragments(wanted, store, tell, workers=workers)
    buckets = {}
    for bucket in Bucket:
        clips, spoken = finder.find(bucket, seed), ledger.made[bucket]
        made = spoken
        if bucket is Bucket.CONFUSER:
            # A fragment may have a confuser's text: it was found already then.
            clips = pd.concat([clips, fragments.clips]).drop_duplicates("id")
            clips = clips.sort_values("sha256", ignore_index=True)
            made += fragments.made
        buckets[bucket] = BucketClips(
            clips=clips,
            reused=max(0, len(clips) - made),
            generated=made,
            rejected=len(tasks[bucket]) - spoken,
            spent_s=ledger.spent_s[bucket],
        )
    return Corpus(buckets, dict(ledger.paces), dict(ledger.rejections), missing)


def _plan(
    plans: Mapping[Bucket, BucketPlan],
    texts: Mapping[Bucket, Sequence[PhraseText]],
    existing: Mapping[Bucket, int],
    engines: Mapping[str, SpeechEngine],
    seed: int,
) -> dict[Bucket, list[SynthesisTask]]:
    """Decide what to make."""
    tasks: dict[Bucket, list[SynthesisTask]] = {}
    for number, (bucket, plan) in enumerate(plans.items()):
        wanted = max(plan.growth, plan.texts * plan.clips_per_text - existing[bucket])
        rng = np.random.default_rng([seed, number, existing[bucket]])
        tasks[bucket] = _tasks(texts[bucket], bucket, wanted, VoiceCast(engines, rng), rng)
    return tasks


def _tell_costs(
    engines: Mapping[str, SpeechEngine],
    tasks: Mapping[Bucket, Sequence[SynthesisTask]],
    report: Report,
) -> None:
    """Report what engines that cost money would charge; raises `CostError` when it is too much."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for task in (task for planned in tasks.values() for task in planned):
        texts[task.voice.engine].append(task.text.text)
    for name, estimate in check_costs(engines, texts).items():
        report(Progress("speech", 0.0, None, f"{name} will charge for {estimate.sentence()}"))


class _Ledger:
    """What was made, and what it cost."""

    def __init__(self) -> None:
        self.made: Counter[Bucket] = Counter()
        self.spent_s: defaultdict[Bucket, float] = defaultdict(float)
        self.paces: defaultdict[str, Pace] = defaultdict(Pace)
        self.rejections: Counter[str] = Counter()

    def enter(self, spoken: Spoken) -> None:
        """Take one result into account."""
        voice, bucket = spoken.task.voice, spoken.task.text.bucket
        pace = self.paces[voice.engine]
        pace.spent_s += spoken.spent_s
        self.spent_s[bucket] += spoken.spent_s
        if spoken.speech is None:
            self.rejections[f"{voice.engine}/{voice.name}"] += 1
            logger.info("Rejected %r: %s", spoken.task.text.text, spoken.failure)
        else:
            pace.speech_s += spoken.speech.seconds
            self.made[bucket] += 1


def _synthesise(
    everything: Sequence[SynthesisTask],
    store: ClipStore,
    voices_dir: Path,
    stage: Stage,
    workers: int | None,
) -> _Ledger:
    """Make all clips and store them batch by batch."""
    stage.at(0, f"{len(everything)} clips to make")
    ledger = _Ledger()
    done = 0
    for batch in speak_all(everything, voices_dir, workers):
        store.add_many([as_clip(spoken) for spoken in batch if spoken.speech is not None])
        for spoken in batch:
            ledger.enter(spoken)
        done += len(batch)
        stage.at(done, f"{done} of {len(everything)} clips")
    stage.at(len(everything), f"{ledger.made.total()} clips made")
    return ledger
