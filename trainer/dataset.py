"""Clips in, features and labels out, split by speaker; nothing here knows how they are learnt."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from db.clip_search import FEEDBACK
from db.recordings import CUT
from trainer.corpora.own_voice import SOURCE as OWN_VOICE
from trainer.fitting import RECORDED, span_of
from trainer.listening import boundaries_of
from trainer.other_speech import other_speech
from trainer.phrases import Bucket
from trainer.progress import Report, Stage
from trainer.render import AmbientTask, RenderTask, Scene, SceneTask, Stream, StreamTask
from trainer.render_pool import TASKS_PER_CALL, Studio, render_all
from trainer.split import Side, side_of, split_people

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from trainer.presets import Preset

logger = logging.getLogger(__name__)

CLIPS_PER_STREAM = 8
AMBIENT_STREAM_S = 30.0
BYSTANDERS = 80
VALIDATION_VARIANTS = 4
VALIDATION_PLAIN_VARIANTS = 3
"""Of the plain clips: the rates of false accepts that thresholds stand on need hours."""
MIN_VALIDATION_CLIPS = 8
PEOPLE = frozenset({RECORDED, CUT})
"""The `engine` of clips in which people speak."""
PEOPLE_WEIGHT = 2
OWN_VOICE_WEIGHT = 4
"""Of the user's own voice, and of what a detector got wrong."""
OWN_VOICE_EVERY = 3
"""Every third recording of the user's own voice is held out."""


class SplitError(RuntimeError):
    """Too few voices to have some of them on each side; the message says what to add."""


@dataclass(frozen=True)
class Examples:
    """One side of the split."""

    positives: tuple[Scene, ...]
    near: tuple[Stream, ...]
    """Confusers and in-between negatives."""
    plain: tuple[Stream, ...]
    """Sentences, other phrases, and streams without speech."""
    alone: tuple[Scene, ...] = ()
    """Other words where the phrase would be: near to it, a few of a person's, or where somebody
    begins to speak; only on the training side."""

    def half(self, number: int) -> Examples:
        """Return every second clip of the phrase and every second stream."""
        clips = dict.fromkeys(scene.clip_id for scene in self.positives)
        chosen = set(list(clips)[number::2])
        return Examples(
            tuple(scene for scene in self.positives if scene.clip_id in chosen),
            self.near[number::2],
            self.plain[number::2],
        )

    @property
    def negative_hours(self) -> float:
        """Hours of plain streams."""
        return sum(len(stream.features) for stream in self.plain) / 360_000


@dataclass(frozen=True)
class Dataset:
    """What a training learns from and is judged on."""

    train: Examples
    validation: Examples
    voices: Mapping[Side, int]
    """Distinct people on each side."""
    throats: int
    """Distinct voices that say the phrase, a warped voice counted for each of its warps."""

    @property
    def choosing(self) -> Examples:
        """The half of the validation side that chooses the checkpoint."""
        return self.validation.half(0)

    @property
    def reporting(self) -> Examples:
        """What operating points stand on: phrases and near-misses that chose nothing.

        The streams without either are all that there are. Thresholds are made of rare events, which
        need hours (docs/decisions/0021).
        """
        return replace(self.validation.half(1), plain=self.validation.plain)


def sides(clips: pd.DataFrame) -> pd.Series:
    """Return the side of each clip; None for blends of people from both sides.

    The user's own voice is on both: the detector is for that voice. Recordings of it are held out
    one by one. What a detector got wrong only teaches: it is there because of that, so a rate that
    is counted on it would say nothing of how often that happens; and of one recording that gave
    several such moments, none is on the other side.
    """
    known = {s: side_of(split_people(s)) for s in clips["speaker"].unique()}
    found = clips["speaker"].map(known)
    own = clips["source"] == OWN_VOICE
    if own.any():
        numbers = clips.loc[own, "settings"].map(lambda text: json.loads(text)["recording"])
        held_out = numbers % OWN_VOICE_EVERY == 0
        found = found.mask(own, Side.TRAIN).mask(
            held_out.reindex(clips.index, fill_value=False), Side.VALIDATION
        )
    return found.mask(clips["source"] == FEEDBACK, Side.TRAIN)


