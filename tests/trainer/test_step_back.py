"""The step back to the pretrained weights: what moves, what stays, and that trainings take it."""

from dataclasses import replace

import pytest
import torch

from tests.trainer.small_training import FAST, SMALL, examples
from trainer.backbone import ENCODER_LAYERS, save_backbone, start_from_backbone, step_back
from trainer.model import TinyCRNN
from trainer.presets import QUICK
from trainer.train import TrainConfig, train


@pytest.fixture
def backbone(tmp_path):
    path = tmp_path / "backbone.safetensors"
    torch.manual_seed(5)
    save_backbone(TinyCRNN(SMALL), {}, {}, path)
    return path


def encoder(model):
    return {n: v for n, v in model.state_dict().items() if n.startswith(ENCODER_LAYERS)}


def test_the_encoder_goes_a_share_of_the_way_and_the_head_stays(backbone):
    torch.manual_seed(6)
    trained, start = TinyCRNN(SMALL).eval(), TinyCRNN(SMALL)
    start_from_backbone(start, backbone)
    before = {name: value.clone() for name, value in trained.state_dict().items()}

    nearer = step_back(trained, 0.75, backbone)

    for name, value in nearer.state_dict().items():
        wanted = before[name]
        if name.startswith(ENCODER_LAYERS) and wanted.dtype.is_floating_point:
            wanted = 0.75 * wanted + 0.25 * start.state_dict()[name]
        torch.testing.assert_close(value, wanted)
    assert not nearer.training
    assert all(torch.equal(v, before[n]) for n, v in trained.state_dict().items())


def test_a_training_ends_with_it(backbone):
    def encoder_after(way):
        config = replace(FAST, steps=60, backbone=backbone, way_from_backbone=way)
        trained = train(
            examples(0, 8), examples(50, 4), config, seed=1, report=lambda _: None,
            model_config=SMALL,
        )  # fmt: skip
        return encoder(trained.model)

    start = TinyCRNN(SMALL)
    start_from_backbone(start, backbone)
    whole, half, none = encoder_after(1.0), encoder_after(0.5), encoder_after(0.0)
    for name, value in encoder(start).items():
        if value.dtype.is_floating_point:
            torch.testing.assert_close(none[name], value)
            torch.testing.assert_close(half[name], (whole[name] + value) / 2)
    assert any(not torch.equal(whole[name], value) for name, value in encoder(start).items())


def test_with_people_less_is_taken_back():
    alone, with_people = TrainConfig.of(QUICK), TrainConfig.of(QUICK, people=True)
    assert 0 < alone.way_from_backbone < with_people.way_from_backbone < 1
    assert alone.hold_every_second
    assert not with_people.hold_every_second
    way = alone.way_from_backbone
    assert replace(with_people, way_from_backbone=way, hold_every_second=True) == alone
