"""A training's work folder in, what an earlier run of the same request finished out.

The clips that were chosen, the features that were rendered and, of several runs, the networks that
were trained lie there until the training ends.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from trainer.corpus_file import CORPUS_FILE, CorpusFileError, clip_ids, load_corpus, save_corpus
from trainer.dataset_file import (
    DATASET_FILE,
    DatasetFileError,
    dataset_bytes,
    load_dataset,
    save_dataset,
)
from trainer.model import CheckpointError, TinyCRNN, load_checkpoint, save_checkpoint
from trainer.validation import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from db.clips import ClipStore
    from trainer.corpus import Corpus
    from trainer.dataset import Dataset, Examples
    from trainer.presets import Preset

logger = logging.getLogger(__name__)

RUNS_FOLDER = "runs"
SPARE_BYTES = 2**30
"""What keeping features must leave free: the training still has to be exported."""


class FinishedStages:
    """What is kept of the stages `speech`, `features` and `training`.

    Args:
        work: the training's folder.
        request: what was asked for, as JSON values.
        preset: its numbers, which another version may change.
    """

    def __init__(self, work: Path, request: Mapping[str, Any], preset: Preset) -> None:
        self.work = work
        # Through JSON and back: tuples become the lists that a file gives.
        self._made_of: dict[str, Any] = json.loads(
            json.dumps(
                {
                    "request": request,
                    "preset": asdict(preset),
                    "watchword": version("watchword"),
                }
            )
        )

    def corpus(self, store: ClipStore) -> Corpus | None:
        """Return the clips of a finished stage `speech`; None where there is none."""
        path = self.work / CORPUS_FILE
        if not path.is_file():
            return None
        try:
            return load_corpus(path, store, self._made_of)
        except CorpusFileError as error:
            logger.warning("Gathering the clips anew: %s", error)
            return None

    def keep_corpus(self, corpus: Corpus) -> None:
        """Remember that the stage `speech` is finished."""
        self.work.mkdir(parents=True, exist_ok=True)
        save_corpus(corpus, self.work / CORPUS_FILE, self._made_of)

    def dataset(self, corpus: Corpus) -> Dataset | None:
        """Return the features that were rendered of these clips; None where there are none."""
        path = self.work / DATASET_FILE
        if not path.is_file():
            return None
        try:
            return load_dataset(path, self._made_with(corpus))
        except DatasetFileError as error:
            logger.warning("Rendering the features anew: %s", error)
            path.unlink()
            return None

    def keep_dataset(self, dataset: Dataset, corpus: Corpus) -> None:
        """Keep features where there is room for them; a training goes on without."""
        needed = dataset_bytes(dataset)
        free = shutil.disk_usage(self.work).free
        if free < needed + SPARE_BYTES:
            logger.warning(
                "The features are not kept: %d MiB and 1024 more are needed, %d are free. A "
                "training that is stopped will render them anew.",
                needed >> 20,
                free >> 20,
            )
            return
        try:
            save_dataset(dataset, self.work / DATASET_FILE, self._made_with(corpus))
        except OSError as error:
            logger.warning(
                "The features are not kept (%s): a training that is stopped will render them anew.",
                error,
            )

    def source(self, corpus: Corpus) -> KeptExamples | None:
        """Return what reads the kept features in another process; None where they are not kept."""
        path = self.work / DATASET_FILE
        return KeptExamples(path, self._made_with(corpus)) if path.is_file() else None

    def runs(self, corpus: Corpus) -> KeptRuns:
        """Return where the networks lie that were trained on these clips."""
        return KeptRuns(self.work / RUNS_FOLDER, self._made_with(corpus))

    def forget(self) -> None:
        """Remove what was kept: the training is finished, or needs other clips."""
        shutil.rmtree(self.work / RUNS_FOLDER, ignore_errors=True)
        for name in (CORPUS_FILE, DATASET_FILE):
            for path in (self.work / name, self.work / f"{name}.part"):
                path.unlink(missing_ok=True)

    def _made_with(self, corpus: Corpus) -> dict[str, Any]:
        """Return what a dataset is made of: the request and the clips."""
        ids = {bucket.value: clip_ids(clips.clips) for bucket, clips in corpus.buckets.items()}
        return self._made_of | {"clips": hashlib.sha256(json.dumps(ids).encode()).hexdigest()}


@dataclass(frozen=True)
class KeptExamples:
    """Reads what a training learns from and what chooses its checkpoint."""

    path: Path
    made_of: Mapping[str, Any]

    def __call__(self) -> tuple[Examples, Examples]:
        """Read both from the file.

        Raises:
            DatasetFileError: it is gone or damaged.
        """
        dataset = load_dataset(self.path, self.made_of)
        return dataset.train, dataset.choosing


class KeptRuns:
    """The networks of finished runs, a checkpoint folder each.

    Args:
        folder: made when the first is kept.
        made_of: JSON values that tell these runs from all others.
    """

    def __init__(self, folder: Path, made_of: Mapping[str, Any]) -> None:
        self._folder = folder
        self._made_of = dict(made_of)

    def load(self, number: int) -> tuple[Verdict, TinyCRNN] | None:
        """Return a run's verdict and network; None where there is none, or a damaged one."""
        folder = self._folder / str(number)
        if not folder.is_dir():
            return None
        try:
            model, meta = load_checkpoint(folder)
            values = meta["verdict"] | {"miss_rates": tuple(meta["verdict"]["miss_rates"])}
            verdict = Verdict(**values)
            same = meta["made_of"] == self._made_of
        except (CheckpointError, KeyError, TypeError) as error:
            logger.warning("Training run %d anew: %s", number, error)
            return None
        if not same:
            logger.warning("Training run %d anew: it is of other clips.", number)
            return None
        return verdict, model

    def keep(self, number: int, verdict: Verdict, model: TinyCRNN) -> None:
        """Keep what a run gave."""
        meta = {"made_of": self._made_of, "verdict": asdict(verdict)}
        save_checkpoint(model, self._folder / str(number), meta)
