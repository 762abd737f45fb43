"""A phrase and held-out engines in, files of their voices saying it and its near-misses out.

The exam of a phrase is made once and is the same for every seed and preset, so that what differs
between results is the training. Its clips are files of their own, never rows of the clip database:
no training can find them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING

import soundfile

from trainer.benchmark.hold_out import HoldOutError
from trainer.fitting import TEXT_SEED
from trainer.phrases import Bucket, Phrase, PhraseText, bucket_texts, normalise_text
from trainer.progress import Report, Stage
from trainer.synthesis import SynthesisTask, speak_all
from trainer.tts.engines import available_engines
from watchword_runtime.frontend import SAMPLE_RATE_HZ, to_int16

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trainer.tts.base import Voice

POSITIVES = 140
NEAR_MISSES = 140
POSITIVE_TEXTS = 28
EXAM_SEED = 7_001
"""Of texts and of the engines' variation; training's texts come from `TEXT_SEED`."""
SPEEDS = (1.0, 0.8, 1.15, 0.9, 1.3)
DRAWN_TEXTS = 900
"""Near-misses to draw from: many of them are no words."""
LEFT_TEXTS = 160
"""The first near-misses, the closest among them, are left to the trainings."""
EXAM_FILE = "exam.json"


@dataclass(frozen=True)
class ExamClip:
    """One file of an exam."""

    file: str
    """In the exam's folder."""
    bucket: str
    """`positive` or `confuser`."""
    text: str
    kind: str
    """As `PhraseText.kind`: "alone", "call", "medium" …"""
    engine: str
    voice: str
    speed: float


@dataclass(frozen=True)
class Exam:
    """What held-out voices say."""

    folder: Path
    clips: tuple[ExamClip, ...]
    hold_out: tuple[str, ...]

    def of(self, bucket: Bucket) -> list[ExamClip]:
        """Return the clips of one bucket."""
        return [clip for clip in self.clips if clip.bucket == bucket.value]

    @property
    def near_texts(self) -> frozenset[str]:
        """What its near-misses are, normalised; no training of the benchmark may have them."""
        return frozenset(normalise_text(clip.text) for clip in self.of(Bucket.CONFUSER))

    def paths(self, bucket: Bucket) -> list[Path]:
        """Return the files of one bucket, in the order of `of`."""
        return [self.folder / clip.file for clip in self.of(bucket)]


def open_exam(
    folder: Path,
    phrase: Phrase,
    hold_out: Sequence[str],
    voices_dir: Path,
    *,
    report: Report,
    workers: int | None = None,
) -> Exam:
    """Return the exam in a folder; make it where it is not, or is of other engines.

    Args:
        folder: of this exam alone.
        phrase: what is examined.
        hold_out: the engines that speak.
        voices_dir: the voices folder.
        report: receives the stage `exam`.
        workers: processes; one for each core by default.

    Raises:
        HoldOutError: an engine does not work here, or nothing that it said could be used.
    """
    listing = folder / EXAM_FILE
    if listing.is_file():
        stored = json.loads(listing.read_text("utf-8"))
        if stored["hold_out"] == list(hold_out):
            return Exam(
                folder, tuple(ExamClip(**clip) for clip in stored["clips"]), tuple(hold_out)
            )
    clips = _speak(folder, exam_tasks(phrase, hold_out, voices_dir), voices_dir, report, workers)
    exam = Exam(folder, tuple(clips), tuple(hold_out))
    for bucket in (Bucket.POSITIVE, Bucket.CONFUSER):
        if not exam.of(bucket):
            raise HoldOutError(
                f"No {bucket.value} that {', '.join(hold_out)} said could be used: see why with "
                "--verbose, or hold out other engines."
            )
    aside = listing.with_suffix(".part")
    content = {"hold_out": list(hold_out), "clips": [asdict(clip) for clip in clips]}
    aside.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    aside.replace(listing)
    return exam


def exam_tasks(phrase: Phrase, hold_out: Sequence[str], voices_dir: Path) -> list[SynthesisTask]:
    """Plan the exam: voices of English in turn, each text at another pace.

    Raises:
        HoldOutError: an engine does not work here, or has no voice.
    """
    engines, missing = available_engines(voices_dir, hold_out)
    try:
        voices = [voice for engine in engines.values() for voice in engine.voices()]
        if missing or not voices:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
            raise HoldOutError(
                f"The held-out voices cannot speak here. {reasons or 'They have none.'} "
                "Or hold out other engines."
            )
        positives = bucket_texts(phrase, Bucket.POSITIVE, POSITIVE_TEXTS, EXAM_SEED)
        return [
            *_turns(positives, POSITIVES, voices),
            *_turns(held_out_confusers(phrase), NEAR_MISSES, voices),
        ]
    finally:
        for engine in engines.values():
            engine.close()


def held_out_confusers(phrase: Phrase) -> list[PhraseText]:
    """Return near-misses of real words that no training of the benchmark has, see `hold_out`."""
    left = {
        normalise_text(t.text) for t in bucket_texts(phrase, Bucket.CONFUSER, LEFT_TEXTS, TEXT_SEED)
    }
    drawn = bucket_texts(phrase, Bucket.CONFUSER, DRAWN_TEXTS, EXAM_SEED)
    others = (t for t in drawn if not t.spoken_as_phonemes and normalise_text(t.text) not in left)
    return list(islice(others, NEAR_MISSES))


def _turns(
    texts: Sequence[PhraseText], count: int, voices: Sequence[Voice]
) -> Iterator[SynthesisTask]:
    """Go round the texts; each round meets every text with the next voice."""
    for number in range(count if texts else 0):
        voice = voices[(number + number // len(texts)) % len(voices)]
        speed = SPEEDS[number // len(voices) % len(SPEEDS)]
        yield SynthesisTask(texts[number % len(texts)], voice, speed, EXAM_SEED + number)


def _speak(
    folder: Path,
    tasks: Sequence[SynthesisTask],
    voices_dir: Path,
    report: Report,
    workers: int | None,
) -> list[ExamClip]:
    """Make the files; what an engine could not say is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    number_of = {task: number for number, task in enumerate(tasks)}
    stage = Stage(report, "exam", len(tasks))
    clips: dict[int, ExamClip] = {}
    done = 0
    for batch in speak_all(tasks, voices_dir, workers):
        for spoken in batch:
            if spoken.speech is None:
                continue
            task, number = spoken.task, number_of[spoken.task]
            clip = ExamClip(
                file=f"{number:03}.flac",
                bucket=task.text.bucket.value,
                text=task.text.text,
                kind=task.text.kind,
                engine=task.voice.engine,
                voice=task.voice.name,
                speed=task.speed,
            )
            samples = to_int16(spoken.speech.waveform)
            soundfile.write(folder / clip.file, samples, SAMPLE_RATE_HZ, subtype="PCM_16")
            clips[number] = clip
        done += len(batch)
        stage.at(done, f"{done} of {len(tasks)} clips")
    return [clips[number] for number in sorted(clips)]
