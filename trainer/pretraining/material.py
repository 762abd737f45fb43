"""Transcribed clips of a database in, features with phoneme labels out, kept in shards.

A shard is finished or not there: a run that was stopped renders only what is missing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, cast

import numpy as np

from trainer.dataset import sides
from trainer.pretraining.labels import frames_needed, labels_of
from trainer.progress import Report, Stage
from trainer.render import Stream, StreamTask
from trainer.render_pool import Studio, render_all
from trainer.split import Side

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

CLIPS_PER_STREAM = 6
STREAMS_PER_SHARD = 64
BYSTANDERS = 120
SECONDS = (0.6, 9.0)
"""Shorter clips hold hardly a word; longer ones would make every batch as long."""
LEAD_FRAMES = 30
TAIL_FRAMES = 24
"""A causal network says a phoneme a little after it was heard."""


@dataclass(frozen=True)
class Passage:
    """One clip somewhere in a recorded scene."""

    features: NDArray[np.float16]
    """[frames, 40], raw front-end values, from LEAD_FRAMES before the clip to TAIL_FRAMES after."""
    labels: NDArray[np.int64]
    """[phonemes]."""


def transcribed(clips: pd.DataFrame) -> pd.DataFrame:
    """Return the clips that can be learnt from: known phonemes, a fit length, a voice on one side.

    Args:
        clips: rows of the table `clip`.
    """
    known = clips[(clips["phonemes"].str.len() > 0) & clips["seconds"].between(*SECONDS)]
    return known[sides(known).notna()]


def render_material(
    clips: pd.DataFrame,
    folder: Path,
    shards: Path,
    *,
    variants: int,
    rooms: int,
    seed: int,
    report: Report,
    workers: int | None = None,
) -> dict[Side, list[Passage]]:
    """Record every clip `variants` times (the validation side once) and read what is kept.

    Args:
        clips: what `transcribed` returned.
        folder: the clip folder that their paths start from.
        shards: where finished shards are kept.
        variants: times that each clip is recorded anew.
        rooms: simulated rooms.
        seed: decides everything.
        report: receives the stage `features`.
        workers: processes; one for each core by default.
    """
    labels = {
        int(row): labels_of(phonemes)
        for row, phonemes in zip(clips["id"], clips["phonemes"], strict=True)
    }
    side_of_clip = sides(clips)
    crowd = clips[side_of_clip == Side.TRAIN]
    crowd = crowd.sample(min(BYSTANDERS, len(crowd)), random_state=seed)
    studio = Studio(rooms, tuple(folder / path for path in crowd["path"]), seed)
    plans = {
        side: _tasks(
            clips[side_of_clip == side], folder, variants if side is Side.TRAIN else 1, seed, number
        )
        for number, side in enumerate(Side)
    }
    shards.mkdir(parents=True, exist_ok=True)
    parts = {
        side: [
            tasks[first : first + STREAMS_PER_SHARD]
            for first in range(0, len(tasks), STREAMS_PER_SHARD)
        ]
        for side, tasks in plans.items()
    }
    files = {
        side: [shards / f"{_name(part, studio)}.npz" for part in of_side]
        for side, of_side in parts.items()
    }
    missing = [
        (part, path)
        for side in Side
        for part, path in zip(parts[side], files[side], strict=True)
        if not path.is_file()
    ]
    _render(missing, studio, Stage(report, "features", len(missing)), workers)
    return {
        side: [passage for path in files[side] for passage in _read(path, labels)] for side in Side
    }


def _render(
    missing: Sequence[tuple[Sequence[StreamTask], Path]],
    studio: Studio,
    stage: Stage,
    workers: int | None,
) -> None:
    """Write the shards that are not there, with one start of the processes for all."""
    if not missing:
        return
    rendered = render_all([task for part, _ in missing for task in part], studio, workers)
    for done, (part, path) in enumerate(missing, 1):
        items = [item for result in islice(rendered, len(part)) for item in result]
        _write(path, [cast("Stream", item) for item in items])
        stage.at(done, f"{done} of {len(missing)} shards")


def _tasks(
    clips: pd.DataFrame, folder: Path, variants: int, seed: int, number: int
) -> list[StreamTask]:
    rng = np.random.default_rng([seed, number])
    tasks = []
    for variant in range(variants):
        order = rng.permutation(len(clips))
        for first in range(0, len(order), CLIPS_PER_STREAM):
            rows = clips.iloc[order[first : first + CLIPS_PER_STREAM]]
            tasks.append(
                StreamTask(
                    tuple(folder / path for path in rows["path"]),
                    tuple(int(row) for row in rows["id"]),
                    (seed, number, variant, first),
                )
            )
    return tasks


def _name(tasks: Sequence[StreamTask], studio: Studio) -> str:
    """Name a shard after everything that decides what is in it."""
    said = [[[path.name for path in task.paths], task.seed] for task in tasks]
    crowd = [path.name for path in studio.bystanders]
    text = json.dumps([said, studio.rooms, studio.seed, crowd])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _write(path: Path, streams: Sequence[Stream]) -> None:
    aside = path.with_suffix(".part")
    with aside.open("wb") as file:
        np.savez(
            file,
            features=np.concatenate([stream.features for stream in streams]),
            frames=np.array([len(stream.features) for stream in streams]),
            spans=np.concatenate([stream.spans for stream in streams]),
            clips=np.array([len(stream.spans) for stream in streams]),
            clip_ids=np.concatenate([stream.clip_ids for stream in streams]),
        )
    aside.replace(path)


def _read(path: Path, labels: dict[int, NDArray[np.int64]]) -> list[Passage]:
    with np.load(path, allow_pickle=False) as stored:
        features, spans, clip_ids = stored["features"], stored["spans"], stored["clip_ids"]
        starts = np.concatenate([[0], np.cumsum(stored["frames"])])
        stream_of_clip = np.repeat(np.arange(len(stored["frames"])), stored["clips"])
    passages = []
    for stream, (start, end), clip_id in zip(stream_of_clip, spans, clip_ids, strict=True):
        begin, stop = starts[stream], starts[stream + 1]
        left = max(begin, begin + start - LEAD_FRAMES)
        passage = Passage(
            features[left : min(stop, begin + end + TAIL_FRAMES)], labels[int(clip_id)]
        )
        if len(passage.features) // 3 > frames_needed(passage.labels) > 0:
            passages.append(passage)
    return passages
