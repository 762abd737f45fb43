"""Runs that learn at the same time, in processes of their own."""

import os
from dataclasses import dataclass, replace

import pytest
import torch

from tests.trainer.small_training import SEVERAL, SMALL, Shelf, examples
from trainer import side_by_side, train
from trainer.progress import CancelledError
from trainer.side_by_side import places

QUICK = replace(SEVERAL, steps=40)


@dataclass(frozen=True)
class Source:
    """Makes the examples again; a process that is told to die does so when it asks for them."""

    dies: bool = False

    def __call__(self):
        if self.dies:
            os._exit(9)
        return examples(0, 12), examples(50, 6)


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def learn(seen, source=None, shelf=None, stop_at=None):
    def report(progress):
        seen.append((progress.fraction, progress.metrics.get("step", 0)))
        if stop_at and progress.fraction >= stop_at:
            raise CancelledError("enough")

    return train.train(
        *Source()(), QUICK, seed=0, report=report, model_config=SMALL,
        finished=shelf or Shelf(), source=source,
    )  # fmt: skip


@pytest.fixture(scope="module")
def alone():
    """What is learnt one run after the other, and what was reported."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    seen = []
    yield learn(seen), seen
    torch.set_num_threads(threads)


def same(one, other):
    return all(
        torch.equal(value, other.model.state_dict()[name])
        for name, value in one.model.state_dict().items()
    )


def test_runs_side_by_side_give_what_they_give_one_after_the_other(two_cores, alone):
    together, shelf = [], Shelf()
    assert same(learn(together, Source(), shelf), alone[0])
    assert set(shelf.runs) == {0, 1, 2}
    fractions = [fraction for fraction, _ in together]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert {step for _, step in together} == {step for _, step in alone[1]}


def test_who_stops_it_stops_every_process_and_finished_runs_stay(two_cores, alone, monkeypatch):
    shelf = Shelf()
    with pytest.raises(CancelledError):
        learn([], Source(), shelf, stop_at=0.1)
    assert not shelf.runs
    with pytest.raises(CancelledError):
        learn([], Source(), shelf, stop_at=0.6)  # the third run, which has no company
    assert set(shelf.runs) == {0, 1}
    monkeypatch.setattr(train, "side_by_side", None)  # one run is left: there is no company
    assert same(learn([], Source(), shelf), alone[0])


def test_what_a_dead_process_leaves_is_trained_without_company(two_cores, alone, caplog):
    assert same(learn([], Source(dies=True)), alone[0])
    assert "process that trained was ended" in caplog.text


@pytest.mark.parametrize(
    ("cores", "free", "runs", "expected"),
    [
        (2, 1 << 40, 3, 2),
        (8, 1 << 40, 3, 3),
        (8, 2_000_000_000, 3, 2),
        (8, 10, 3, 1),
        (1, 1 << 40, 3, 1),
    ],
)
def test_there_are_no_more_than_cores_runs_and_memory_allow(
    monkeypatch, cores, free, runs, expected
):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(side_by_side, "_free_memory", lambda: free)
    assert places(*Source()(), runs) == expected
