"""Small made-up features: what a mean of networks is, and that one network learns it."""

import time
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from trainer import distillation
from trainer.dataset import Examples
from trainer.distillation import DistilConfig, distil, draw_batches, mean_logits
from trainer.feature_noise import FeatureNoise
from trainer.feature_warp import shift_channels
from trainer.model import TinyCRNN, TinyCRNNConfig
from trainer.progress import CancelledError
from trainer.render import Scene, Stream
from trainer.side_threads import side_threads
from trainer.validation import batch_logits

SMALL = TinyCRNNConfig(conv_channels=16, hidden=16, head=8, dropout=0.0)
NOTHING = np.zeros((0, 2), np.int32), np.zeros(0, np.int64)
"""Spans and ids of a stream without clips."""
NO_NOISE = FeatureNoise(share=0.0)
QUICK = DistilConfig(
    rounds=1, steps=80, most_for_others=8.0, halved=0.0, batch_frames=2000, mask_share=0.0,
    noise=NO_NOISE,
)  # fmt: skip


def network(seed, *, scale=20.0):
    """A network that says something loud about noise."""
    torch.manual_seed(seed)
    model = TinyCRNN(SMALL)
    with torch.no_grad():
        model.head2.weight *= scale
    return model.eval()


@pytest.fixture
def examples():
    rng = np.random.default_rng(0)

    def features(count):
        return rng.uniform(0, 20, (count, 40)).astype(np.float16)

    return Examples(
        tuple(Scene(features(300), 100, 150, n) for n in range(6)),
        tuple(Stream(features(450), *NOTHING) for _ in range(3)),
        tuple(Stream(features(700), *NOTHING) for _ in range(4)),
    )


@pytest.fixture
def threads():
    with side_threads() as threads:
        yield threads


def test_the_mean_of_logits_is_limited(examples, threads):
    streams = [scene.features for scene in examples.positives]
    teachers = [network(1), network(2)]
    one, two = (batch_logits(teacher, streams) for teacher in teachers)
    mean = mean_logits(teachers, streams, (0.0,), 100.0, threads)
    np.testing.assert_allclose(mean[3], (one[3] + two[3]) / 2, rtol=1e-5)
    limited = mean_logits(teachers, streams, (0.0,), 0.5, threads)
    assert max(np.abs(logits).max() for logits in limited) == 0.5


def test_the_mean_is_over_throats_too_however_many_streams_are_moved_at_once(
    examples, threads, monkeypatch
):
    streams = [scene.features for scene in examples.positives]
    teachers = [network(1), network(2)]
    heard = [
        batch_logits(teacher, [shift_channels(stream, throat) for stream in streams])
        for teacher in teachers
        for throat in (-1.0, 2.0)
    ]
    wanted = [np.mean(said, axis=0) for said in zip(*heard, strict=True)]
    for at_once in (100, 4):
        monkeypatch.setattr(distillation, "STREAMS_AT_ONCE", at_once)
        mean = mean_logits(teachers, streams, (-1.0, 2.0), 100.0, threads)
        for said, expected in zip(mean, wanted, strict=True):
            np.testing.assert_allclose(said, expected, rtol=1e-4, atol=1e-5)


def test_a_student_comes_to_say_what_the_teachers_say_on_average(examples, threads):
    teachers = [network(1), network(2), network(3)]
    student = network(4)
    before = [value.clone() for value in student.parameters()]
    streams = [stream.features for stream in examples.plain]
    mean = mean_logits(teachers, streams, QUICK.throats, QUICK.most_logit, threads)
    wanted = np.concatenate(mean)

    def far(model, throat=0.0):
        moved = [shift_channels(stream, throat) for stream in streams]
        return float(np.abs(np.concatenate(batch_logits(model, moved)) - wanted).mean())

    torch.manual_seed(0)
    told = []
    taught = distil(
        student,
        teachers,
        examples,
        QUICK,
        rng=np.random.default_rng(0),
        tell=lambda *of: told.append(of),
    )
    assert far(taught) < 0.5 * far(student)
    assert far(taught, 1.0) < 0.5 * far(student, 1.0), "and of other throats the same"
    learnt = [(step, live["loss"]) for step, live in told if live]
    assert [step for step, _ in learnt] == [20, 40, 60, 80]
    assert learnt[-1][1] < learnt[0][1]
    hearing = len(QUICK.throats)
    assert [step for step, live in told if not live] == [0] * hearing, "it says that it lives"
    assert not taught.training
    assert all(torch.equal(a, b) for a, b in zip(before, student.parameters(), strict=True))


def test_batches_hold_every_stream_once_a_turn_and_keep_within_their_frames():
    lengths = [300, 310, 320, 900, 950, 5000]
    rng = np.random.default_rng(0)
    batches = draw_batches(lengths, 2000, rng)
    for _ in range(5):
        seen: list[int] = []
        while len(seen) < len(lengths):
            batch = next(batches)
            assert len(batch) * max(lengths[n] for n in batch) <= 2000 or batch == [5]
            seen += batch
        assert sorted(seen) == list(range(6))
    assert len({tuple(batch) for batch in islice(batches, 60)}) > 6


