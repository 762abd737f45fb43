"""Synthesis tasks in, speech at 16 kHz out, from worker processes that keep their engines warm."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import soxr

from db.clips import NewClip
from trainer.fitting import SYNTHETIC
from trainer.listening import listen
from trainer.phrases import normalise_text
from trainer.split import join_people
from trainer.tts.base import (
    EngineUnavailableError,
    Speech,
    SpeechEngine,
    SynthesisError,
    Voice,
    parents,
)
from trainer.tts.engines import available_engines
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trainer.phrases import PhraseText

logger = logging.getLogger(__name__)

TASKS_PER_CALL = 4
"""Clips a worker makes before it hands them over: few enough for a smooth progress bar."""


@dataclass(frozen=True)
class SynthesisTask:
    """One clip to make."""

    text: PhraseText
    voice: Voice
    speed: float
    seed: int
    accent: str = ""
    """Where the speaker is from, for the record; "" for the voice's own way."""
    phonemes: str | None = None
    """To speak in place of the text, in Kokoro's symbols; needed for made-up words."""


@dataclass(frozen=True)
class Spoken:
    """A task and its speech at 16 kHz, or the reason that there is none."""

    task: SynthesisTask
    speech: Speech | None
    spent_s: float
    """Time that it took, the engine's start included; what was rejected took time too."""
    failure: str = ""


_engines: dict[str, SpeechEngine] = {}
_missing: dict[str, str] = {}
"""What worked in the process that planned, and does not here: a service may have gone since."""


def die_with_parent() -> None:
    """Let this process end when its parent does, also when the parent was killed."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _start_worker(voices_dir: Path, names: Sequence[str]) -> None:
    die_with_parent()
    engines, missing = available_engines(voices_dir, names)
    _engines.update(engines)
    _missing.update(missing)


def _speak(tasks: Sequence[SynthesisTask]) -> list[Spoken]:
    out = []
    for task in tasks:
        started_s = time.perf_counter()
        speech, failure = None, ""
        try:
            speech = _speak_one(task)
        except (SynthesisError, EngineUnavailableError) as error:
            failure = f"{task.voice.engine}/{task.voice.name}: {error}"
        out.append(Spoken(task, speech, time.perf_counter() - started_s, failure))
    return out


def _speak_one(task: SynthesisTask) -> Speech:
    if task.voice.engine in _missing:
        raise EngineUnavailableError(_missing[task.voice.engine])
    return speak(_engines[task.voice.engine], task)


def speak(engine: SpeechEngine, task: SynthesisTask) -> Speech:
    """Return a task's speech at 16 kHz, listened to.

    Raises:
        SynthesisError: the engine failed, or said something else.
        EngineUnavailableError: the engine is gone.
    """
    speech = engine.synthesize(
        task.text.text,
        task.voice,
        speed=task.speed,
        phonemes=task.phonemes,
        seed=task.seed,
    )
    waveform = speech.waveform
    if speech.rate_hz != SAMPLE_RATE_HZ:
        resampled = soxr.resample(waveform, speech.rate_hz, SAMPLE_RATE_HZ)
        waveform = np.asarray(resampled, np.float32)
    heard = listen(waveform, task.text)
    settings = speech.settings | heard | ({"accent": task.accent} if task.accent else {})
    return replace(speech, waveform=waveform, rate_hz=SAMPLE_RATE_HZ, settings=settings)


def as_clip(spoken: Spoken) -> NewClip:
    """Return what a store keeps of a task that gave speech."""
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
        source=SYNTHETIC,
        licence=speech.voice.licence,
        settings=speech.settings,
    )


def speak_all(
    tasks: Sequence[SynthesisTask], voices_dir: Path, workers: int | None = None
) -> Iterator[list[Spoken]]:
    """Make every task's clip, in batches as they get ready, in no particular order.

    Args:
        tasks: what to say; mixed inside, so that the pace, and with it the time left, is steady.
        voices_dir: the voices folder.
        workers: processes; one for each core by default. Each engine computes on one thread.

    Yields:
        Batches of results; a failed synthesis is a result too.
    """
    if not tasks:
        return
    ordered = sorted(tasks, key=lambda task: (task.voice.engine, task.voice.name))
    chunks = [ordered[i : i + TASKS_PER_CALL] for i in range(0, len(ordered), TASKS_PER_CALL)]
    np.random.default_rng(0).shuffle(chunks)
    names = sorted({task.voice.engine for task in tasks})
    count = min(workers or os.cpu_count() or 1, len(chunks))
    with ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(voices_dir, names),
    ) as pool:
        waiting: set[Future[list[Spoken]]] = set()
        remaining = iter(chunks)
        try:
            while True:
                # A short queue: a cancelled job must not wait for thousands of clips.
                for chunk in remaining:
                    waiting.add(pool.submit(_speak, chunk))
                    if len(waiting) >= 2 * count:
                        break
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