def _variants(source: str, engine: str, usual: int) -> int:
    """Return how many scenes to record with a clip: people are few, and what it is all for."""
    if source in {OWN_VOICE, FEEDBACK}:
        return OWN_VOICE_WEIGHT * usual
    return PEOPLE_WEIGHT * usual if engine in PEOPLE else usual


def _stream_tasks(
    clips: pd.DataFrame,
    folder: Path,
    variants: int,
    rng: np.random.Generator,
    *,
    seed: Sequence[int],
    side: Side,
) -> list[StreamTask]:
    """Shuffle clips into streams of a few each, once for every variant."""
    tasks = []
    for variant in range(variants):
        order = rng.permutation(len(clips))
        for start in range(0, len(order), CLIPS_PER_STREAM):
            rows = clips.iloc[order[start : start + CLIPS_PER_STREAM]]
            tasks.append(
                StreamTask(
                    tuple(folder / path for path in rows["path"]),
                    tuple(int(clip_id) for clip_id in rows["id"]),
                    (*seed, variant, start),
                    side,
                )
            )
    return tasks


def _plan(
    buckets: Mapping[Bucket, pd.DataFrame], side: Side, folder: Path, preset: Preset, seed: int
) -> dict[str, list[RenderTask]]:
    """List everything to render for one side."""
    number = list(Side).index(side)
    rng = np.random.default_rng([seed, number])
    training = side is Side.TRAIN
    chosen = {bucket: clips[sides(clips) == side] for bucket, clips in buckets.items()}
    confusers = chosen[Bucket.CONFUSER]
    near = pd.concat([confusers, chosen[Bucket.IN_BETWEEN]])
    wrong = near["source"] == FEEDBACK
    near, false_wakes = near[~wrong], near[wrong]
    cut_out = near["engine"] == CUT
    alone = near[(cut_out | near["id"].isin(confusers["id"])) & training].drop_duplicates("id")
    near = near[~cut_out]
    positives = chosen[Bucket.POSITIVE]
    positive_variants = preset.positive_variants if training else VALIDATION_VARIANTS
    near_variants = preset.confuser_variants if training else 1
    plain_variants = preset.plain_variants if training else VALIDATION_PLAIN_VARIANTS
    ambient = preset.ambient_hours * 3600 * (0.75 if training else 0.25)
    tasks: dict[str, list[RenderTask]] = {
        "positives": [
            SceneTask(
                folder / clip["path"],
                int(clip["id"]),
                _variants(clip["source"], clip["engine"], positive_variants),
                (seed, number, 0, int(clip["sha256"][:16], 16)),  # the same in every database
                span_of(clip["settings"], clip["seconds"]),
                boundaries_of(clip["settings"]),
                side=side,
            )
            for clip in positives.to_dict("records")
        ],
        "near": list(
            _stream_tasks(near, folder, near_variants, rng, seed=(seed, number, 1), side=side)
        ),
        "plain": [
            *_stream_tasks(
                chosen[Bucket.PLAIN], folder, plain_variants, rng, seed=(seed, number, 2), side=side
            ),
            *(
                AmbientTask(AMBIENT_STREAM_S, (seed, number, 3, n), side)
                for n in range(round(ambient / AMBIENT_STREAM_S))
            ),
        ],
    }
    # Last, so that a draw without any of them is what it always was.
    tasks["near"] += _stream_tasks(
        false_wakes,
        folder,
        OWN_VOICE_WEIGHT * near_variants,
        rng,
        seed=(seed, number, 4),
        side=side,
    )
    tasks["alone"] = [
        SceneTask(
            folder / clip["path"],
            int(clip["id"]),
            1,
            (seed, number, 5, int(clip["sha256"][:16], 16)),
            side=side,
        )
        for clip in alone.to_dict("records")
    ]
    return tasks


