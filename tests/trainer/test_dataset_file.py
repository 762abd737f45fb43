"""A dataset and a corpus come back from their files as they were, or not at all."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from db.clips import ClipStore
from db.connection import open_database
from trainer.corpus import BucketClips, Corpus, Pace
from trainer.corpus_file import CorpusFileError, load_corpus, save_corpus
from trainer.dataset import Dataset, Examples
from trainer.dataset_file import DatasetFileError, dataset_bytes, load_dataset, save_dataset
from trainer.phrases import Bucket
from trainer.recipe import Palette
from trainer.render import Scene, Stream
from trainer.scene_recipe import draw_ambient, draw_scene, draw_stream
from trainer.split import Side

MADE_OF = {"request": {"phrase": "smart mirror", "engines": ["flite"]}, "seed": 0}
PALETTE = Palette(rooms=("small", "large"), measured=("measured:hall",), babble=True)


def features(rng, frames):
    return rng.uniform(0, 26, (frames, 40)).astype(np.float16)


def scene(rng, clip_id):
    recipe = draw_scene(rng, PALETTE, bystanders=9, boundaries=2)
    frames = int(rng.integers(200, 700))
    return Scene(features(rng, frames), frames // 3, frames // 2, clip_id, recipe)


def stream(rng, clips):
    spans = np.sort(rng.integers(0, 900, 2 * clips)).reshape(-1, 2).astype(np.int32)
    ids = rng.integers(1, 2**40, clips)
    return Stream(features(rng, 900), spans, ids, draw_stream(rng, PALETTE, clips))


def silence(rng):
    nothing = np.zeros((0, 2), np.int32), np.zeros(0, np.int64)
    return Stream(features(rng, 300), *nothing, draw_ambient(rng, PALETTE, 3.0))


@pytest.fixture
def dataset():
    """Every kind of recipe, none, streams of several lengths, and a side without near-misses."""
    rng = np.random.default_rng(0)
    bare = Scene(features(rng, 50), 10, 40, 2**40)
    scenes = (*(scene(rng, n) for n in range(30)), bare)
    streams = (stream(rng, 8), stream(rng, 3)), (stream(rng, 8), silence(rng))
    train = Examples(scenes, *streams, (scene(rng, 40), scene(rng, 41)))
    validation = Examples((scene(rng, 5),), (), (silence(rng),))
    return Dataset(train, validation, {Side.TRAIN: 7, Side.VALIDATION: 2}, 19)


def assert_equal(found, expected):
    """Compare every field, also those that somebody adds later, with its types."""
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)
    elif isinstance(expected, (Dataset, Examples, Scene, Stream)):
        for field in dataclasses.fields(expected):
            assert_equal(getattr(found, field.name), getattr(expected, field.name))
    elif isinstance(expected, tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other)
    else:
        assert found == expected


def test_a_dataset_comes_back_with_every_field(dataset, tmp_path):
    path = tmp_path / "dataset.npz"
    save_dataset(dataset, path, MADE_OF)
    found = load_dataset(path, MADE_OF)
    assert_equal(found, dataset)
    assert all(isinstance(side, Side) for side in found.voices)
    assert dataset_bytes(dataset) <= path.stat().st_size <= 1.5 * dataset_bytes(dataset)
    assert [p.name for p in tmp_path.iterdir()] == ["dataset.npz"]


def test_the_file_is_an_npz_without_pickles(dataset, tmp_path):
    save_dataset(dataset, tmp_path / "dataset.npz", MADE_OF)
    with np.load(tmp_path / "dataset.npz", allow_pickle=False) as stored:
        assert stored["train.positives.features"].dtype == np.float16
        assert all(stored[name].dtype != object for name in stored.files)


@pytest.mark.parametrize("where", np.linspace(0.001, 0.999, 9).tolist())
def test_a_byte_that_changed_is_noticed_or_means_nothing(dataset, tmp_path, where):
    path = tmp_path / "dataset.npz"
    save_dataset(dataset, path, MADE_OF)
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= 0xFF
    path.write_bytes(content)
    try:
        found = load_dataset(path, MADE_OF)
    except DatasetFileError as error:
        assert "cannot be used" in str(error)  # noqa: PT017 - a date of the archive is no error
    else:
        assert where > 0.99  # the archive's list of names, behind all features
        assert_equal(found, dataset)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no features at all"])
def test_something_else_is_no_dataset(tmp_path, content):
    (tmp_path / "dataset.npz").write_bytes(content)
    with pytest.raises(DatasetFileError, match="cannot be used"):
        load_dataset(tmp_path / "dataset.npz", MADE_OF)


def test_half_a_file_and_no_file_are_noticed(dataset, tmp_path):
    path = tmp_path / "dataset.npz"
    with pytest.raises(DatasetFileError):
        load_dataset(path, MADE_OF)
    save_dataset(dataset, path, MADE_OF)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DatasetFileError):
        load_dataset(path, MADE_OF)


def test_a_dataset_of_something_else_is_refused(dataset, tmp_path):
    path = tmp_path / "dataset.npz"
    save_dataset(dataset, path, MADE_OF)
    with pytest.raises(DatasetFileError, match="of another request"):
        load_dataset(path, MADE_OF | {"seed": 1})


def test_a_disk_that_is_full_leaves_nothing(dataset, tmp_path, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OSError, match="No space"):
        save_dataset(dataset, tmp_path / "dataset.npz", MADE_OF)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def store(tmp_path):
    with closing(open_database(f"sqlite:///{tmp_path}/test.sqlite3")) as connection:
        store = ClipStore(connection, tmp_path / "clips")
        rng = np.random.default_rng(0)
        for number in range(6):
            store.add(
                rng.integers(-999, 999, 1600).astype(np.int16), 16_000, text=f"text {number}",
                text_normalised=f"text {number}", phonemes="", engine="flite", voice="slt",
                speaker="flite:slt", settings={"number": number}, source="synthetic", licence="MIT",
            )  # fmt: skip
        yield store


@pytest.fixture
def corpus(store):
    clips = store.find().iloc[::-1]  # an order of its own
    return Corpus(
        {
            Bucket.POSITIVE: BucketClips(clips.iloc[:4].reset_index(drop=True), 3, 1, 2, 1.5),
            Bucket.PLAIN: BucketClips(clips.iloc[4:].reset_index(drop=True), 2, 0, 0, 0.0),
        },
        {"flite": Pace(3.5, 1.25)},
        {"flite/slt": 2},
        {"kokoro": "no model"},
    )


def test_a_corpus_comes_back_with_its_rows_in_order(corpus, store, tmp_path):
    path = tmp_path / "corpus.json"
    save_corpus(corpus, path, MADE_OF)
    found = load_corpus(path, store, MADE_OF)
    for bucket, expected in corpus.buckets.items():
        pd.testing.assert_frame_equal(found.buckets[bucket].clips, expected.clips)
    assert found.to_dict() == corpus.to_dict()
    assert (found.paces, found.rejections) == (corpus.paces, corpus.rejections)


def test_a_corpus_whose_clips_were_deleted_is_refused(corpus, store, tmp_path):
    save_corpus(corpus, tmp_path / "corpus.json", MADE_OF)
    store.delete([3])
    with pytest.raises(CorpusFileError, match="1 of its clips were deleted"):
        load_corpus(tmp_path / "corpus.json", store, MADE_OF)


@pytest.mark.parametrize("written", ["", "[]", "{}", '{"format_version": 1}', '{"format_version":'])
def test_a_damaged_corpus_is_refused(store, tmp_path, written):
    (tmp_path / "corpus.json").write_text(written)
    with pytest.raises(CorpusFileError, match="cannot be used"):
        load_corpus(tmp_path / "corpus.json", store, MADE_OF)


def test_a_corpus_of_another_request_or_version_is_refused(corpus, store, tmp_path):
    path = tmp_path / "corpus.json"
    save_corpus(corpus, path, MADE_OF)
    with pytest.raises(CorpusFileError, match="of another request"):
        load_corpus(path, store, MADE_OF | {"seed": 1})
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 0}))
    with pytest.raises(CorpusFileError, match="of another version"):
        load_corpus(path, store, MADE_OF)
