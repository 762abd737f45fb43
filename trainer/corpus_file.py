"""A corpus in, one small file out, and back: which clips a training takes, and what they cost.

The clips themselves are in the database; the file names them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from db.clip_search import ClipFilter
from trainer.corpus import BucketClips, Corpus, Pace
from trainer.phrases import Bucket

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from db.clips import ClipStore

FORMAT_VERSION = 1
CORPUS_FILE = "corpus.json"


class CorpusFileError(ValueError):
    """The file cannot be read, is of another corpus, or its clips are gone: gather anew."""


def save_corpus(corpus: Corpus, path: Path, made_of: Mapping[str, Any]) -> None:
    """Write aside, then rename.

    Args:
        corpus: what was gathered.
        path: the file; its folder exists.
        made_of: JSON values that tell this corpus from all others.
    """
    values = {
        "format_version": FORMAT_VERSION,
        "made_of": made_of,
        "buckets": {
            bucket.value: {
                "ids": clip_ids(clips.clips),
                "reused": clips.reused,
                "generated": clips.generated,
                "rejected": clips.rejected,
                "spent_s": clips.spent_s,
            }
            for bucket, clips in corpus.buckets.items()
        },
        "paces": {engine: vars(pace) for engine, pace in corpus.paces.items()},
        "rejections": dict(corpus.rejections),
        "missing_engines": dict(corpus.missing_engines),
    }
    aside = path.with_name(f"{path.name}.part")
    aside.write_text(json.dumps(values), encoding="utf-8")
    aside.replace(path)


def load_corpus(path: Path, store: ClipStore, made_of: Mapping[str, Any]) -> Corpus:
    """Read what `save_corpus` wrote.

    Raises:
        CorpusFileError: there is no such file, it is damaged, it was made of something else, or
            clips of it were deleted.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        _check(values, made_of)
        return Corpus(
            {
                Bucket(bucket): BucketClips(_rows(store, known.pop("ids")), **known)
                for bucket, known in values["buckets"].items()
            },
            {engine: Pace(**pace) for engine, pace in values["paces"].items()},
            values["rejections"],
            values["missing_engines"],
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CorpusFileError(f"{path} cannot be used: {error}") from error


def clip_ids(clips: pd.DataFrame) -> list[int]:
    """Return the database ids of clips, in their order."""
    return [int(clip_id) for clip_id in clips["id"]]


def _check(values: Mapping[str, Any], made_of: Mapping[str, Any]) -> None:
    if values["format_version"] != FORMAT_VERSION:
        raise ValueError("it is of another version")
    if values["made_of"] != made_of:
        raise ValueError("it is of another request")


def _rows(store: ClipStore, ids: list[int]) -> pd.DataFrame:
    """Return the rows of these clips, in this order."""
    rows = store.select(ClipFilter(ids=ids)).set_index("id", drop=False)
    gone = len(set(ids) - set(rows.index))
    if gone:
        raise ValueError(f"{gone} of its clips were deleted")
    return rows.loc[ids].reset_index(drop=True)