def build_dataset(
    buckets: Mapping[Bucket, pd.DataFrame],
    folder: Path,
    preset: Preset,
    *,
    seed: int,
    report: Report,
    workers: int | None = None,
    sounds: Path | None = None,
) -> Dataset:
    """Augment clips and compute their features.

    Args:
        buckets: rows of the table `clip` for each bucket.
        folder: the clip folder that their paths start from.
        preset: how many variants, rooms and hours.
        seed: decides every augmentation.
        report: receives the stage `features`.
        workers: processes; one for each core by default.
        sounds: folder of recorded noise and measured rooms, see `trainer.sounds`; None for none.

    Raises:
        SoundError: something in that folder is damaged.
        SplitError: one side has hardly any voice.
    """
    plans = {side: _plan(buckets, side, folder, preset, seed) for side in Side}
    for side, plan in plans.items():
        if len(plan["positives"]) < MIN_VALIDATION_CLIPS:
            raise SplitError(
                f"Only {len(plan['positives'])} clips of the phrase are by voices of the {side} "
                f"side: at least {MIN_VALIDATION_CLIPS} are needed. Add voices (watchword voices, "
                f"watchword doctor) or use a larger preset."
            )
    plain = buckets[Bucket.PLAIN]
    crowd = plain[sides(plain) == Side.TRAIN]
    crowd = crowd.sample(min(BYSTANDERS, len(crowd)), random_state=seed)
    keys = [(side, kind) for side in Side for kind in plans[side]]
    tasks = [task for side, kind in keys for task in plans[side][kind]]
    owners = [key for key in keys for _ in plans[key[0]][key[1]]]
    stage = Stage(report, "features", len(tasks))
    stage.at(0, f"{len(tasks)} scenes")
    rendered: dict[tuple[Side, str], list[Scene | Stream]] = {key: [] for key in keys}
    studio = Studio(preset.rooms, tuple(folder / path for path in crowd["path"]), seed, sounds)
    results = render_all(tasks, studio, workers)
    for done, (owner, result) in enumerate(zip(owners, results, strict=True), 1):
        rendered[owner].extend(result)
        if done % TASKS_PER_CALL == 0 or done == len(tasks):
            stage.at(done, f"{done} of {len(tasks)} scenes")

    def examples(side: Side) -> Examples:
        return Examples(
            cast("tuple[Scene, ...]", tuple(rendered[side, "positives"])),
            cast("tuple[Stream, ...]", tuple(rendered[side, "near"])),
            cast("tuple[Stream, ...]", tuple(rendered[side, "plain"])),
            cast("tuple[Scene, ...]", tuple(rendered[side, "alone"])),
        )

    everybody = pd.concat(buckets.values())
    people = {
        side: len(
            {p for s in everybody["speaker"][sides(everybody) == side] for p in split_people(s)}
        )
        for side in Side
    }
    train, validation = examples(Side.TRAIN), examples(Side.VALIDATION)
    fragments = set(everybody["id"][everybody["engine"] == CUT])
    missing = preset.fragments - sum(scene.clip_id in fragments for scene in train.alone)
    others = other_speech(missing, train.positives, train.plain, np.random.default_rng([seed, 6]))
    train = replace(train, alone=(*train.alone, *others))
    scenes = (*train.positives, *validation.positives)
    return Dataset(train, validation, people, _throats(buckets[Bucket.POSITIVE], scenes))


def _throats(clips: pd.DataFrame, scenes: Iterable[Scene]) -> int:
    """Count who says the phrase: voices, and what became of them by warping."""
    names = (clips["engine"] + "/" + clips["voice"]).to_dict()
    voice_of = {int(clip_id): names[row] for row, clip_id in clips["id"].items()}
    heard = set()
    for scene in scenes:
        warp = scene.recipe.voice.warp if scene.recipe else None
        heard.add((voice_of[scene.clip_id], warp and (warp.pitch, warp.formant)))
    return len(heard)


def window_frames(scenes: Sequence[Scene], least: int = 320, most: int = 600) -> int:
    """Return how long a training window must be for nearly every phrase.

    There are 0.8 s behind it and 1.2 s before it, in which the network comes to know the room.
    """
    lengths = np.array([scene.end_frame - scene.start_frame for scene in scenes])
    return int(np.clip(np.quantile(lengths, 0.95) + 200, least, most))
