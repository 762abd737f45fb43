"""A phrase in, a few clips of it by different engines out: to hear them before training."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

from watchword.arguments import add_command, engine_names, positive
from watchword.console import open_console, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Hashable, Iterator, Mapping, Sequence
    from pathlib import Path

    from db.clips import ClipStore
    from trainer.phrases import Phrase
    from trainer.synthesis import SynthesisTask
    from trainer.tts.base import SpeechEngine
    from watchword.arguments import Commands

SEED = 0


def add_speak(commands: Commands) -> None:
    """Add the command `speak`."""
    command = add_command(
        commands,
        "speak",
        help="let a few voices say a phrase",
        description="""\
Say the phrase in a few voices, each of another engine where there are so many, to hear how it is
pronounced before hours go into it. The clips are kept: a training of the phrase uses them. What was
said before is not said again. Engines that charge stay silent.""",
        example='watchword speak "smart mirror"',
    )
    command.add_argument("phrase", help="what the device should listen for, in quotes")
    command.add_argument("--count", type=positive, default=4, help="clips (4)")
    command.add_argument(
        "--engines",
        type=engine_names,
        metavar="A,B",
        help="which speech engines may speak, with commas (all that work here)",
    )
    command.add_argument("--json", action="store_true", help="one JSON object a clip")


def speak_phrase(options: argparse.Namespace) -> int:
    """Print each clip as soon as it is there."""
    from db.clips import CLIP_FOLDER, ClipStore
    from db.connection import home, open_database
    from trainer.phrases import parse_phrase
    from watchword.pipeline import VOICES_FOLDER

    console = open_console()
    phrase = parse_phrase(options.phrase)
    with closing(open_database()) as connection:
        store = ClipStore(connection, home() / CLIP_FOLDER)
        for clip in samples(
            phrase, store, home() / VOICES_FOLDER, count=options.count, engines=options.engines
        ):
            if options.json:
                print(json.dumps(clip), flush=True)
            elif clip["path"]:
                say(console, clip["path"], label=f"{clip['engine']} {clip['voice']}")
            else:
                say(console, clip["reason"], label=f"{clip['engine']} {clip['voice']}")
    return 0


def samples(
    phrase: Phrase,
    store: ClipStore,
    voices_dir: Path,
    *,
    count: int,
    engines: Sequence[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield clips of the phrase alone: what the store has, of each engine one, then new ones.

    Args:
        phrase: what to say.
        store: where clips are found and kept.
        voices_dir: the voices folder.
        count: how many clips.
        engines: engines that may speak; all that work here by default.

    Yields:
        engine, voice, path, seconds, new; the path is empty where a voice failed, and `reason`
        then says why.

    Raises:
        NoVoicesError: no engine works here.
    """
    from trainer.casting import open_engines
    from trainer.fitting import SYNTHETIC
    from trainer.phrases import normalise_text
    from trainer.synthesis import Spoken, as_clip, speak
    from trainer.tts.base import EngineUnavailableError, SynthesisError

    words = normalise_text(phrase.text)
    kept = store.find(texts=[words], engines=engines, sources=(SYNTHETIC,))
    kept = kept.drop_duplicates("engine").head(count)
    for clip in kept.to_dict("records"):
        yield _said(store, clip, new=False)
    if len(kept) >= count:
        return
    with open_engines(voices_dir, engines, {}) as opened:
        for task in _tasks(phrase, opened, count - len(kept), set(kept["engine"])):
            voice = task.voice
            try:
                speech = speak(opened[voice.engine], task)
            except (SynthesisError, EngineUnavailableError) as error:
                failed = {"engine": voice.engine, "voice": voice.name, "path": ""}
                yield failed | {"seconds": 0.0, "new": True, "reason": str(error)}
                continue
            (clip_id,) = store.add_many([as_clip(Spoken(task, speech, spent_s=0.0))])
            found = store.find(texts=[words], engines=(voice.engine,))
            yield _said(store, found[found["id"] == clip_id].to_dict("records")[0], new=True)


def _tasks(
    phrase: Phrase, engines: Mapping[str, SpeechEngine], count: int, heard: set[str]
) -> list[SynthesisTask]:
    """Choose who speaks: engines that were not heard yet, those that trainings use most first."""
    import numpy as np

    from trainer.casting import ENGINE_WEIGHTS, VoiceCast
    from trainer.phrases import Bucket, PhraseText, normalise_text
    from trainer.synthesis import SynthesisTask
    from trainer.tts.paid import PAID_ENGINES

    weights = ENGINE_WEIGHTS[Bucket.POSITIVE]
    able = [name for name in engines if name in weights and name not in PAID_ENGINES]
    ranked = sorted(
        (name for name in able if engines[name].voices()), key=lambda name: -weights[name]
    )
    names = [name for name in ranked if name not in heard] or ranked
    rng = np.random.default_rng(SEED)
    cast = VoiceCast(engines, rng)
    voices = [
        cast.draw({names[number % len(names)]: 1.0}, from_phonemes=False)
        for number in range(count if names else 0)
    ]
    text = PhraseText(
        phrase.text,
        Bucket.POSITIVE,
        " ".join(phrase.phonemes),
        kind="alone",
        words=(0, len(normalise_text(phrase.text).split())),
    )
    return [
        SynthesisTask(text, voice, speed=1.0, seed=int(rng.integers(2**31)))
        for voice in voices
        if voice is not None
    ]


def _said(store: ClipStore, clip: Mapping[Hashable, Any], *, new: bool) -> dict[str, Any]:
    return {
        "engine": clip["engine"],
        "voice": clip["voice"],
        "path": str(store.folder / clip["path"]),
        "seconds": clip["seconds"],
        "new": new,
    }
