"""What a training used in, what the manifest and the model card say of it out."""

from __future__ import annotations

import importlib.metadata
import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from trainer.backbone import read_card
from trainer.cutting import OF
from trainer.dataset import PEOPLE
from trainer.fitting import SYNTHETIC
from trainer.scene_recipe import sounds_in
from trainer.sounds import SoundKind, list_sounds
from trainer.split import split_people

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.corpus import Corpus
    from trainer.dataset import Dataset


def provenance(
    preset: str, seed: int, corpus: Corpus, dataset: Dataset, sounds: Path | None = None
) -> dict[str, Any]:
    """Return engines, voices, corpora, licences, versions and counts as JSON values."""
    engines: dict[str, dict[str, Any]] = {}
    for clips in corpus.buckets.values():
        spoken = clips.clips[~clips.clips["engine"].isin(PEOPLE)]
        for (engine, licence), rows in spoken.groupby(["engine", "licence"]):
            entry = engines.setdefault(f"{engine} ({licence})", {"clips": 0, "people": set()})
            entry["clips"] += len(rows)
            entry["people"] |= {p for s in rows["speaker"].unique() for p in split_people(s)}
    return {
        "watchword": importlib.metadata.version("watchword"),
        "torch": importlib.metadata.version("torch"),
        "preset": preset,
        "seed": seed,
        "speech": {
            name: {"clips": entry["clips"], "voices": sorted(entry["people"])}
            for name, entry in sorted(engines.items())
        },
        "clips": {bucket.value: len(clips.clips) for bucket, clips in corpus.buckets.items()},
        "people": {side.value: count for side, count in dataset.voices.items()},
        "negative_hours": round(dataset.train.negative_hours, 3),
        "recordings": _recordings(corpus),
        "sounds": _sounds(dataset, sounds),
    }


def backbone_provenance(path: Path | None) -> dict[str, Any] | str:
    """Say what the weights that the training started from learnt from, by source and licence."""
    if path is None:
        return "none: the training started from nothing"
    card = read_card(path)
    return {
        "phoneme_error_rate": card["phoneme_error_rate"],
        "hours": {
            f"{entry['engine'] if entry['source'] == SYNTHETIC else entry['source']} "
            f"({entry['licence']})": entry["hours"]
            for entry in card["learnt_from"]
        },
    }


def _sounds(dataset: Dataset, folder: Path | None) -> dict[str, dict[str, int]] | str:
    """Say which recorded noise and measured rooms training heard, by source and licence."""
    train = dataset.train
    recipes = [
        *(scene.recipe for scene in (*train.positives, *train.alone)),
        *(stream.recipe for stream in (*train.near, *train.plain)),
    ]
    heard = {name for recipe in recipes if recipe is not None for name in sounds_in(recipe)}
    if folder is None or not heard:
        return "none: every noise was made and every room simulated"
    counts: dict[str, dict[str, int]] = {}
    for kind in SoundKind:
        for sound in list_sounds(folder, kind):
            if sound.name in heard:
                entry = counts.setdefault(f"{sound.source} ({sound.licence})", {})
                entry[kind.value] = entry.get(kind.value, 0) + 1
    return counts


def _recordings(corpus: Corpus) -> dict[str, dict[str, Any]] | str:
    """Say which recordings of people were learnt from, by source and licence.

    What was cut out of a recording that is there as a whole adds no hours.
    """
    clips = pd.concat([bucket.clips for bucket in corpus.buckets.values()])
    people = clips[clips["engine"].isin(PEOPLE)].copy()
    if people.empty:
        return "none: every clip is synthetic"
    whole = set(people["sha256"])
    again = [json.loads(settings).get(OF) in whole for settings in people["settings"]]
    people.loc[again, "seconds"] = 0.0
    return {
        f"{source} ({licence})": {
            "clips": len(rows),
            "hours": round(float(rows["seconds"].sum()) / 3600, 3),
            "people": int(rows["speaker"].nunique()),
        }
        for (source, licence), rows in people.groupby(["source", "licence"])
    }
