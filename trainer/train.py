"""A dataset in, a checkpoint out: TinyCRNN trained with BCEWithLogitsLoss, one logit a window."""

from __future__ import annotations

import copy
import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from trainer.backbone import SHIPPED, start_from_backbone
from trainer.dataset import as_batch, window_frames
from trainer.feature_warp import FeatureWarp, shift_channels, to_length
from trainer.model import TinyCRNN, TinyCRNNConfig
from trainer.progress import Report, Stage
from trainer.silence import SilentStates
from trainer.validation import Verdict, batch_logits, judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.dataset import Examples
    from trainer.render import Scene, Stream

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """The recipe. Measured in docs/training.md."""

    steps: int
    positives_per_batch: int = 20
    near_per_batch: int = 10
    plain_per_batch: int = 20
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    target_window_s: float = 0.36
    """The phrase should be heard within this time after its end."""
    early_share: float = 0.6
    """Before this share of the phrase nothing may be heard."""
    early_weight: float = 0.3
    worst_steps: int = 5
    """The loudest steps of a negative window count as much as all its steps."""
    right_edge_frames: tuple[int, int] = (40, 82)
    """A window ends so many frames behind its phrase."""
    mine_at: tuple[float, ...] = (0.35, 0.55, 0.75)
    """Shares of the training at which the loudest negative windows are collected."""
    mined_share: float = 0.04
    mined_draws: float = 0.4
    average_decay: float = 0.995
    judge_times: int = 12
    judge_from: float = 0.4
    mask_share: float = 0.3
    mask_channels: int = 6
    pool_hop_frames: int = 50
    warp: FeatureWarp = field(default_factory=FeatureWarp)
    backbone: Path | None = SHIPPED if SHIPPED.is_file() else None
    """Pretrained weights to start from; None starts from nothing."""


