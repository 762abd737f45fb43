"""Training on small made-up features: the recipe itself, without speech."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.small_training import (
    FAST,
    SEVERAL,
    SMALL,
    Shelf,
    examples,
    frames,
    scene,
    stream,
)
from trainer.dataset import Dataset, window_frames
from trainer.distillation import DistilConfig
from trainer.feature_warp import FeatureWarp, shift_channels, to_length
from trainer.model import (
    SPEAK_FOR,
    TinyCRNN,
    load_checkpoint,
    save_checkpoint,
)
from trainer.operating import decision, operating_points
from trainer.presets import QUICK
from trainer.progress import CancelledError
from trainer.render import Scene, Stream
from trainer.train import TrainConfig, train
from trainer.validation import (
    SMOOTHING_CHOICES,
    ValidationScores,
    Verdict,
    batch_logits,
    choose_smoothing,
    judge,
    score,
    smooth,
)
from trainer.window_loss import WindowLoss, heavier, window_logits
from trainer.windows import WindowPool, crop_scene

STILL = FeatureWarp(share=0.0)


def stream_logits(model, features):
    return batch_logits(model, [features])[0]


@pytest.fixture(scope="module")
def trained():
    reports = []
    result = train(
        examples(0, 12), examples(50, 8), FAST, seed=3, report=reports.append, model_config=SMALL
    )
    return result, reports


def test_it_learns_what_the_phrase_is(trained):
    result, _ = trained
    fresh = examples(90, 10)
    scores = score(result.model, fresh)
    assert scores.positives.min() > scores.near.max()
    assert result.verdict.miss_rates[0] == 0.0


def test_the_same_seed_gives_the_same_network(trained):
    again = train(
        examples(0, 12), examples(50, 8), FAST, seed=3, report=lambda _: None, model_config=SMALL
    )
    for name, value in trained[0].model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name


def test_progress_ends_at_one_with_live_figures(trained):
    _, reports = trained
    assert reports[-1].fraction == 1.0
    assert {report.stage for report in reports} == {"training"}
    assert {"loss", "miss_rate", "false_accepts_per_hour"} <= set(reports[-1].metrics)
    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions)


def test_a_report_can_stop_the_training():
    def stop(_progress):
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        train(examples(0, 4), examples(50, 2), FAST, seed=0, report=stop, model_config=SMALL)


def test_stream_and_batch_give_the_same_logits(trained):
    model = trained[0].model
    long, short = stream(5, near=True).features, scene(6).features
    one_by_one = [stream_logits(model, long), stream_logits(model, short)]
    for single, batched in zip(one_by_one, batch_logits(model, [long, short]), strict=True):
        np.testing.assert_allclose(single, batched, atol=1e-4)


def test_causal_the_future_changes_nothing(trained):
    features = stream(5, near=True).features
    whole = stream_logits(trained[0].model, features)
    half = stream_logits(trained[0].model, features[:450])
    np.testing.assert_allclose(whole[: len(half)], half, atol=1e-4)


def test_a_checkpoint_comes_back_as_it_was(trained, tmp_path):
    save_checkpoint(trained[0].model, tmp_path, {"phrase": "up and down"})
    model, meta = load_checkpoint(tmp_path)
    assert meta == {"phrase": "up and down"}
    features = scene(1).features
    assert np.array_equal(stream_logits(model, features), stream_logits(trained[0].model, features))
    assert not list(tmp_path.glob("*.part"))


def test_window_logit_pools_only_the_time_behind_the_phrase():
    logits = torch.full((1, 30), 50.0)
    logits[0, 10:14] = torch.tensor([0.0, 1.0, 2.0, 3.0])
    pooled = window_logits(logits, torch.tensor([10]), 4)
    expected = np.log(np.mean(np.exp([0, 1, 2, 3])))
    assert float(pooled[0]) == pytest.approx(expected, abs=1e-5)


def test_loss_prefers_the_phrase_after_its_end():
    loss = WindowLoss(TrainConfig(steps=1), 3)
    ends, early = torch.tensor([30]), torch.tensor([20])

    def value(positive_peak, negative_level):
        logits = torch.full((2, 60), -6.0)
        logits[0, positive_peak : positive_peak + 8] = 6.0
        logits[1, 25:33] = negative_level
        return float(loss(logits, early, ends))

    right = value(32, -6.0)
    assert right < value(5, -6.0)
    assert right < value(32, 4.0)


@pytest.mark.parametrize("length", [200, 330])
def test_a_crop_keeps_phrase_and_answer_time_inside(length):
    config = TrainConfig(steps=1, warp=STILL)
    rng = np.random.default_rng(0)
    for _ in range(50):
        window, start, end = crop_scene(scene(1), length, config, rng)
        assert len(window) == length
        assert 0 <= start < end <= length - config.right_edge_frames[0]
        assert window[start, :12].mean() > 14


def test_mining_finds_the_window_that_fires(trained):
    quiet = [stream(s, near=False) for s in range(4)]
    bad = stream(9, near=False)
    bad.features[400:425, :12] += 12
    bad.features[425:450, 25:] += 12
    pool = WindowPool([*quiet, bad], 200, 50, SMALL.hidden)
    pool.mine(trained[0].model, 0.03)
    drawn, _ = pool.draw(20, 1.0, STILL, np.random.default_rng(0))
    assert np.mean([window.max() > 17 for window in drawn]) > 0.9


def test_negatives_weigh_more_while_validation_fires_too_often():
    config = TrainConfig(
        steps=1, target_rate_per_hour=0.5, negative_growth=2, most_negative_weight=3
    )
    assert heavier(1.0, 0.4, config) == 1.0
    assert heavier(1.0, 0.6, config) == 2.0
    assert heavier(2.0, 9.0, config) == 3.0
    loss = WindowLoss(config, 3)
    logits = torch.zeros(2, 60)
    ends, early = torch.tensor([30]), torch.tensor([20])
    light = float(loss(logits, early, ends))
    loss.negative_weight = 3.0
    assert float(loss(logits, early, ends)) - light == pytest.approx(2 * 2 * np.log(2), abs=1e-4)


def test_a_stream_shorter_than_a_window_is_used_too():
    short = Stream(frames(np.random.default_rng(0), 90), np.zeros((0, 2), np.int32), np.arange(0))
    pool = WindowPool([short], 200, 50, SMALL.hidden)
    windows, pasts = pool.draw(1, 0.0, STILL, np.random.default_rng(0))
    assert windows[0].shape == (200, 40)
    assert pasts.shape == (1, SMALL.hidden)


def test_windows_grow_with_long_phrases():
    short, long = scene(0), Scene(frames(np.random.default_rng(0), 900), 200, 560, 0)
    assert window_frames([short]) == 320
    assert window_frames([long]) == 560


def test_smoothing_is_the_mean_of_the_last_logits():
    smoothed = smooth(np.array([3, 0, 3, 9], np.float32), 3)
    np.testing.assert_allclose(smoothed, [3, 1.5, 2, 4])


def test_halves_share_no_clip():
    both = examples(0, 6)
    first, second = both.half(0), both.half(1)
    assert not {s.clip_id for s in first.positives} & {s.clip_id for s in second.positives}
    assert len(first.plain) + len(second.plain) == len(both.plain)
    assert first.negative_hours + second.negative_hours == pytest.approx(both.negative_hours)


def test_what_is_reported_chose_nothing_but_its_streams_are_all():
    dataset = Dataset(examples(0, 2), examples(0, 6), {}, 0)
    choosing, reporting = dataset.choosing, dataset.reporting
    assert len(reporting.plain) == len(dataset.validation.plain) > len(choosing.plain) > 0
    assert reporting.negative_hours == dataset.validation.negative_hours
    assert len(reporting.near) + len(choosing.near) == len(dataset.validation.near)
    chose = {s.clip_id for s in choosing.positives}
    assert chose
    assert chose | {s.clip_id for s in reporting.positives} == {
        s.clip_id for s in dataset.validation.positives
    }
    assert not chose & {s.clip_id for s in reporting.positives}


def test_a_network_that_hears_nothing_costs_more(trained):
    untrained = TinyCRNN(SMALL)
    validation = examples(50, 8)
    assert judge(untrained, validation).cost > judge(trained[0].model, validation).cost


def test_operating_points_get_stricter_and_carry_their_hours():
    rng = np.random.default_rng(0)
    scores = ValidationScores(
        positives=rng.normal(8, 3, 200).astype(np.float32),
        near=np.zeros(0, np.float32),
        near_clip_ids=np.zeros(0, np.int64),
        plain=(rng.normal(-8, 3, 20_000).astype(np.float32),),
        hours=20_000 * 0.03 / 3600,
        step_s=0.03,
        smoothing_steps=3,
    )
    points = operating_points(scores)
    assert [p.false_accepts_per_hour for p in points] == [2.0, 1.0, 0.5, 0.1]
    thresholds = [p.threshold for p in points]
    assert thresholds == sorted(thresholds)
    misses = [p.miss_rate for p in points]
    assert misses == sorted(misses)
    assert all(p.upper_95 >= 3.6 / scores.hours for p in points)
    assert len(set(thresholds)) == len(thresholds)
    assert "extrapolated" in points[-1].audio
    chosen = decision(points, 0.03, 6)
    assert chosen.threshold == points[2].threshold
    assert chosen.warmup_steps == 10
    assert chosen.smoothing_steps == 6


@pytest.mark.parametrize(
    ("loudest", "lost"),
    [
        (4.0, [0.04, 0.055, 0.07, 0.2]),
        (9.0, [0.08, 0.11, 0.14, 0.4]),  # a lower threshold would let too much through
    ],
)
def test_an_extrapolated_threshold_leaves_most_phrases_heard(loudest, lost):
    plain = np.full(20_000, -8, np.float32)
    plain[100::190] = np.linspace(-5, loudest, len(plain[100::190]))
    plain[50] = 30  # one is allowed, however loud
    scores = ValidationScores(
        positives=np.random.default_rng(0).normal(6, 0.5, 400).astype(np.float32),
        near=np.zeros(0, np.float32),
        near_clip_ids=np.zeros(0, np.int64),
        plain=(plain,),
        hours=20_000 * 0.03 / 3600,
        step_s=0.03,
        smoothing_steps=3,
    )
    points = operating_points(scores)
    assert [p.miss_rate for p in points] == pytest.approx(lost, abs=0.004)
    assert all("expect more false accepts" in p.audio for p in points)


def test_a_rarer_rate_never_gets_a_lower_threshold():
    rng = np.random.default_rng(0)
    steps = 800_000
    scores = ValidationScores(
        positives=rng.normal(2, 0.5, 400).astype(np.float32),
        near=np.zeros(0, np.float32),
        near_clip_ids=np.zeros(0, np.int64),
        plain=(rng.normal(0, 2, steps).astype(np.float32),),
        hours=steps * 0.03 / 3600,
        step_s=0.03,
        smoothing_steps=3,
    )
    points = operating_points(scores)
    assert "extrapolated" not in points[0].audio
    assert "lowered" in points[-1].audio
    thresholds = [p.threshold for p in points]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] > 0.98


@pytest.mark.parametrize(
    ("costs", "chosen"),
    [
        ({3: 0.10, 6: 0.10, 10: 0.10}, 10),
        ({3: 0.10, 6: 0.09, 10: 0.10}, 10),  # one phrase of a hundred is no reason
        ({3: 0.10, 6: 0.05, 10: 0.10}, 6),
        ({3: 0.02, 6: 0.05, 10: 0.10}, 3),
    ],
)
def test_a_shorter_smoothing_must_be_clearly_better(monkeypatch, costs, chosen):
    assert set(costs) == set(SMOOTHING_CHOICES)
    verdicts = {
        steps: Verdict((cost,), near_accepted=0.0, false_accepts_per_hour=0.0, cost=cost)
        for steps, cost in costs.items()
    }
    monkeypatch.setattr("trainer.validation.judge", lambda model, examples, steps: verdicts[steps])
    assert choose_smoothing(None, None) == chosen


def test_a_hurried_window_holds_the_whole_phrase():
    config = TrainConfig(1, warp=FeatureWarp(share=1.0, pace=(0.7, 1.4)))
    rng = np.random.default_rng(0)
    lengths = []
    for _ in range(60):
        window, start, end = crop_scene(scene(3), 240, config, rng)
        assert window.shape == (240, 40)
        assert window[start + 2 : end - 2].max(axis=1).min() > 12
        assert window[: start - 2].max() < 10
        lengths.append(end - start)
    assert min(lengths) < 42
    assert max(lengths) > 60


def test_stretching_keeps_both_ends_and_the_order():
    ramp = np.tile(np.arange(50, dtype=np.float16)[:, None], (1, 40))
    for count in (25, 50, 83):
        out = to_length(ramp, count)
        assert out.shape == (count, 40)
        assert (out[0, 0], out[-1, 0]) == (0, 49)
        assert (np.diff(out[:, 0]) > 0).all()


def test_another_throat_moves_what_is_in_the_channels():
    window = np.zeros((3, 40), np.float16)
    window[:, 20] = 10
    up = shift_channels(window, 2.0)
    assert up[0].argmax() == 22
    half = shift_channels(window, -0.5)
    assert half[0, 19] == half[0, 20] == 5
    assert shift_channels(window, 0.0) is window


def train_several(seen, shelf=None, stop_at=None):
    def report(progress):
        step = progress.metrics.get("step", 0)
        seen.append(step)
        if stop_at and step >= stop_at:
            raise CancelledError("enough")

    return train(
        examples(0, 12), examples(50, 6), SEVERAL, seed=0, report=report, model_config=SMALL,
        finished=shelf,
    )  # fmt: skip


def test_several_runs_give_one_network_and_report_all_their_steps():
    seen = []
    trained = train_several(seen)
    assert max(seen) == 240
    for one, two in zip(
        trained.model.parameters(), train_several([]).model.parameters(), strict=True
    ):
        assert torch.equal(one, two)


def test_a_single_run_may_teach_itself(monkeypatch):
    # What so few steps teach is taken whatever it is.
    monkeypatch.setattr("trainer.train.LEARNT_NOTHING", 10.0)

    def trained(distil):
        config = replace(SEVERAL, runs=1, distil=distil)
        seen = []
        given = train(
            examples(0, 12), examples(50, 6), config, seed=0, model_config=SMALL,
            report=lambda progress: seen.append(progress.metrics.get("step", 0)),
        )  # fmt: skip
        return max(seen), config.all_steps, given.model.state_dict()

    steps, planned, taught = trained(SEVERAL.distil)
    assert steps == planned == 120
    steps, planned, plain = trained(None)
    assert steps == planned == 60
    assert any(not torch.equal(taught[name], value) for name, value in plain.items())


def test_a_preset_without_taught_steps_teaches_nobody():
    assert TrainConfig.of(QUICK).distil == DistilConfig(steps=QUICK.taught_steps)
    assert TrainConfig.of(replace(QUICK, taught_steps=0)).all_steps == QUICK.steps * QUICK.runs


def test_a_stopped_training_repeats_no_finished_run_and_ends_the_same():
    shelf = Shelf()
    with pytest.raises(CancelledError):
        train_several([], shelf, stop_at=150)
    assert set(shelf.runs) == {0, 1}
    seen = []
    gone_on = train_several(seen, shelf)
    assert min(step for step in seen if step) > 120
    whole = train_several([])
    for one, two in zip(gone_on.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("seed", range(4))
def test_the_head_begins_with_the_same_share_of_evidence_whatever_the_seed(seed):
    torch.manual_seed(seed)
    weight = TinyCRNN().head2.weight
    assert int((weight > 0).sum()) == round(SPEAK_FOR * weight.shape[1]) == 24
    torch.manual_seed(seed + 1)
    assert not torch.equal(TinyCRNN().head2.weight, weight)
