"""A voices folder in, where each engine's time goes out: `python -m trainer.tts.benchmark`.

Each engine runs in a fresh process on one core, as a synthesis worker does. The time of a clip is
taken for a line through two points, a phrase and a long sentence: what it costs to make any clip,
and what each second of speech costs. The first is all that speaking several texts in one call could
save; warm-up is what a worker pays once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from db.connection import home
from trainer.tts.base import EngineUnavailableError, SynthesisError
from trainer.tts.engines import ENGINES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.tts.base import SpeechEngine, Voice

PHRASE = "Smart mirror."
SENTENCE = (
    "When the kettle boils, please turn on the kitchen lights, close the living room door, and "
    "remind me that the library opens at nine tomorrow morning."
)
REPEATS = 5


@dataclass(frozen=True)
class EngineCost:
    """Where one engine's time goes; all in seconds."""

    name: str
    start_s: float
    """Importing the engine and listing its voices."""
    warm_up_s: float
    """What the first clip takes more than a later one of the same text."""
    phrase_s: float
    """Median time for the phrase."""
    phrase_speech_s: float
    """How long the phrase is."""
    sentence_s: float
    sentence_speech_s: float

    @property
    def per_speech_second_s(self) -> float:
        """What each second of speech costs."""
        speech_s = self.sentence_speech_s - self.phrase_speech_s
        return (self.sentence_s - self.phrase_s) / speech_s if speech_s > 0 else 0.0

    @property
    def per_clip_s(self) -> float:
        """What any clip costs, however short."""
        return max(0.0, self.phrase_s - self.per_speech_second_s * self.phrase_speech_s)

    @property
    def batch_gain(self) -> float:
        """The share of a phrase's time that a call for many phrases at once could at most save."""
        return self.per_clip_s / self.phrase_s


def measure(name: str, voices_dir: Path, repeats: int = REPEATS) -> EngineCost | str:
    """Measure one engine; a process in which nothing was imported gives its real start.

    Args:
        name: key of `ENGINES`.
        voices_dir: the voices folder.
        repeats: clips of each text, with different voices where there are several.

    Returns:
        The costs, or why there are none.
    """
    start = time.perf_counter()
    try:
        engine = ENGINES[name](voices_dir)
        voices = engine.voices()
        start_s = time.perf_counter() - start
        if not voices:
            return "It has no voice."
        try:
            first_s, _ = _time(engine, PHRASE, voices[0], 0)
            again_s, _ = _time(engine, PHRASE, voices[0], 0)
            # Spread over the list: its neighbours are alike.
            spread = [voices[i * len(voices) // repeats] for i in range(repeats)]
            for voice in dict.fromkeys(spread):
                _time(engine, PHRASE, voice, 0)  # a voice of its own file is loaded once
            phrase, sentence = (
                [_time(engine, text, voice, seed) for seed, voice in enumerate(spread)]
                for text in (PHRASE, SENTENCE)
            )
        finally:
            engine.close()
    except (EngineUnavailableError, SynthesisError) as error:
        return str(error)
    return EngineCost(
        name=name,
        start_s=start_s,
        warm_up_s=max(0.0, first_s - again_s),
        phrase_s=statistics.median(taken for taken, _ in phrase),
        phrase_speech_s=statistics.median(spoken for _, spoken in phrase),
        sentence_s=statistics.median(taken for taken, _ in sentence),
        sentence_speech_s=statistics.median(spoken for _, spoken in sentence),
    )


def _time(engine: SpeechEngine, text: str, voice: Voice, seed: int) -> tuple[float, float]:
    """Return how long a clip took to make and how long it is, in seconds."""
    start = time.perf_counter()
    speech = engine.synthesize(text, voice, seed=seed)
    return time.perf_counter() - start, speech.seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the engines one after the other and print a table."""
    parser = argparse.ArgumentParser(prog="python -m trainer.tts.benchmark", description=__doc__)
    parser.add_argument("engines", nargs="*", help="engines to measure; all by default")
    parser.add_argument("--voices", type=Path, default=home() / "voices", metavar="DIR")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.engines) - set(ENGINES))
    if unknown:
        parser.error(f"no engine {', '.join(unknown)}: choose from {', '.join(ENGINES)}")
    columns = ("start s", "warm-up s", "phrase s", "× real time", "per clip s", "per second s")
    table = Table("engine", *columns, "batch gain", title="One core, one clip at a time")
    missing = {}
    for name in options.engines or ENGINES:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
            cost = fresh.submit(measure, name, options.voices, options.repeats).result()
        if isinstance(cost, str):
            missing[name] = cost
            continue
        table.add_row(
            name,
            f"{cost.start_s:.2f}",
            f"{cost.warm_up_s:.2f}",
            f"{cost.phrase_s:.3f}",
            f"{cost.phrase_speech_s / cost.phrase_s:.1f}",
            f"{cost.per_clip_s:.3f}",
            f"{cost.per_speech_second_s:.3f}",
            f"{cost.batch_gain:.0%}",
        )
    console = Console()
    console.print(table)
    for name, reason in missing.items():
        console.print(f"{name}: {reason}", markup=False, highlight=False)


if __name__ == "__main__":
    main()
