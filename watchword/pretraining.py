"""Parsed arguments in, a backbone file and its data card out."""

from __future__ import annotations

import hashlib
import importlib.metadata
from contextlib import closing
from typing import TYPE_CHECKING, Any

from db.clips import CLIP_FOLDER, ClipStore
from db.connection import home, open_database
from trainer.backbone import read_card, save_backbone
from trainer.dataset import PEOPLE
from trainer.pretraining.material import Passage, render_material, transcribed
from trainer.pretraining.phoneme_training import (
    PhonemeTrainingConfig,
    phoneme_error_rate,
    train_phonemes,
)
from trainer.pretraining.sentences import speak_sentences
from trainer.split import Side
from watchword.console import ConsoleReport, open_console, say
from watchword.errors import NoMaterialError
from watchword.pipeline import VOICES_FOLDER

if TYPE_CHECKING:
    import argparse

    import pandas as pd

WORK_FOLDER = "pretraining"
"""In the home folder: finished shards and the state of a stopped training."""
ROOMS = 128
PEOPLE_VARIANTS = 4
"""Recordings of people are few: each is recorded anew so many times."""


def pretrain(options: argparse.Namespace) -> int:
    """Make the backbone that trainings start from."""
    console = open_console()
    work = home() / WORK_FOLDER
    with closing(open_database()) as connection, ConsoleReport(console) as report:
        store = ClipStore(connection, home() / CLIP_FOLDER)
        if options.sentences:
            speak_sentences(
                store,
                home() / VOICES_FOLDER,
                count=options.sentences,
                seed=options.seed,
                report=report,
            )
        clips = transcribed(store.find())
        if clips.empty:
            raise NoMaterialError(
                "There are no transcribed clips to learn from: add --sentences 4000, or import "
                "recordings with `watchword corpus add`."
            )
        people = clips["engine"].isin(PEOPLE)
        groups = {"people": (clips[people], PEOPLE_VARIANTS), "voices": (clips[~people], 1)}
        passages = {
            name: render_material(
                rows,
                store.folder,
                work / name,
                variants=variants,
                rooms=ROOMS,
                seed=options.seed,
                report=report,
            )
            for name, (rows, variants) in groups.items()
            if len(rows)
        }
        network, error_rate = train_phonemes(
            _all(passages, Side.TRAIN),
            _all(passages, Side.VALIDATION),
            PhonemeTrainingConfig(options.steps),
            work / _state_name(clips, options),
            seed=options.seed,
            report=report,
            start=options.start,
        )
    rates = {
        name: phoneme_error_rate(network, sides[Side.VALIDATION])
        for name, sides in passages.items()
    }
    card = {
        "phoneme_error_rate": {"all": round(error_rate, 4)}
        | {name: round(rate, 4) for name, rate in rates.items()},
        "passages": {
            name: {side.value: len(sides[side]) for side in Side}
            for name, sides in passages.items()
        },
        "learnt_from": _sources(clips),
        "steps": options.steps,
        "started_from": read_card(options.start) if options.start else None,
        "seed": options.seed,
        "watchword": importlib.metadata.version("watchword"),
        "torch": importlib.metadata.version("torch"),
    }
    save_backbone(network.encoder, network.phonemes.state_dict(), card, options.out)
    for name, rate in card["phoneme_error_rate"].items():
        say(console, f"{rate:.1%}", label=f"phoneme error rate, {name}, held-out speakers:")
    say(console, f"The backbone is in {options.out}.")
    return 0


def _digest(clips: pd.DataFrame) -> str:
    """Name what is learnt from: weights of other clips must not pass for weights of these."""
    return hashlib.sha256("".join(sorted(clips["sha256"])).encode()).hexdigest()[:16]


def _state_name(clips: pd.DataFrame, options: argparse.Namespace) -> str:
    """Name the folder of a run after everything that decides its weights."""
    start = hashlib.sha256(options.start.read_bytes()).hexdigest()[:8] if options.start else "none"
    return f"state-{_digest(clips)}-{start}-{options.seed}-{options.steps}"


def _all(passages: dict[str, dict[Side, list[Passage]]], side: Side) -> list[Passage]:
    return [passage for sides in passages.values() for passage in sides[side]]


def _sources(clips: pd.DataFrame) -> list[dict[str, Any]]:
    """Say what was learnt from, with licences, most hours first."""
    rows = clips.groupby(["source", "engine", "licence"])
    return sorted(
        (
            {
                "source": source,
                "engine": engine,
                "licence": licence,
                "clips": len(part),
                "hours": round(float(part["seconds"].sum()) / 3600, 3),
                "speakers": int(part["speaker"].nunique()),
            }
            for (source, engine, licence), part in rows
        ),
        key=lambda entry: -float(entry["hours"]),
    )
