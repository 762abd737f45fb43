"""A phrase and recordings of people in, a few of their words at a time out, as clips.

All day people say a few words after a silence, and no corpus of sentences has that: a network that
never heard it takes "somebody speaks at last" for half of the phrase (docs/decisions/0020). The
fragments are any words, about as long as the phrase; none is so short that it is rather a part of
one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from db.clip_search import ClipFilter
from db.recordings import CUT, RECORDING
from trainer.articulation import split_phonemes
from trainer.ctc import HamaModel
from trainer.cutting import OF, Piece, cut_and_store, cut_pieces
from trainer.hearing import contains_phrase, distance_to_phrase, phrase_sounds
from trainer.listening import why_deaf
from trainer.segment import LEAST_SPOKEN_SCORE, Place
from trainer.split import Side, side_of, split_people

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from db.clips import ClipStore, NewClip
    from trainer.ctc import AcousticModel
    from trainer.phrase_check import Phrase

MOST_WORDS = 4
LENGTH_LEEWAY = 4
"""Phonemes that a fragment may have more or fewer than the phrase, or more than LEAST_PHONEMES."""
LEAST_PHONEMES = 6
"""However short the phrase is. "That", "know", "the car" after a silence teach that a few sounds of
the phrase are against it: it was missed by people ("mocha", docs/decisions/0022)."""
LEAST_DISTANCE = 1.2
"""What is closer to the phrase may be how somebody says it."""
MOST_RECORDINGS = 5000
"""Recordings whose transcripts are looked through, drawn by their hashes."""
LENGTH_S = (0.15, 2.0)
"""What is shorter or longer was not heard where it was looked for."""
MARGIN_S = 0.03
"""Kept around a fragment even where the neighbours begin at once: it need not be whole."""
RECORDINGS_SEED = 0
"""The same for every training, so that what was cut is found again."""


@dataclass(frozen=True)
class Fragment:
    """Some words of one recording."""

    recording: str
    """Its hash."""
    place: Place
    text: str
    phonemes: str

    @property
    def key(self) -> tuple[str, str]:
        """What the database knows it by."""
        return self.recording, self.text


@dataclass(frozen=True)
class FragmentPlan:
    """What a training wants of them, and what of that has to be cut."""

    recordings: pd.DataFrame
    """Rows of the table `clip`."""
    wanted: Sequence[Fragment]
    missing: Mapping[str, Sequence[Fragment]]
    """By recording: neither cut before nor found to be unheard."""


class Fragments(NamedTuple):
    """What a training has of them."""

    clips: pd.DataFrame
    """Rows of the table `clip`, in the order of their hashes."""
    made: int
    """How many of them were cut just now."""


def plan_fragments(phrase: Phrase, count: int, store: ClipStore) -> FragmentPlan:
    """Choose up to `count` fragments of what people said.

    People of the validation side are left alone. Words that were not heard are not listened for
    again.

    Args:
        phrase: it is in none of them.
        count: how many are wanted; there are fewer where there are few recordings of people, and
            none where nothing can be listened to.
        store: where recordings and earlier fragments are found.
    """
    recordings = _recordings(phrase, store) if count and not why_deaf() else pd.DataFrame()
    wanted = choose_fragments(phrase, recordings, count)
    settled = _known(store).keys() | store.refused_cuts()
    missing: dict[str, list[Fragment]] = {}
    for fragment in wanted:
        if fragment.key not in settled:
            missing.setdefault(fragment.recording, []).append(fragment)
    return FragmentPlan(recordings, wanted, missing)


def cut_fragments(
    plan: FragmentPlan,
    store: ClipStore,
    tell: Callable[[int, str], None],
    *,
    workers: int | None = None,
    make_model: Callable[[], AcousticModel] = HamaModel,
) -> Fragments:
    """Cut what is missing of a plan and find the rest.

    CTC segmentation finds the words (`trainer.segment`), for 0.07 of the recordings' length on one
    core.

    Args:
        plan: what is wanted.
        store: where recordings are found and fragments are kept.
        tell: is told of the recordings that are done, and in words; may raise to stop between two
            batches.
        workers: threads; one for each core by default.
        make_model: makes an acoustic model, one for each thread.

    Raises:
        ClipMissingError, ClipReadError: a recording's file is gone or damaged.
        ClipWriteError: nothing can be stored; what was stored before is kept.
    """
    made = 0
    if plan.missing:
        for done, made in _cut(plan, store, make_model, workers):
            tell(done, f"{made} fragments of what people said")
    known = _known(store)
    ids = [known[f.key] for f in plan.wanted if f.key in known]
    rows = store.select(ClipFilter(ids=ids)).sort_values("sha256", ignore_index=True)
    return Fragments(rows, made)


def choose_fragments(phrase: Phrase, recordings: pd.DataFrame, count: int) -> list[Fragment]:
    """Draw what to cut, the same for every phrase of about that length.

    Args:
        phrase: none may contain it, or sound nearly like it.
        recordings: rows of the table `clip`.
        count: at most so many.
    """
    length = len(split_phonemes("".join(phrase.phonemes)))
    there = {
        fragment.key: fragment
        for row in recordings.itertuples()
        for fragment in _fragments_of(row, length)
    }
    drawn = (
        fragment
        for fragment in sorted(there.values(), key=_lot)
        if not contains_phrase(fragment.phonemes, phrase)
        and distance_to_phrase(fragment.phonemes, phrase) >= LEAST_DISTANCE
    )
    return list(islice(drawn, count))


def _lot(fragment: Fragment) -> bytes:
    """Return what a fragment is drawn by: the same for every phrase, so that it is cut once."""
    return hashlib.sha256(f"{fragment.recording} {fragment.text}".encode()).digest()


def _fragments_of(row: Any, length: int) -> Iterator[Fragment]:
    words, readings = row.text_normalised.split(), row.phonemes.split()
    if len(words) != len(readings):
        return
    counts = [len(split_phonemes(reading)) for reading in readings]
    shortest = max(length - LENGTH_LEEWAY, LEAST_PHONEMES)
    longest = max(length, LEAST_PHONEMES) + LENGTH_LEEWAY
    for first in range(len(words)):
        # The whole of it is no fragment: it was said as it stands.
        for stop in range(first + 1, min(first + MOST_WORDS, len(words)) + 1):
            phonemes = sum(counts[first:stop])
            if shortest <= phonemes <= longest and stop - first < len(words):
                text, sound = " ".join(words[first:stop]), " ".join(readings[first:stop])
                yield Fragment(row.sha256, Place(first, stop), text, sound)


def _recordings(phrase: Phrase, store: ClipStore) -> pd.DataFrame:
    """Return what people of the training side said without saying the phrase."""
    wanted = ClipFilter(
        without_sounds=phrase_sounds(phrase.words), min_words=2, engines=[RECORDING]
    )
    rows = store.sample(wanted, limit=MOST_RECORDINGS, seed=RECORDINGS_SEED)
    train = [side_of(split_people(speaker)) is Side.TRAIN for speaker in rows["speaker"]]
    return rows[np.array(train, bool)]


def _known(store: ClipStore) -> dict[tuple[str, str], int]:
    """Return what was cut: recording and text → clip."""
    rows = store.find(engines=[CUT])
    parents = [json.loads(settings)[OF] for settings in rows["settings"]]
    return dict(zip(zip(parents, rows["text_normalised"], strict=True), rows["id"], strict=True))


def _cut(
    plan: FragmentPlan,
    store: ClipStore,
    make_model: Callable[[], AcousticModel],
    workers: int | None,
) -> Iterator[tuple[int, int]]:
    """Cut and store, batch by batch; yields how many recordings are done and what they gave."""

    def cut(
        row: Any, samples: NDArray[np.float32], model: AcousticModel
    ) -> tuple[list[NewClip], list[str]]:
        pieces = [
            Piece(f.place, f.text, f.phonemes, LENGTH_S, MARGIN_S) for f in plan.missing[row.sha256]
        ]
        return cut_pieces(row, samples, pieces, model, LEAST_SPOKEN_SCORE)

    concerned = plan.recordings["sha256"].isin(plan.missing)
    rows: list[Any] = list(plan.recordings[concerned].itertuples())
    before = made = 0
    for done, clips, _ in cut_and_store(rows, cut, store, make_model, workers):
        asked = {f.key for row in rows[before:done] for f in plan.missing[row.sha256]}
        heard = {(str(clip.settings[OF]), clip.text_normalised) for clip in clips}
        store.refuse_cuts(sorted(asked - heard))
        before, made = done, made + len(clips)
        yield done, made
