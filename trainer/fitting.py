"""A phrase and its texts in, the clips of the database that fit each bucket out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from db.clip_search import ClipFilter
from trainer.cutting import MARGIN_S
from trainer.hearing import phrase_sounds
from trainer.listening import SPAN_S, why_deaf
from trainer.phrases import Bucket, Phrase, PhraseText, bucket_texts, normalise_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from db.clips import ClipStore
    from trainer.presets import Preset

TEXT_SEED = 0
"""Texts are the same for every run of a phrase, so that a run finds the clips of the last one."""
SYNTHETIC = "synthetic"
"""The `source` of clips that a speech engine made."""
RECORDED = "recording"
"""The `engine` of what people said, and of no synthesiser."""
MIN_PLAIN_WORDS = 4
"""Shorter texts are other phrases' material; they help as negatives but do not count as plain."""


def planned_texts(
    phrase: Phrase, preset: Preset, buckets: Iterable[Bucket] = Bucket
) -> dict[Bucket, list[PhraseText]]:
    """Return the texts that a preset wants spoken for each bucket.

    Where nothing can be listened to, the phrase is only said alone: nobody could say where in a
    sentence it is.
    """
    texts = {
        bucket: bucket_texts(phrase, bucket, getattr(preset, bucket.value).texts, TEXT_SEED)
        for bucket in buckets
    }
    if Bucket.POSITIVE in texts and why_deaf():
        texts[Bucket.POSITIVE] = [t for t in texts[Bucket.POSITIVE] if t.stands_alone]
    return texts


class Finder:
    """Finds the clips that fit a bucket of one phrase."""

    def __init__(
        self,
        store: ClipStore,
        phrase: Phrase,
        texts: Mapping[Bucket, Sequence[PhraseText]],
        plain_target: int,
    ) -> None:
        self._store = store
        self._phrase = phrase
        self._texts = texts
        self._plain_target = plain_target

    def find(self, bucket: Bucket, seed: int) -> pd.DataFrame:
        """Return the clips that fit; of plain ones as many as are wanted, of each kind.

        They come in the order of their hashes: the processes that speak hand their clips over as
        they get ready, so an order by age would make every training another one.

        What a detector of the phrase took for it is a confuser, whatever it is.
        """
        if bucket is Bucket.PLAIN:
            # People count apart: what they said never stands in for voices, nor voices for them.
            return pd.concat(
                [
                    self._store.sample(self.plain(engines, sources), limit=limit, seed=seed)
                    for engines, sources, limit in (
                        ((RECORDED,), None, self._plain_target),
                        (None, (SYNTHETIC,), 2 * self._plain_target),
                    )
                ],
                ignore_index=True,
            )
        clips = self._store.find(texts=_normalised(self._texts[bucket]))
        if bucket is Bucket.POSITIVE:
            clips = clips[self._shows_the_phrase(clips)]
        elif bucket is Bucket.CONFUSER:
            wrong = self._store.false_wakes(normalise_text(self._phrase.text))
            clips = clips if wrong.empty else pd.concat([clips, wrong])
        return clips.sort_values("sha256", ignore_index=True)

    def count(self, bucket: Bucket) -> int:
        """Return how many clips a bucket has towards its target."""
        if bucket is Bucket.PLAIN:
            return self._store.count(self.plain(None, (SYNTHETIC,)))
        return len(self.find(bucket, seed=0))

    def plain(self, engines: tuple[str, ...] | None, sources: tuple[str, ...] | None) -> ClipFilter:
        """Return what a plain clip is like, of these engines and sources."""
        near = [t for b in (Bucket.CONFUSER, Bucket.IN_BETWEEN) for t in self._texts[b]]
        return ClipFilter(
            without_sounds=phrase_sounds(self._phrase.words),
            except_texts=_normalised(near),
            min_words=MIN_PLAIN_WORDS,
            engines=engines,
            sources=sources,
        )

    def _shows_the_phrase(self, clips: pd.DataFrame) -> pd.Series:
        """Whether a clip is the phrase and nothing else, or says where the phrase is."""
        alone = {
            normalise_text(text.text) for text in self._texts[Bucket.POSITIVE] if text.stands_alone
        } | {normalise_text(self._phrase.text)}
        known = pd.Series(
            [
                span_of(settings, seconds) is not None
                for settings, seconds in zip(clips["settings"], clips["seconds"], strict=True)
            ],
            index=clips.index,
            dtype=bool,
        )
        return clips["text_normalised"].isin(alone) | known


def span_of(settings: str, seconds: float) -> tuple[float, float] | None:
    """Return where the phrase is in a clip that has more, in seconds; None where it has not.

    Args:
        settings: of the clip: a synthesised sentence says where the phrase is, a cut how much it
            has on either side.
        seconds: length of the clip.
    """
    said = json.loads(settings)
    if SPAN_S in said:
        start, end = said[SPAN_S]
    elif MARGIN_S in said:
        before, after = said[MARGIN_S]
        start, end = before, seconds - after
    else:
        return None
    return float(start), float(end)


def _normalised(texts: Sequence[PhraseText]) -> list[str]:
    return sorted({normalise_text(text.text) for text in texts})
