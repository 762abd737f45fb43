"""A phrase in, a verified bundle out: the stages in their order, each resumable after a crash."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trainer.corpus import gather
from trainer.dataset import PEOPLE, SplitError, build_dataset
from trainer.model import save_checkpoint
from trainer.operating import AUDIO, AUDIO_WITH_PEOPLE, decision, operating_points
from trainer.phrases import Bucket, parse_phrase
from trainer.presets import PRESETS
from trainer.progress import Progress
from trainer.train import TrainConfig, train
from trainer.tts.paid import paid_allowed
from trainer.validation import choose_smoothing, score
from trainer.validation_report import validation_report
from watchword.errors import TrainingMissingError
from watchword.exporting import (
    CALIBRATION_FILE,
    CHECKPOINT_FOLDER,
    REPORT_FILE,
    Result,
    StageClock,
    check_out,
    export_training,
    read_training,
)
from watchword.finished_stages import FinishedStages
from watchword.provenance import backbone_provenance, provenance
from watchword.summary import write_json
from watchword.verification_sound import SOUND_FILE, gather_sound, save_sound
from watchword_runtime.manifest import MANIFEST_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from db.clips import ClipStore
    from trainer.corpus import Corpus
    from trainer.dataset import Dataset, Examples
    from trainer.phrases import Phrase
    from trainer.progress import Report

logger = logging.getLogger(__name__)

CALIBRATION_FRAMES = 18_000
"""Three minutes of features: the golden vectors come from them."""
VOICES_FOLDER = "voices"
"""In the home folder."""


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    phrase: str
    preset: str
    seed: int
    language: str = "en"
    engines: tuple[str, ...] | None = None
    """Speech engines that may speak; all that work here by default."""
    allow_paid: tuple[str, ...] = ()
    """Speech engines that may charge for it."""
    from_nothing: bool = False
    """Start from random weights, not from the backbone: to see what it brings."""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, equal for equal requests."""
        engines = None if self.engines is None else list(self.engines)
        return vars(self) | {"engines": engines, "allow_paid": list(self.allow_paid)}


@dataclass(frozen=True)
class Library:
    """Where speech comes from."""

    store: ClipStore
    voices_dir: Path
    sounds_dir: Path | None = None
    """Recorded noise and measured rooms."""


def run(request: Request, out: Path, work: Path, library: Library, report: Report) -> Result:
    """Make a detector.

    Args:
        request: phrase, preset, seed.
        out: the bundle's folder; the zip is written beside it.
        work: folder for what a resumed run needs: the checkpoint, features and sound.
            A run of the same request that was stopped goes on: clips that were gathered, features
            that were rendered and a checkpoint that was trained are not made again. Where `out` has
            a bundle already, the same request trains anew.
        library: clips and voices.
        report: receives progress; may raise to stop.

    Raises:
        PhraseError: the phrase cannot become a detector.
        OutTakenError: `out` holds something that is not a detector.
        NoVoicesError, SplitError: too few voices.
        CostError: speech engines would charge more than their accounts have left.
        ExportError: an artifact does not behave as the network does; nothing is left in `out`.
    """
    clock = StageClock(report)
    clock(Progress("phrase", 0.0, None, "checking the phrase"))
    phrase = parse_phrase(request.phrase, request.language)
    check_out(out)
    exported = (out / MANIFEST_FILE).is_file()
    goes_on = not exported and _finished_training(work, request)
    known = "trained before it was stopped: only exporting" if goes_on else "can work"
    clock(Progress("phrase", 1.0, 0.0, known))
    finished = FinishedStages(work, request.to_dict(), PRESETS[request.preset])
    if not goes_on:
        _learn(request, phrase, finished, library, clock)
    finished.forget()
    return export_training(work, out, clock)


def _finished_training(work: Path, request: Request) -> bool:
    """Whether an earlier run of the same request left a checkpoint."""
    config = work / CHECKPOINT_FOLDER / "model.json"
    if not all(file.is_file() for file in (config, work / CALIBRATION_FILE, work / SOUND_FILE)):
        return False
    try:
        _, meta, _ = read_training(work)
    except TrainingMissingError as error:
        logger.warning("Training anew: %s", error)
        return False
    return bool(meta["request"] == request.to_dict())


