"""A phrase and a preset come in, what the database holds for each bucket goes out, unchanged."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from db.clip_search import ClipFilter
from trainer.fitting import RECORDED, SYNTHETIC, Finder, planned_texts
from trainer.phrases import Bucket

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from db.clips import ClipStore
    from trainer.phrases import Phrase
    from trainer.presets import BucketPlan, Preset


@dataclass(frozen=True)
class BucketStock:
    """What there is for one bucket, and what a training would add."""

    bucket: Bucket
    clips: int
    hours: float
    speakers: int
    """Whoever is really behind the voices; a blend of two is one more."""
    engines: dict[str, int]
    """Clips by engine, most first."""
    licences: dict[str, int]
    target: int | None
    """How many the preset wants; None for what nobody can make: recordings of people."""
    growth: int | None
    """New clips in each training, even when the target is met."""
    to_make: int | None
    """max(growth, target − clips): what the next training will synthesise."""

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return asdict(self) | {"bucket": self.bucket.value, "hours": round(self.hours, 3)}


def stock(phrase: Phrase, preset: Preset, store: ClipStore) -> list[BucketStock]:
    """Return what the database holds for each bucket; plain recordings of people come last."""
    plans: dict[Bucket, BucketPlan] = {b: getattr(preset, b.value) for b in Bucket}
    texts = planned_texts(phrase, preset, [b for b in Bucket if b is not Bucket.PLAIN])
    finder = Finder(store, phrase, texts, preset.plain.texts * preset.plain.clips_per_text)
    found = [
        _of_clips(bucket, finder.find(bucket, seed=0), plans[bucket])
        for bucket in Bucket
        if bucket is not Bucket.PLAIN
    ]
    for engines, sources, plan in (
        (None, (SYNTHETIC,), plans[Bucket.PLAIN]),
        ((RECORDED,), None, None),
    ):
        wanted = finder.plain(engines, sources)
        total = store.totals(wanted).iloc[0]
        found.append(
            _stock(
                Bucket.PLAIN,
                (int(total.clips), float(total.hours), int(total.speakers)),
                _counted(store.totals(wanted, by=["engine"]).itertuples(index=False)),
                _counted(store.totals(wanted, by=["licence"]).itertuples(index=False)),
                plan,
            )
        )
    return found


def bucket_filters(phrase: Phrase, preset: Preset, store: ClipStore) -> dict[Bucket, ClipFilter]:
    """Return for each bucket which clips of the database fit it."""
    texts = planned_texts(phrase, preset, [b for b in Bucket if b is not Bucket.PLAIN])
    finder = Finder(store, phrase, texts, preset.plain.texts * preset.plain.clips_per_text)
    filters = {b: ClipFilter(ids=finder.find(b, seed=0)["id"].tolist()) for b in texts}
    return filters | {Bucket.PLAIN: finder.plain(None, None)}


def _of_clips(bucket: Bucket, clips: pd.DataFrame, plan: BucketPlan) -> BucketStock:
    return _stock(
        bucket,
        (len(clips), float(clips["seconds"].sum()) / 3600, int(clips["speaker"].nunique())),
        _counted(clips["engine"].value_counts().items()),
        _counted(clips["licence"].value_counts().items()),
        plan,
    )


def _counted(rows: Iterable[tuple[object, ...]]) -> dict[str, int]:
    return {str(name): int(str(count)) for name, count, *_ in rows}


def _stock(
    bucket: Bucket,
    amount: tuple[int, float, int],
    engines: dict[str, int],
    licences: dict[str, int],
    plan: BucketPlan | None,
) -> BucketStock:
    clips, hours, speakers = amount
    target = None if plan is None else plan.texts * plan.clips_per_text
    return BucketStock(
        bucket=bucket,
        clips=clips,
        hours=hours,
        speakers=speakers,
        engines=engines,
        licences=licences,
        target=target,
        growth=None if plan is None else plan.growth,
        to_make=None if plan is None or target is None else max(plan.growth, target - clips),
    )