def test_the_student_learns_without_dropout_and_batch_statistics(examples):
    student = TinyCRNN(replace(SMALL, dropout=0.5))
    with torch.no_grad():
        student.norm1.running_mean += 0.3  # a batch has other statistics
    student.eval()
    still = replace(QUICK, steps=5, learning_rate=0.0, throats=(0.0,), throat_share=0.0)
    told, teacher = [], network(1)  # which seeds, too
    for seed in (1, 2):
        torch.manual_seed(seed)
        taught = distil(
            student,
            [teacher],
            examples,
            still,
            rng=np.random.default_rng(0),
            tell=lambda _, live: told.extend(live.values()),
        )
        for name, value in student.state_dict().items():
            assert torch.equal(value, taught.state_dict()[name]), name
    assert told[0] == told[1], "dropout would make them differ"


def test_a_lesson_is_of_the_weights_of_a_step_before(examples, threads):
    still = replace(QUICK, steps=4, throat_share=0.0, batch_frames=100_000)  # all in one batch
    material = distillation._Material(examples, still, np.random.default_rng(0))
    model = network(4)
    targets = material.targets([network(1)], threads, lambda: None)
    losses = []
    for loss, gradients in distillation._lessons(
        model, targets, material, threads, np.random.default_rng(0)
    ):
        losses.append(loss)
        assert [g.shape for g in gradients] == [p.shape for p in model.parameters()]
        with torch.no_grad():
            model.head2.bias += 1.0
    assert len(losses) == 4
    assert losses[1] == pytest.approx(losses[0], rel=1e-4), "under way when the bias changed"
    assert losses[2] != pytest.approx(losses[1], rel=0.01)
    assert losses[3] != pytest.approx(losses[2], rel=0.01)


def test_what_is_learnt_does_not_depend_on_which_thread_is_faster(examples, monkeypatch):
    def learnt(slow):
        count = iter(range(1000))

        def mask_channels(batch, *_):
            if slow and next(count) % 2 == 0:
                time.sleep(0.02)
            return batch

        monkeypatch.setattr(distillation, "mask_channels", mask_channels)
        short, rng = replace(QUICK, steps=10), np.random.default_rng(0)
        taught = distil(network(4), [network(1)], examples, short, rng=rng, tell=lambda *_: None)
        return taught.state_dict()

    one, two = learnt(slow=False), learnt(slow=True)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_in_the_second_round_a_student_is_its_own_only_teacher(examples):
    teachers, student = [network(1), network(2)], network(4)
    short = replace(QUICK, steps=40)

    def learn(student, teachers, rounds, rng):
        told = []
        taught = distil(
            student,
            teachers,
            examples,
            replace(short, rounds=rounds),
            rng=rng,
            tell=lambda step, live: told.append((step, bool(live))),
        )
        return taught, told

    both, told = learn(student, teachers, 2, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    first, _ = learn(student, teachers, 1, rng)
    second, _ = learn(first, [first], 1, rng)
    for name, value in second.state_dict().items():
        assert torch.equal(value, both.state_dict()[name]), name
        if name.startswith("head2"):
            assert not torch.equal(value, first.state_dict()[name])
    assert [step for step, learns in told if learns] == [20, 40, 60, 80]
    assert {step for step, learns in told if not learns} == {0, 40}


def test_the_student_hears_noise_and_the_teachers_none(examples, monkeypatch):
    steady = Stream(np.full((500, 40), 30, np.float16), *NOTHING)
    shown, taught_on = [], []

    def mask_channels(batch, *_):
        shown.append(batch)
        return batch

    def spied(teachers, streams, *args, **named):
        taught_on.extend(streams)
        return mean_logits(teachers, streams, *args, **named)

    monkeypatch.setattr(distillation, "mask_channels", mask_channels)
    monkeypatch.setattr(distillation, "mean_logits", spied)
    noise = FeatureNoise(share=1.0, lowered=(2.0, 3.0))
    distil(
        network(4),
        [network(1)],
        replace(examples, plain=(steady,)),
        replace(QUICK, steps=40, noise=noise),
        rng=np.random.default_rng(0),
        tell=lambda *_: None,
    )
    heard = np.concatenate([batch[batch > 0] for batch in shown])
    assert heard.min() >= 27
    own = [scene.features for scene in examples.positives]
    assert all(any(told is stream for told in taught_on) for stream in own)
    assert max(stream.max() for stream in own) < 27


@pytest.mark.parametrize("halved", [0.0, 1.0])
def test_nobody_learns_to_take_other_things_for_the_phrase(examples, monkeypatch, halved):
    teacher = network(1)
    with torch.no_grad():
        teacher.head2.bias += 5.0
    learnt = {True: [], False: []}
    padded = distillation._padded_targets
    steps = len(examples.positives[0].features) // SMALL.frames_per_step

    def spied(targets):
        for target in targets:
            learnt[len(target) == steps].append(target.max())
        return padded(targets)

    monkeypatch.setattr(distillation, "_padded_targets", spied)
    config = replace(QUICK, steps=40, most_for_others=-2.0, halved=halved)
    distil(
        network(4), [teacher], examples, config,
        rng=np.random.default_rng(0), tell=lambda *_: None,
    )  # fmt: skip
    assert set(learnt[False]) == {-2.0}
    whole = [most for most in learnt[True] if most != -2.0]
    assert min(whole) > 1.0
    # Each phrase is shown about as often with one half said otherwise as it is shown whole.
    assert len(learnt[True]) - len(whole) == pytest.approx(halved * len(whole), rel=0.3)


def test_it_can_be_stopped_while_the_teachers_hear(examples):
    def stop(_step, live):
        if not live:
            raise CancelledError

    with pytest.raises(CancelledError):
        distil(network(4), [network(1)], examples, QUICK, rng=np.random.default_rng(0), tell=stop)
