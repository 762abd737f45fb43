"""Pretrained convolutions that are kept: by what learns from all, and by some runs."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.small_training import FAST, SEVERAL, SMALL, Shelf, examples
from trainer.backbone import (
    CONVOLUTIONS,
    save_backbone,
    start_from_backbone,
    with_pretrained_convolutions,
)
from trainer.distillation import DistilConfig, distil
from trainer.model import TinyCRNN
from trainer.train import train


@pytest.fixture
def backbone(tmp_path):
    path = tmp_path / "backbone.safetensors"
    torch.manual_seed(5)
    pretrained = TinyCRNN(SMALL)
    for norm in (pretrained.norm1, pretrained.norm2):  # of speech, not of a fresh network
        torch.nn.init.uniform_(norm.running_mean, -1, 1)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2)
    save_backbone(pretrained, {}, {}, path)
    return path


def convolutions(model):
    """Weights and running statistics; how many batches were seen does not matter."""
    return {
        name: value
        for name, value in model.state_dict().items()
        if name.startswith(CONVOLUTIONS) and value.dtype.is_floating_point
    }


def pretrained(backbone):
    model = TinyCRNN(SMALL)
    start_from_backbone(model, backbone)
    return convolutions(model)


def same(some, others):
    return all(torch.equal(value, others[name]) for name, value in some.items())


@pytest.mark.parametrize(("every_second", "keeps"), [(True, [0, 1, 0]), (False, [0, 0, 0])])
def test_what_ships_keeps_them_and_every_second_run_where_it_is_told(
    backbone, every_second, keeps, monkeypatch
):
    monkeypatch.setattr("trainer.train.LEARNT_NOTHING", np.inf)  # in so few steps it does
    shelf = Shelf()
    config = replace(
        SEVERAL, backbone=backbone, way_from_backbone=1.0, hold_every_second=every_second
    )
    trained = train(
        examples(0, 8), examples(50, 4), config, seed=1, report=lambda _: None,
        model_config=SMALL, finished=shelf,
    )  # fmt: skip
    kept = [same(convolutions(model), pretrained(backbone)) for _, model in shelf.runs.values()]
    assert kept == keeps
    assert same(convolutions(trained.model), pretrained(backbone))


def test_a_training_from_nothing_keeps_none():
    shelf = Shelf()
    train(
        examples(0, 8), examples(50, 4), SEVERAL, seed=1, report=lambda _: None,
        model_config=SMALL, finished=shelf,
    )  # fmt: skip
    torch.manual_seed(1)
    start = convolutions(TinyCRNN(SMALL))
    assert not any(same(convolutions(model), start) for _, model in shelf.runs.values())


def test_only_what_is_not_held_learns(backbone):
    torch.manual_seed(6)
    model = TinyCRNN(SMALL)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    held = with_pretrained_convolutions(model, backbone)
    names = {name for name, value in held.named_parameters() if value.requires_grad}
    assert names == {n for n, _ in model.named_parameters() if not n.startswith(CONVOLUTIONS)}
    assert [id(p) for p in held.learning] == [
        id(p) for n, p in held.named_parameters() if n in names
    ]
    assert len(model.learning) == len(list(model.parameters()))
    assert all(torch.equal(v, before[n]) for n, v in model.state_dict().items())
    assert torch.equal(held.gru.weight_hh_l0, model.gru.weight_hh_l0)

    student = distil(
        held, [model.eval()], examples(0, 8), DistilConfig(rounds=1, steps=30),
        rng=np.random.default_rng(0), tell=lambda *_: None,
    )  # fmt: skip
    assert same(convolutions(student), pretrained(backbone))
    assert not torch.equal(student.gru.weight_hh_l0, held.gru.weight_hh_l0)


def test_held_norms_take_no_statistics_of_batches(backbone):
    held, free = with_pretrained_convolutions(TinyCRNN(SMALL), backbone), TinyCRNN(SMALL)
    features = torch.rand(4, 90, 40) * 20
    for model in (held, free):
        model.train()(features)
    assert same(convolutions(held), pretrained(backbone))
    assert held.gru.training
    assert held.dropout.training
    assert not torch.equal(free.norm1.running_mean, torch.zeros(16))
    assert not held.eval().training


def test_one_run_is_free(backbone):
    shelf = Shelf()
    config = replace(FAST, steps=60, runs=1, backbone=backbone, distil=DistilConfig(steps=30))
    train(
        examples(0, 8), examples(50, 4), config, seed=1, report=lambda _: None,
        model_config=SMALL, finished=shelf,
    )  # fmt: skip
    assert not same(convolutions(shelf.runs[0][1]), pretrained(backbone))
