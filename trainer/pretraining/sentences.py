"""A number of clips in, sentences by every voice into the database: what phonemes are learnt from.

Natural sentences have few of the rarer sounds together, so two thirds are common words in any
order.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np

from trainer import sentences
from trainer.casting import VoiceCast, open_engines
from trainer.phrases import Bucket, PhraseText, normalise_text
from trainer.progress import Report, Stage
from trainer.pronunciation import common_words, is_offensive, phonemes, word_probability
from trainer.synthesis import SynthesisTask, as_clip, speak_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from db.clips import ClipStore

ENGINE_WEIGHTS: Mapping[str, float] = {
    "kokoro": 3.0,
    "piper": 1.0,
    "hibari": 0.5,
    "nanotts": 0.5,
    "flite": 0.7,
    "espeak": 0.8,
    "festival": 0.2,
}
SPEEDS = (0.72, 1.45)
NATURAL_SHARE = 0.35
WORDS = (2, 8)
LEAST_PROBABILITY = 2e-6


def _texts(seed: int) -> Iterator[str]:
    """Natural sentences and common words in any order, without end."""
    rng, choice = np.random.default_rng(seed), random.Random(seed)
    natural = sentences.sentences(choice)
    words = list(common_words(LEAST_PROBABILITY))
    # The square root: or every second word would be "the".
    likely = np.sqrt([word_probability(word) for word in words])
    likely /= likely.sum()
    while True:
        if rng.random() < NATURAL_SHARE:
            text = next(natural)[0]
        else:
            chosen = rng.choice(words, size=int(rng.integers(*WORDS)), p=likely)
            text = " ".join(chosen).capitalize() + str(rng.choice(list("..?!")))
        if not is_offensive(text.lower()):
            yield text


def speak_sentences(
    store: ClipStore, voices_dir: Path, *, count: int, seed: int, report: Report
) -> int:
    """Make `count` sentences, less those that this seed made before; return how many were made.

    Raises:
        NoVoicesError: no engine works here.
    """
    rng = np.random.default_rng([seed, 1])
    tasks = []
    texts = _texts(seed)
    with open_engines(voices_dir, tuple(ENGINE_WEIGHTS), {}) as engines:
        cast = VoiceCast(engines, rng)
        for _ in range(count):
            text = next(texts)
            voice = cast.draw(ENGINE_WEIGHTS, from_phonemes=False)
            speed = round(float(np.exp(rng.uniform(*np.log(SPEEDS)))), 3)
            if voice is not None:
                spoken = PhraseText(text, Bucket.PLAIN, phonemes(text))
                tasks.append(SynthesisTask(spoken, voice, speed, int(rng.integers(2**31))))
    known = set(store.find(texts=[normalise_text(t.text.text) for t in tasks])["text_normalised"])
    missing = [task for task in tasks if normalise_text(task.text.text) not in known]
    stage, made = Stage(report, "speech", len(missing)), 0
    for done, batch in enumerate(speak_all(missing, voices_dir), 1):
        store.add_many([as_clip(spoken) for spoken in batch if spoken.speech is not None])
        made += sum(spoken.speech is not None for spoken in batch)
        stage.at(min(done * len(batch), len(missing)), f"{made} of {len(missing)} sentences")
    return made