def _learn(
    request: Request,
    phrase: Phrase,
    finished: FinishedStages,
    library: Library,
    clock: StageClock,
) -> None:
    """Gather, render and train what is not finished; leaves the checkpoint as the last thing."""
    preset, store, work = PRESETS[request.preset], library.store, finished.work
    corpus = finished.corpus(store)
    if corpus is None:
        corpus = _gather(request, phrase, finished, library, clock)
    else:
        going_on = "going on with the clips that were gathered before it was stopped"
        clock(Progress("phrase", 1.0, 0.0, going_on))
    buckets = {bucket: clips.clips for bucket, clips in corpus.buckets.items()}
    dataset = finished.dataset(corpus)
    if dataset is None:
        try:
            dataset = build_dataset(
                buckets,
                store.folder,
                preset,
                seed=request.seed,
                report=clock,
                sounds=library.sounds_dir,
            )
        except SplitError:
            finished.forget()  # another try may find other voices
            raise
        finished.keep_dataset(dataset, corpus)
    choosing, reports = dataset.choosing, dataset.reporting
    config = TrainConfig.of(preset, people=_people_among(buckets[Bucket.PLAIN]))
    if request.from_nothing:
        config = replace(config, backbone=None)
    trained = train(
        dataset.train,
        choosing,
        config,
        seed=request.seed,
        report=clock,
        finished=finished.runs(corpus),
        source=finished.source(corpus),
    )
    clock(Progress("validation", 0.0, None, "choosing the operating points"))
    smoothing = choose_smoothing(trained.model, choosing)
    scores = score(trained.model, reports, smoothing)
    clips = pd.concat(buckets.values())
    heard = _heard(reports, clips)
    points = operating_points(scores, heard)
    threshold = decision(points, scores.step_s, smoothing).threshold
    logit = np.log(threshold / (1 - threshold))
    clock(Progress("validation", 1.0, 0.0, f"{scores.hours * 60:.0f} minutes of negatives"))
    work.mkdir(parents=True, exist_ok=True)
    _save_features(work / CALIBRATION_FILE, _calibration(dataset))
    save_sound(gather_sound(buckets, store.folder), work)
    write_json(
        validation_report(
            scores,
            reports.positives,
            clips,
            [float(np.log(p.threshold / (1 - p.threshold))) for p in points],
            heard,
        ),
        work / REPORT_FILE,
    )
    save_checkpoint(
        trained.model,
        work / CHECKPOINT_FOLDER,
        {
            "request": request.to_dict(),
            "phrase": phrase.text,
            "operating_points": [point.to_dict() for point in points],
            "validation": {
                "miss_rate": float(np.mean(scores.positives < logit)),
                "near_miss_accepted": (
                    float(np.mean(scores.near >= logit)) if len(scores.near) else None
                ),
                "positives": len(scores.positives),
                "near_misses": len(scores.near),
                "negative_hours": scores.hours,
            },
            "smoothing_steps": smoothing,
            "provenance": provenance(
                request.preset, request.seed, corpus, dataset, library.sounds_dir
            )
            | {"backbone": backbone_provenance(config.backbone)},
            "corpus": corpus.to_dict() | {"throats": dataset.throats},
            "parameters": trained.parameters,
            "minutes": clock.minutes,
        },
    )


def _gather(
    request: Request,
    phrase: Phrase,
    finished: FinishedStages,
    library: Library,
    clock: StageClock,
) -> Corpus:
    """Bring the clips to their targets and remember that it was done."""
    clock(Progress("speech", 0.0, None, "choosing texts and voices"))
    with paid_allowed(request.allow_paid):
        corpus = gather(
            phrase,
            PRESETS[request.preset],
            library.store,
            library.voices_dir,
            seed=request.seed,
            report=clock,
            engines=request.engines,
        )
    finished.keep_corpus(corpus)
    return corpus


def _people_among(plain: pd.DataFrame) -> bool:
    """Whether people speak among the negatives; the user's own voice says the phrase alone."""
    return bool(plain["engine"].isin(PEOPLE).any())


def _heard(reports: Examples, clips: pd.DataFrame) -> str:
    """Say what thresholds stand on."""
    ids = np.concatenate([np.zeros(0, np.int64), *(stream.clip_ids for stream in reports.plain)])
    people = clips["engine"].isin(PEOPLE) & clips["id"].isin(ids)
    return AUDIO_WITH_PEOPLE if people.any() else AUDIO


def _calibration(dataset: Dataset) -> NDArray[np.float32]:
    """Return [frames, 40] of positives, near-misses and sentences, in equal parts."""
    sources = (dataset.train.positives, dataset.train.near, dataset.train.plain)
    parts = []
    for examples in sources:
        frames = 0
        for example in examples:
            if frames >= CALIBRATION_FRAMES // len(sources):
                break
            parts.append(example.features)
            frames += len(example.features)
    return np.concatenate(parts).astype(np.float32)


def _save_features(path: Path, features: NDArray[np.float32]) -> None:
    aside = path.with_suffix(".part")
    with aside.open("wb") as file:
        np.savez_compressed(file, features=features.astype(np.float16))
    aside.replace(path)
