"""A dataset in, one file out, and back: features that were rendered are not rendered again.

The file is an uncompressed npz without pickles. Its checksums are those of ZIP: a damaged file is
told from a good one while it is read.
"""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from trainer.dataset import Dataset, Examples
from trainer.recipe import from_dict, to_dict
from trainer.render import Scene, Stream
from trainer.scene_recipe import AmbientRecipe, SceneRecipe, SomeRecipe, StreamRecipe
from trainer.split import Side
from watchword_runtime.frontend import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT_VERSION = 2
DATASET_FILE = "dataset.npz"
ABOUT = "about"
KINDS = ("positives", "near", "plain", "alone")
SCENES = frozenset({"positives", "alone"})
"""The others are streams."""
_DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    RuntimeError,
    BadZipFile,
    struct.error,
)
"""What ZIP, npy and JSON raise when bytes are not theirs."""
RECIPES = {kind.__name__: kind for kind in (SceneRecipe, StreamRecipe, AmbientRecipe)}


class DatasetFileError(ValueError):
    """The file cannot be read, or holds another dataset: render anew."""


def dataset_bytes(dataset: Dataset) -> int:
    """Return about how large the file will be."""
    return sum(
        example.features.nbytes
        for _, examples in _sides(dataset)
        for kind in KINDS
        for example in getattr(examples, kind)
    )


def save_dataset(dataset: Dataset, path: Path, made_of: Mapping[str, Any]) -> None:
    """Write aside, then rename.

    Args:
        dataset: what was rendered.
        path: the file; its folder exists.
        made_of: JSON values that tell this dataset from all others.

    Raises:
        OSError: there is no room; nothing is left.
    """
    aside = path.with_name(f"{path.name}.part")
    about = {
        "format_version": FORMAT_VERSION,
        "made_of": made_of,
        "voices": {side.value: count for side, count in dataset.voices.items()},
        "throats": dataset.throats,
    }
    try:
        with ZipFile(aside, "w") as archive:
            _write(archive, ABOUT, _from_json(about))
            for side, examples in _sides(dataset):
                for kind in KINDS:
                    for name, array in _packed(getattr(examples, kind)):
                        _write(archive, f"{side}.{kind}.{name}", array)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def load_dataset(path: Path, made_of: Mapping[str, Any]) -> Dataset:
    """Read what `save_dataset` wrote.

    Raises:
        DatasetFileError: there is no such file, it is damaged, or it was made of something else.
    """
    try:
        with ZipFile(path) as archive:
            about = _to_json(_read(archive, ABOUT))
            _check(about, made_of)
            train, validation = (_examples(archive, side) for side in Side)
            voices = {Side(side): int(count) for side, count in about["voices"].items()}
            return Dataset(train, validation, voices, int(about["throats"]))
    except _DAMAGED as error:
        raise DatasetFileError(f"{path} cannot be used: {error}") from error


def _check(about: Mapping[str, Any], made_of: Mapping[str, Any]) -> None:
    if about["format_version"] != FORMAT_VERSION:
        raise ValueError("it is of another version")
    if about["made_of"] != made_of:
        raise ValueError("it is of another request or of other clips")


def _sides(dataset: Dataset) -> Iterator[tuple[Side, Examples]]:
    yield Side.TRAIN, dataset.train
    yield Side.VALIDATION, dataset.validation


def _packed(examples: Sequence[Scene | Stream]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield arrays that hold all examples, one after the other: a scene has one span, one clip."""
    spans = [
        np.array([[e.start_frame, e.end_frame]]) if isinstance(e, Scene) else e.spans
        for e in examples
    ]
    clip_ids = [np.array([e.clip_id]) if isinstance(e, Scene) else e.clip_ids for e in examples]
    yield "features", _joined(np.zeros((0, CHANNELS), np.float16), (e.features for e in examples))
    yield "frames", np.array([len(e.features) for e in examples], np.int64)
    yield "spans", _joined(np.zeros((0, 2), np.int32), spans)
    yield "clip_ids", _joined(np.zeros(0, np.int64), clip_ids)
    yield "clips", np.array([len(ids) for ids in clip_ids], np.int64)
    yield "recipes", _from_json([_recipe_values(e.recipe) for e in examples])


def _joined(none: NDArray[Any], arrays: Iterable[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([none, *arrays], dtype=none.dtype)


def _examples(archive: ZipFile, side: Side) -> Examples:
    """Read one side; the examples share the memory of what was read."""
    found: dict[str, list[Any]] = {}
    for kind in KINDS:

        def column(name: str, kind: str = kind) -> NDArray[Any]:
            return _read(archive, f"{side}.{kind}.{name}")

        clips = column("clips")
        features = _parts(column("features"), column("frames"))
        spans = _parts(column("spans"), clips)
        clip_ids = _parts(column("clip_ids"), clips)
        recipes = [_recipe(values) for values in _to_json(column("recipes"))]
        rows = zip(features, spans, clip_ids, recipes, strict=True)
        found[kind] = (
            [Scene(f, int(s[0, 0]), int(s[0, 1]), int(ids[0]), r) for f, s, ids, r in rows]
            if kind in SCENES
            else [Stream(*row) for row in rows]
        )
    return Examples(*(tuple(found[kind]) for kind in KINDS))


def _parts(joined: NDArray[Any], lengths: NDArray[Any]) -> list[NDArray[Any]]:
    ends = [0, *np.cumsum(lengths).tolist()]
    if ends[-1] != len(joined):
        raise ValueError(f"{len(joined)} rows where {ends[-1]} should be")
    return [joined[start:end] for start, end in pairwise(ends)]


def _recipe_values(recipe: SomeRecipe | None) -> dict[str, Any] | None:
    return None if recipe is None else {"kind": type(recipe).__name__, "values": to_dict(recipe)}


def _recipe(written: Mapping[str, Any] | None) -> Any:
    return None if written is None else from_dict(RECIPES[written["kind"]], written["values"])


def _from_json(values: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(values).encode(), np.uint8)


def _to_json(array: NDArray[np.uint8]) -> Any:
    return json.loads(array.tobytes())


def _write(archive: ZipFile, name: str, array: NDArray[Any]) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


def _read(archive: ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as member:
        array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
    return array
