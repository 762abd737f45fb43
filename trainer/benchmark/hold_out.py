"""A clip store and engines in, the same store without anything that they or their people said out.

Held out means held out: clips that earlier runs made with these engines must be neither in training
nor in validation, nor count towards a bucket's target. The people behind their voices may also
speak through other engines (Festival has some of flite's): their clips are hidden, too. So is what
other voices say of the exam's near-misses.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from db.clips import ClipFilter, ClipStore
from trainer.casting import NEED_GPU
from trainer.dataset import PEOPLE
from trainer.split import split_people
from trainer.tts.base import parents
from trainer.tts.engines import ENGINES, available_engines
from trainer.tts.paid import PAID_ENGINES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    import pandas as pd


class HoldOutError(RuntimeError):
    """Held-out voices were heard in training, or cannot speak here; the message names them."""


def training_engines(hold_out: Iterable[str]) -> tuple[str, ...]:
    """Return who may speak in training: all but the held-out, the paid and those that need a GPU.

    The last two because a benchmark has to mean the same on every machine.
    """
    return tuple(name for name in ENGINES if name not in {*hold_out, *PAID_ENGINES, *NEED_GPU})


def people_behind(engines: Sequence[str], voices_dir: Path) -> frozenset[str]:
    """Return the people behind all voices of these engines, as `engine:name`.

    Raises:
        HoldOutError: one of them does not work here.
    """
    opened, missing = available_engines(voices_dir, engines)
    try:
        if missing:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
            raise HoldOutError(
                f"The held-out voices cannot speak here. {reasons} Or hold out other engines."
            )
        return frozenset(
            person
            for engine in opened.values()
            for voice in engine.voices()
            for person in parents(voice)
        )
    finally:
        for engine in opened.values():
            engine.close()


class StoreWithout(ClipStore):
    """The clips of a database without those of some engines and people; writes go through.

    Args:
        connection: as for `ClipStore`.
        folder: as for `ClipStore`.
        engines: whose clips are hidden.
        people: whose clips are hidden whichever engine made them, as `engine:name`.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        folder: Path,
        engines: Iterable[str],
        people: frozenset[str],
    ) -> None:
        super().__init__(connection, folder)
        self._shown = frozenset((*ENGINES, *PEOPLE)) - frozenset(engines)
        self._people = people
        self._texts: frozenset[str] = frozenset()

    def hiding(self, texts: frozenset[str]) -> StoreWithout:
        """Return the same without clips that say just one of these normalised texts."""
        other = copy(self)
        other._texts = texts  # noqa: SLF001 - its own
        return other

    def select(
        self, wanted: ClipFilter, *, limit: int | None = None, skip: int = 0
    ) -> pd.DataFrame:
        """Return the clips that fit and are not hidden; see `ClipSearch.select`."""
        found = self._seen(super().select(self._narrowed(wanted))).iloc[skip:]
        return found if limit is None else found.head(limit)

    def sample(self, wanted: ClipFilter, *, limit: int, seed: int) -> pd.DataFrame:
        """Draw from the clips that fit; what is hidden leaves the draw that much smaller."""
        return self._seen(super().sample(self._narrowed(wanted), limit=limit, seed=seed))

    def count(self, wanted: ClipFilter) -> int:
        """Return how many clips of the engines that are shown fit; nothing else is looked at."""
        return super().count(self._narrowed(wanted))

    def _narrowed(self, wanted: ClipFilter) -> ClipFilter:
        shown = self._shown if wanted.engines is None else self._shown & set(wanted.engines)
        return ClipFilter(**{**vars(wanted), "engines": sorted(shown)})

    def _seen(self, clips: pd.DataFrame) -> pd.DataFrame:
        people = [bool(self._people & set(split_people(who))) for who in clips["speaker"]]
        hidden = clips["text_normalised"].isin(self._texts) | np.array(people, bool)
        return clips[~hidden].reset_index(drop=True)


def check_held_out(
    provenance: Mapping[str, Any], engines: Iterable[str], people: frozenset[str]
) -> None:
    """Compare what a finished detector says it was made of with what was held out.

    Args:
        provenance: of the bundle's manifest.
        engines: held-out engines.
        people: held-out people.

    Raises:
        HoldOutError: one of them spoke in training.
    """
    for name, entry in provenance["speech"].items():
        engine = name.split(" (")[0]
        heard = sorted(people & set(entry["voices"]))
        if engine in engines or heard:
            who = ", ".join(heard) or engine
            raise HoldOutError(f"{who} was held out and spoke in training (as {name}).")


def heard_by_backbone(provenance: Mapping[str, Any], engines: Iterable[str]) -> list[str]:
    """Return which held-out engines the backbone had learnt phonemes from, long before."""
    backbone = provenance["backbone"]
    if isinstance(backbone, str):
        return []
    spoke = {name.split(" (")[0] for name in backbone["hours"]}
    return sorted(spoke & set(engines))
