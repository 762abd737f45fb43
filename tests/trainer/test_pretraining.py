"""Phoneme labels, material in shards, a training that can be stopped, weights to start from."""

import numpy as np
import pytest
import torch

from db.clips import ClipStore
from db.connection import open_database
from trainer.backbone import (
    ENCODER_LAYERS,
    BackboneError,
    read_card,
    save_backbone,
    start_from_backbone,
)
from trainer.model import TinyCRNN, TinyCRNNConfig
from trainer.pretraining import material
from trainer.pretraining.labels import BLANK, CLASSES, edits, frames_needed, greedy, labels_of
from trainer.pretraining.material import Passage, render_material, transcribed
from trainer.pretraining.phoneme_training import (
    PhonemeNetwork,
    PhonemeTrainingConfig,
    phoneme_error_rate,
    train_phonemes,
)
from trainer.progress import CancelledError, silent
from trainer.split import Side

SMALL = TinyCRNNConfig(conv_channels=8, hidden=8, head=4)


def test_labels_leave_out_stress_and_punctuation():
    assert labels_of("smˈɑɹt, mˈɪɹəɹ!").tolist() == labels_of("smɑɹt mɪɹəɹ").tolist()
    assert BLANK not in labels_of("smɑɹt")
    assert labels_of("smɑɹt").max() < CLASSES


def test_equal_neighbours_need_a_blank_between():
    assert frames_needed(labels_of("bʊkkA")) == 6
    assert frames_needed(labels_of("bʊkA")) == 4


def test_greedy_decoding_joins_repeats_and_drops_blanks():
    path = [0, 3, 3, 0, 3, 5, 5, 0]
    logs = np.full((len(path), CLASSES), -9.0, np.float32)
    logs[np.arange(len(path)), path] = 0.0
    assert greedy(logs) == [3, 3, 5]


@pytest.mark.parametrize(
    ("said", "heard", "count"),
    [([1, 2, 3], [1, 2, 3], 0), ([1, 2, 3], [1, 3], 1), ([1, 2], [3, 4, 5], 3), ([], [1], 1)],
)
def test_edits_are_the_fewest(said, heard, count):
    assert edits(said, heard) == count
    assert edits(heard, said) == count


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("material")
    connection = open_database(f"sqlite:///{folder}/clips.sqlite3")
    store = ClipStore(connection, folder / "clips")
    rng = np.random.default_rng(0)
    for number in range(24):
        store.add(
            (rng.normal(size=16_000) * 0.1).astype(np.float32), 16_000,
            text="one two", text_normalised="one two", phonemes="" if number == 0 else "wˈʌn tˈu",
            engine="recording", voice=f"v{number}", speaker=f"test:v{number}",
            settings={}, source="test", licence="CC0-1.0",
        )  # fmt: skip
    yield store
    connection.close()


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(material, "STREAMS_PER_SHARD", 2)


def _render(store, shards, report=silent):
    return render_material(
        transcribed(store.find()), store.folder, shards,
        variants=2, rooms=2, seed=0, report=report, workers=1,
    )  # fmt: skip


def test_what_has_no_reading_is_no_material(store):
    assert len(transcribed(store.find())) == 23


def test_a_stopped_rendering_goes_on_and_gives_the_same(store, tmp_path, small_shards):
    whole = _render(store, tmp_path / "whole")

    def stop(progress):
        if progress.fraction > 0.3:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        _render(store, tmp_path / "halves", stop)
    finished = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "halves").glob("*.npz")}
    assert finished
    again = _render(store, tmp_path / "halves")
    assert all((tmp_path / "halves" / n).stat().st_mtime_ns == t for n, t in finished.items())
    assert not list((tmp_path / "halves").glob("*.part"))
    for side in Side:
        assert len(whole[side]) == len(again[side]) > 0
        for one, other in zip(whole[side], again[side], strict=True):
            assert np.array_equal(one.features, other.features)
            assert one.labels.tolist() == labels_of("wʌn tu").tolist()


def _passages(count, seed):
    """Each label is a band of channels, so there is something to learn."""
    rng = np.random.default_rng(seed)
    passages = []
    for _ in range(count):
        labels = rng.integers(1, 5, size=4)
        features = rng.normal(4, 0.3, (90, 40)).astype(np.float16)
        for place, label in enumerate(labels):
            features[12 + 18 * place : 24 + 18 * place, label * 8 : label * 8 + 8] += 12
        passages.append(Passage(features, labels.astype(np.int64)))
    return passages


CONFIG = PhonemeTrainingConfig(
    steps=300, batch=8, learning_rate=2e-2, dropout=0.0, average_decay=0.9,
    masks=0, save_every=100, judge_every=150,
)  # fmt: skip


def test_a_network_learns_what_there_is_to_hear(tmp_path):
    train, held_out = _passages(64, 1), _passages(16, 2)
    network, rate = train_phonemes(
        train, held_out, CONFIG, tmp_path, seed=0, report=silent,
        model_config=TinyCRNNConfig(conv_channels=24, hidden=24, head=4),
    )  # fmt: skip
    untrained = PhonemeNetwork(SMALL)
    assert rate < 0.35
    assert rate == phoneme_error_rate(network, held_out)
    assert phoneme_error_rate(untrained, held_out) > 0.7


def test_a_stopped_training_goes_on_and_gives_the_same(tmp_path):
    train, held_out = _passages(32, 1), _passages(8, 2)

    def run(work, report=silent):
        return train_phonemes(
            train, held_out, CONFIG, work, seed=3, report=report, model_config=SMALL
        )[0].state_dict()

    def stop(progress):
        if progress.fraction > 0.5:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        run(tmp_path / "halves", stop)
    whole, again = run(tmp_path / "whole"), run(tmp_path / "halves")
    assert all(torch.equal(whole[name], again[name]) for name in whole)


@pytest.fixture
def backbone(tmp_path):
    network = PhonemeNetwork(SMALL)
    path = tmp_path / "backbone.safetensors"
    save_backbone(network.encoder, network.phonemes.state_dict(), {"seed": 7}, path)
    return path, network


def test_a_detector_takes_the_encoder_and_keeps_its_head(backbone):
    path, network = backbone
    model = TinyCRNN(SMALL)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    start_from_backbone(model, path)
    for name, value in model.state_dict().items():
        wanted = network.encoder.state_dict() if name.startswith(ENCODER_LAYERS) else before
        assert torch.equal(value, wanted[name]), name
    assert read_card(path) == {"seed": 7}


def test_weights_of_another_shape_are_refused(backbone):
    with pytest.raises(BackboneError, match="shape"):
        start_from_backbone(
            TinyCRNN(TinyCRNNConfig(conv_channels=16, hidden=8, head=4)), backbone[0]
        )


@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_damaged_weights_are_named(backbone, damage):
    path, _ = backbone
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:200])
    else:
        from safetensors.torch import save_file

        save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(BackboneError, match=path.name):
        read_card(path)
