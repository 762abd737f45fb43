"""The speech engines that work here in, the CTC scores of right, wrong and missing speech out.

    python -m trainer.spoken_report --clips 60

It checks `trainer.segment.LEAST_SPOKEN_SCORE`. Every clip is scored against its own text,
against the likeliest of three other texts, and with its second half cut away; noise of the same
length is scored against the text too.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr

from db.connection import home
from trainer.articulation import phoneme_distance, split_phonemes
from trainer.ctc import acoustic_model
from trainer.phrases import Bucket, PhraseText, bucket_texts, parse_phrase
from trainer.segment import LEAST_SPOKEN_SCORE, spoken_score
from trainer.tts.base import SpeechEngine, SynthesisError
from trainer.tts.engines import ENGINES, available_engines
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PHRASES = ("smart mirror", "hey jarvis", "view glass")
TEXTS = {Bucket.POSITIVE: 15, Bucket.CONFUSER: 30, Bucket.IN_BETWEEN: 15}
"""Of each phrase; plain sentences are not checked in synthesis."""
OTHERS = 3
UNLIKE = 0.5
"""Another text is one whose distance is at least this share of the text's sounds."""
SPEEDS = (0.7, 1.35)
FREE = ("kokoro", "piper", "hibari", "nanotts", "flite", "espeak")


@dataclass
class Scores:
    """Scores of one engine's clips, by what they were scored against."""

    right: list[float] = field(default_factory=list)
    wrong: list[float] = field(default_factory=list)
    half: list[float] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)

    def row(self, name: str, least: float) -> str:
        """One line of the table."""
        right = np.array(self.right)
        passed = (np.mean(np.array(s) >= least) for s in (self.wrong, self.half, self.noise))
        return (
            f"| {name} | {len(right)} | {np.median(right):.2f} | {right.min():.2f} | "
            f"{max(self.wrong):.2f} | {np.mean(right < least):.1%} | "
            + " | ".join(f"{share:.1%}" for share in passed)
            + " |"
        )


HEADER = (
    "| engine | clips | right, median | right, lowest | wrong, highest | right rejected | "
    "wrong kept | half kept | noise kept |\n|---|---|---|---|---|---|---|---|---|"
)


def _others(text: PhraseText, texts: Sequence[PhraseText], rng: random.Random) -> list[PhraseText]:
    said = split_phonemes(text.phonemes)
    unlike = [
        other
        for other in texts
        if phoneme_distance(split_phonemes(other.phonemes), said) > UNLIKE * len(said)
    ]
    return rng.sample(unlike, OTHERS)


def _speak(
    engine: SpeechEngine, text: PhraseText, rng: random.Random
) -> NDArray[np.float32] | None:
    """What the engine says, at 16 kHz; None when it cannot, or says that it failed."""
    if text.spoken_as_phonemes and not engine.speaks_phonemes:
        return None
    try:
        speech = engine.synthesize(
            text.text,
            rng.choice(engine.voices()),
            speed=rng.uniform(*SPEEDS),
            phonemes=text.phonemes if text.spoken_as_phonemes else None,
            seed=rng.randrange(1_000_000),
        )
    except SynthesisError:
        return None
    resampled = soxr.resample(speech.waveform, speech.rate_hz, SAMPLE_RATE_HZ)
    return np.asarray(resampled, dtype=np.float32)


def spoken_report(
    engines: dict[str, SpeechEngine], clips: int, seed: int, least: float = LEAST_SPOKEN_SCORE
) -> str:
    """Let the engines speak, score what they say, and return the table in Markdown.

    Args:
        engines: by name.
        clips: texts that each engine is asked for.
        seed: chooses texts, voices and speeds.
        least: the threshold whose errors are counted.
    """
    rng = random.Random(seed)
    texts = [
        text
        for phrase in PHRASES
        for bucket, count in TEXTS.items()
        for text in bucket_texts(parse_phrase(phrase), bucket, count, seed)
    ]
    model = acoustic_model()
    found: dict[str, Scores] = defaultdict(Scores)
    rejected: list[str] = []
    spent_s = spoken_s = 0.0
    for name, engine in engines.items():
        for text in rng.choices(texts, k=clips):
            waveform = _speak(engine, text, rng)
            if waveform is None:
                continue
            begun_s = time.process_time()
            right = spoken_score(waveform, text.phonemes, model)
            spent_s += time.process_time() - begun_s
            spoken_s += len(waveform) / SAMPLE_RATE_HZ
            if right < least:
                seconds = len(waveform) / SAMPLE_RATE_HZ
                rejected.append(
                    f"- {right:.1f} {name}, {text.bucket}: {text.text} ({seconds:.2f} s)"
                )
            others = _others(text, texts, rng)
            noise = np.random.default_rng(rng.randrange(1_000_000)).normal(0, 0.1, len(waveform))
            for scores in (found[name], found["all"]):
                scores.right.append(right)
            wrong = max(spoken_score(waveform, other.phonemes, model) for other in others)
            half = spoken_score(waveform[: len(waveform) // 2], text.phonemes, model)
            silence = spoken_score(noise.astype(np.float32), text.phonemes, model)
            for scores in (found[name], found["all"]):
                scores.wrong.append(wrong)
                scores.half.append(half)
                scores.noise.append(silence)
    rows = [scores.row(name, least) for name, scores in found.items() if name != "all"]
    count = len(found["all"].right)
    last = (
        f"Threshold {least}. One score takes {1000 * spent_s / count:.0f} ms of one core, "
        f"{spent_s / spoken_s:.3f} of the clip's length."
    )
    return "\n".join(
        [HEADER, *rows, found["all"].row("all", least), "", last, "Rejected:", *rejected]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `python -m trainer.spoken_report`."""
    parser = argparse.ArgumentParser(prog="python -m trainer.spoken_report", description=__doc__)
    parser.add_argument("--clips", type=int, default=60, help="clips of each engine (60)")
    parser.add_argument("--engines", default=",".join(FREE), help="separated by commas")
    parser.add_argument("--voices", type=Path, default=home() / "voices", help="the voices folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=LEAST_SPOKEN_SCORE, help="the threshold")
    options = parser.parse_args(arguments)
    names = options.engines.split(",")
    unknown = sorted(set(names) - set(ENGINES))
    if unknown:
        parser.error(f"no such engine: {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    engines, missing = available_engines(options.voices, names)
    for name, reason in missing.items():
        sys.stderr.write(f"{name}: {reason}\n")
    try:
        sys.stdout.write(spoken_report(engines, options.clips, options.seed, options.least) + "\n")
    finally:
        for engine in engines.values():
            engine.close()


if __name__ == "__main__":
    main()
