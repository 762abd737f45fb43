"""The voices folder in, a verdict on each speech engine out, from sentences it really spoke."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.tts.base import (
    EngineUnavailableError,
    SpeechEngine,
    SynthesisError,
    Voice,
)
from trainer.tts.engines import ENGINES, available_engines
from trainer.tts.paid import PAID_ENGINES, CostError, check_costs
from trainer.tts.waveform import voiced_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

SENTENCE = "Turn on the kitchen lights, and close the door."
LEAST_VOICED = 0.3
"""Share of loud frames with a pitch. The most creaky of 254 voices had 0.52, white noise has 0."""

HOW_TO_GET = {
    "kokoro": "watchword voices",
    "piper": "pip install piper-tts, then watchword voices",
    "hibari": "pip install hibari-tts",
    "nanotts": "pip install py-nanotts",
    "flite": "apt-get install flite (optional)",
    "espeak": "apt-get install espeak-ng (optional)",
    "festival": "apt-get install festival festvox-kallpc16k festvox-kdlpc16k (optional)",
}


@dataclass(frozen=True)
class EngineCheck:
    """What was found out about one engine."""

    name: str
    ok: bool
    """Every voice that was tried said something that is like speech."""
    voices: int
    """Voices that can be used."""
    speakers: int
    """Different people behind them."""
    licence: str
    """Of the engine; the voices have their own."""
    detail: str
    """What was tried, or what is wrong."""
    how_to_get: str
    """What to run where the engine is missing or broken."""
    seconds_of_speech_per_second: float
    """Speed without the loading of the model; 0 when nothing was spoken."""


def check_engines(
    voices_dir: Path,
    *,
    thorough: bool = False,
    names: Iterable[str] | None = None,
    progress: Callable[[str, int, int], None] = lambda _engine, _done, _total: None,
) -> list[EngineCheck]:
    """Have each engine speak a sentence and check that it is like speech.

    An engine that costs money is asked what it has and what the sentence would cost.

    Args:
        voices_dir: the voices folder; it need not exist.
        thorough: try every voice instead of one for each engine.
        names: engines to check, all by default.
        progress: called with the engine, the voices tried and how many there are to try.

    Returns:
        A verdict for each engine, in the order of `ENGINES`.
    """
    engines, reasons = available_engines(voices_dir, names)
    checks = []
    for name in ENGINES:
        if name in engines:
            try:
                checks.append(
                    _check_account(engines[name])
                    if name in PAID_ENGINES
                    else _check_engine(engines[name], thorough=thorough, progress=progress)
                )
            finally:
                engines[name].close()
        elif name in reasons:
            checks.append(_missing(name, reasons[name]))
    return checks


def _missing(name: str, reason: str) -> EngineCheck:
    return EngineCheck(
        name=name,
        ok=False,
        voices=0,
        speakers=0,
        licence="",
        detail=reason,
        how_to_get=HOW_TO_GET.get(name, ""),
        seconds_of_speech_per_second=0.0,
    )


def _check_account(engine: SpeechEngine) -> EngineCheck:
    """Return what an engine that costs money has; it is not made to speak."""
    try:
        voices = engine.voices()
        estimate = check_costs({engine.name: engine}, {engine.name: [SENTENCE]})[engine.name]
    except (EngineUnavailableError, CostError) as error:
        return _missing(engine.name, str(error))
    return EngineCheck(
        name=engine.name,
        ok=bool(voices),
        voices=len(voices),
        speakers=len({voice.speaker for voice in voices}),
        licence=engine.licence,
        detail=f"not made to speak: a sentence costs {estimate.sentence()}",
        how_to_get="" if voices else "add voices to the account",
        seconds_of_speech_per_second=0.0,
    )


def _check_engine(
    engine: SpeechEngine, *, thorough: bool, progress: Callable[[str, int, int], None]
) -> EngineCheck:
    voices = engine.voices()
    tried = voices if thorough else voices[:1]
    faults: dict[str, str] = {}
    spoken_s = taken_s = 0.0
    for done, voice in enumerate(tried):
        progress(engine.name, done, len(tried))
        try:
            if not done:
                engine.synthesize(SENTENCE, voice)  # loads the model: not timed
            start = time.perf_counter()
            seconds = _speak(engine, voice)
            taken_s += time.perf_counter() - start
            spoken_s += seconds
        except EngineUnavailableError as error:
            return _missing(engine.name, str(error))
        except SynthesisError as error:
            faults[voice.name] = str(error)
    progress(engine.name, len(tried), len(tried))
    if faults:
        first = next(iter(faults.values()))
        detail = f"{len(faults)} of {len(tried)} voices failed ({', '.join(faults)}): {first}"
    else:
        plural = "voice speaks" if len(tried) == 1 else "voices speak"
        detail = f"{len(tried)} {plural}" if tried else "no voice"
    return EngineCheck(
        name=engine.name,
        ok=bool(tried) and not faults,
        voices=len(voices),
        speakers=len({voice.speaker for voice in voices}),
        licence=engine.licence,
        detail=detail,
        how_to_get="" if tried and not faults else HOW_TO_GET.get(engine.name, ""),
        seconds_of_speech_per_second=spoken_s / taken_s if taken_s else 0.0,
    )


def _speak(engine: SpeechEngine, voice: Voice) -> float:
    """Speak the sentence and return its length in seconds, or raise `SynthesisError`."""
    speech = engine.synthesize(SENTENCE, voice)
    share = voiced_share(speech.waveform, speech.rate_hz)
    if share < LEAST_VOICED:
        raise SynthesisError(
            f"{engine.name}:{voice.name} made sound that is not like speech: {share:.0%} of it has "
            f"a pitch, {LEAST_VOICED:.0%} is the least."
        )
    return speech.seconds