class WindowPool:
    """Windows of equal length out of long streams, drawn at random, the mined ones more often."""

    def __init__(self, streams: Sequence[Stream], frames: int, hop_frames: int) -> None:
        self.frames = frames
        self.features = [_at_least(stream.features, frames) for stream in streams]
        self._starts = np.array(
            [
                (number, start)
                for number, features in enumerate(self.features)
                for start in range(0, len(features) - frames + 1, hop_frames)
            ],
            np.int64,
        ).reshape(-1, 2)
        self._hop = hop_frames
        self._hard = np.zeros(0, np.int64)

    def draw(
        self, count: int, hard_share: float, warp: FeatureWarp, rng: np.random.Generator
    ) -> list[NDArray[np.float16]]:
        """Draw windows, each moved by up to a hop; `hard_share` of them from the mined ones."""
        chosen = rng.integers(len(self._starts), size=count)
        if len(self._hard):
            mined = rng.random(count) < hard_share
            chosen[mined] = rng.choice(self._hard, size=int(mined.sum()))
        windows = []
        for number, start in self._starts[chosen]:
            features = self.features[number]
            moved = start + int(rng.integers(-self._hop // 2, self._hop // 2 + 1))
            frames = min(round(self.frames * warp.draw_pace(rng)), len(features))
            moved = min(max(moved, 0), len(features) - frames)
            windows.append(to_length(features[moved : moved + frames], self.frames))
        return windows

    def mine(self, model: TinyCRNN, share: float) -> None:
        """Keep the `share` of windows in whose second half the streaming model is loudest."""
        per_step = model.config.frames_per_step
        loudness = np.empty(len(self._starts), np.float32)
        logits = batch_logits(model, self.features)
        for index, (number, start) in enumerate(self._starts):
            middle, stop = start + self.frames // 2, start + self.frames
            loudness[index] = logits[number][middle // per_step : stop // per_step].max()
        keep = max(1, int(share * len(loudness)))
        self._hard = np.argsort(loudness)[-keep:]


def _at_least(features: NDArray[np.float16], frames: int) -> NDArray[np.float16]:
    """Repeat the start of a stream that is shorter than a window."""
    missing = frames - len(features)
    if missing <= 0:
        return features
    return np.concatenate([np.resize(features, (missing, features.shape[1])), features])


def window_logits(logits: Tensor, ends: Tensor, length: int) -> Tensor:
    """Pool step logits [batch, steps] to one logit a window: log-mean-exp over the target time.

    Args:
        logits: of the network.
        ends: int64 [batch], the step in which the phrase ends.
        length: steps of the target time.
    """
    index = ends.unsqueeze(1) + torch.arange(length, device=logits.device)
    picked = logits.gather(1, index.clamp(0, logits.shape[1] - 1))
    return torch.logsumexp(picked, dim=1) - math.log(length)


class WindowLoss(nn.Module):
    """Binary cross-entropy on the windows' logits, with what a stream adds to it.

    A positive window: its logit is the log-mean-exp over the time after the phrase's end; steps
    before most of the phrase was said count as negative. A negative window has no moment that
    matters more than another: the mean of all steps and of the loudest few.
    """

    def __init__(self, config: TrainConfig, frames_per_step: int) -> None:
        super().__init__()
        self._config = config
        self._length = round(config.target_window_s * 100 / frames_per_step)
        self._bce = nn.BCEWithLogitsLoss()

    def forward(self, logits: Tensor, early_until: Tensor, ends: Tensor) -> Tensor:
        """Return the loss of a batch whose first len(ends) windows are the positives.

        Args:
            logits: [batch, steps].
            early_until: int64 [positives], the first step in which the phrase may be heard.
            ends: int64 [positives].
        """
        config = self._config
        positive, negative = logits[: len(ends)], logits[len(ends) :]
        pooled = window_logits(positive, ends, self._length)
        hit = self._bce(pooled, torch.ones_like(pooled))
        steps = torch.arange(logits.shape[1], device=logits.device)
        early = positive[steps.unsqueeze(0) < early_until.unsqueeze(1)]
        early_loss = self._bce(early, torch.zeros_like(early)) if len(early) else hit * 0
        worst = negative.topk(config.worst_steps, dim=1).values
        silent = self._bce(negative, torch.zeros_like(negative))
        loud = self._bce(worst, torch.zeros_like(worst))
        return hit + config.early_weight * early_loss + silent + loud


def crop_scene(
    scene: Scene, frames: int, config: TrainConfig, rng: np.random.Generator
) -> tuple[NDArray[np.float16], int, int]:
    """Cut a window that ends shortly behind the phrase; returns it with start and end frame."""
    pace = config.warp.draw_pace(rng)
    recorded = round(frames * pace)
    right = scene.end_frame + round(pace * int(rng.integers(*config.right_edge_frames)))
    right = min(right, len(scene.features))
    left = right - recorded
    window = scene.features[max(left, 0) : right]
    if left < 0:
        window = np.concatenate([np.repeat(window[:1], -left, axis=0), window])
    start, end = ((at - left) * frames // recorded for at in (scene.start_frame, scene.end_frame))
    return to_length(window, frames), start, end


@dataclass(frozen=True)
class Trained:
    """The best network of a run and how it did on the validation voices."""

    model: TinyCRNN
    verdict: Verdict
    window_frames: int
    parameters: int


def train(
    examples: Examples,
    validation: Examples,
    config: TrainConfig,
    *,
    seed: int,
    report: Report,
    model_config: TinyCRNNConfig | None = None,
    device: str | None = None,
) -> Trained:
    """Train one network.

    Args:
        examples: the training side of the split.
        validation: other voices; they only choose the checkpoint.
        config: the recipe.
        seed: decides initial weights and every draw.
        report: receives the stage `training` with live figures.
        model_config: the network's shape.
        device: a torch device; a GPU when there is one, by default.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    rng = np.random.default_rng([seed, 1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TinyCRNN(model_config)
        if config.backbone is not None:
            start_from_backbone(model, config.backbone)
        model = model.to(device)
        stage = Stage(report, "training", config.steps)
        return _train(model, examples, validation, config, rng, stage)


def _train(  # noqa: PLR0917 - the arguments of train
    model: TinyCRNN,
    examples: Examples,
    validation: Examples,
    config: TrainConfig,
    rng: np.random.Generator,
    stage: Stage,
) -> Trained:
    device = next(model.parameters()).device
    scenes = examples.positives
    frames = window_frames(scenes)
    near = WindowPool(examples.near, frames, config.pool_hop_frames)
    plain = WindowPool(examples.plain, frames, config.pool_hop_frames)
    loss_of = WindowLoss(config, model.config.frames_per_step)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        config.learning_rate,
        total_steps=config.steps,
        pct_start=0.05,
        cycle_momentum=False,
    )
    average = copy.deepcopy(model).eval()
    best: tuple[Verdict, TinyCRNN] | None = None
    mine_steps = {round(share * config.steps) for share in config.mine_at}
    judge_steps = {
        round(config.steps * share)
        for share in np.linspace(config.judge_from, 1.0, config.judge_times)
    }
    states = SilentStates(model)
    running = 0.0
    model.train()
    for step in range(1, config.steps + 1):
        crops = [
            crop_scene(scenes[int(i)], frames, config, rng)
            for i in rng.integers(len(scenes), size=config.positives_per_batch)
        ]
        windows = [
            *(window for window, _, _ in crops),
            *near.draw(config.near_per_batch, config.mined_draws, config.warp, rng),
            *plain.draw(config.plain_per_batch, config.mined_draws, config.warp, rng),
        ]
        windows = [shift_channels(window, config.warp.draw_shift(rng)) for window in windows]
        batch = mask_channels(as_batch(windows), config, rng)
        starts = np.array([start for _, start, _ in crops])
        ends = np.array([end for _, _, end in crops])
        early = starts + config.early_share * (ends - starts)
        per_step = model.config.frames_per_step
        logits, _ = model.listen(torch.from_numpy(batch).to(device), states.draw(len(batch), rng))
        loss = loss_of(
            logits,
            torch.from_numpy(early.astype(np.int64) // per_step).to(device),
            torch.from_numpy(ends.astype(np.int64) // per_step).to(device),
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        update_average(average, model, min(config.average_decay, (1 + step) / (10 + step)))
        running = (
            float(loss.detach()) if step == 1 else 0.98 * running + 0.02 * float(loss.detach())
        )
        if step in mine_steps:
            near.mine(average, config.mined_share)
            plain.mine(average, config.mined_share)
        if step in judge_steps:
            verdict = judge(average, validation)
            if best is None or verdict.cost <= best[0].cost:
                best = (verdict, copy.deepcopy(average))
            stage.at(
                step,
                f"step {step} of {config.steps}",
                {"step": step, "loss": running, **verdict.live()},
            )
        elif step % 20 == 0:
            stage.at(step, f"step {step} of {config.steps}", {"step": step, "loss": running})
    assert best is not None
    verdict, chosen = best
    count = sum(parameter.numel() for parameter in chosen.parameters())
    return Trained(chosen.cpu().eval(), verdict, frames, count)


def mask_channels(
    batch: NDArray[np.float32], config: TrainConfig, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Silence a random band of channels in some windows (SpecAugment, D. S. Park et al., 2019)."""
    for row in np.nonzero(rng.random(len(batch)) < config.mask_share)[0]:
        width = int(rng.integers(1, config.mask_channels + 1))
        first = int(rng.integers(0, batch.shape[2] - width))
        batch[row, :, first : first + width] = 0.0
    return batch


@torch.no_grad()
def update_average(average: TinyCRNN, model: TinyCRNN, decay: float) -> None:
    """Move the averaged weights a little towards the current ones; counters are copied."""
    for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)
