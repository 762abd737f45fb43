"""A dataset in, a checkpoint out: TinyCRNN trained with BCEWithLogitsLoss, one logit a window."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from trainer.backbone import SHIPPED, start_from_backbone, step_back, with_pretrained_convolutions
from trainer.distillation import DistilConfig, distil
from trainer.feature_warp import FeatureWarp
from trainer.learner import Learner
from trainer.model import TinyCRNN, TinyCRNNConfig
from trainer.progress import Report, Stage
from trainer.side_by_side import places, side_by_side
from trainer.silence import SilentStates
from trainer.validation import Verdict, judge
from trainer.window_loss import WindowLoss, heavier
from trainer.windows import Batches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from trainer.dataset import Examples
    from trainer.presets import Preset
    from trainer.side_by_side import ExamplesSource
    from trainer.windows import Batch

    Tell = Callable[[int, int, Mapping[str, float]], None]
    """Is told of a run's number, its step and its live figures."""

logger = logging.getLogger(__name__)

LEARNT_NOTHING = 0.1
"""What has learnt from several may cost so much more than the worst of them. Their costs are of a
hundred clips and differ by less without meaning anything on people (docs/decisions/0016)."""

WAY_WITH_PEOPLE = 0.9
"""`TrainConfig.way_from_backbone` where people speak among the negatives: there is less to take
back."""


@dataclass(frozen=True)
class TrainConfig:
    """The recipe. Measured in docs/training.md."""

    steps: int
    runs: int = 1
    """Trainings from the same start."""
    positives_per_batch: int = 20
    near_per_batch: int = 10
    plain_per_batch: int = 20
    alone_per_batch: int = 10
    """Other words in scenes of their own, where there are any."""
    halved_per_batch: int = 10
    """Phrases of which one half is something else (`trainer.halves`)."""
    joined_share: float = 0.3
    """Of the phrases: their halves are said by two people."""
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    target_window_s: float = 0.36
    """The phrase should be heard within this time after its end."""
    early_share: float = 0.6
    """Before this share of the phrase nothing may be heard."""
    early_weight: float = 0.3
    target_rate_per_hour: float = 0.5
    """While validation has more false accepts at a score of 0.5, negatives come to weigh more."""
    negative_growth: float = 1.4
    """Factor on their weight at each judgement that finds too many."""
    most_negative_weight: float = 3.0
    worst_steps: int = 5
    """The loudest steps of a negative window count as much as all its steps."""
    right_edge_frames: tuple[int, int] = (40, 82)
    """A window ends so many frames behind its phrase."""
    mine_at: tuple[float, ...] = (0.35, 0.55, 0.75)
    """Shares of the training at which the loudest negative windows are collected."""
    mined_share: float = 0.04
    mined_draws: float = 0.4
    own_past_share: float = 0.5
    """Negative windows that begin in the state that their stream's past left."""
    other_past_share: float = 0.3
    """Windows of scenes that begin in the state that another stream left."""
    remember_every: int = 50
    """Steps after which a share of the pasts is heard anew: the network changes."""
    remember_share: float = 0.125
    average_decay: float = 0.995
    judge_times: int = 12
    judge_from: float = 0.4
    """Share of the training from which the validation voices judge, for the person who watches."""
    choose_from: float = 0.8
    """Share of the training from which what is judged may be chosen."""
    mask_share: float = 0.3
    mask_channels: int = 6
    pool_hop_frames: int = 50
    warp: FeatureWarp = field(default_factory=FeatureWarp)
    distil: DistilConfig | None = None
    """How one network learns what all runs say, in noise; None: the best of them stays as it is."""
    backbone: Path | None = SHIPPED if SHIPPED.is_file() else None
    """Pretrained weights to start from; None starts from nothing. What learns from all runs keeps
    their convolutions (docs/decisions/0031)."""
    hold_every_second: bool = True
    """Every second run keeps them, too."""
    way_from_backbone: float = 0.8
    """In the end the encoder has gone this share of the way from there to what it had learnt."""

    @classmethod
    def of(cls, preset: Preset, *, people: bool = False) -> TrainConfig:
        """Return the recipe at a preset's size.

        Args:
            preset: how long is trained, how often and whether one network is taught.
            people: whether recordings of people are among the negatives.
        """
        distil = DistilConfig(steps=preset.taught_steps) if preset.taught_steps else None
        if not people:
            return cls(preset.steps, preset.runs, distil=distil)
        return cls(
            preset.steps,
            preset.runs,
            distil=distil,
            hold_every_second=False,
            way_from_backbone=WAY_WITH_PEOPLE,
        )

    @property
    def all_steps(self) -> int:
        """Steps of all runs and of the distillation behind them."""
        return self.steps * self.runs + (self.distil.all_steps if self.distil else 0)


@dataclass(frozen=True)
class Trained:
    """The best network of a run and how it did on the validation voices."""

    model: TinyCRNN
    verdict: Verdict
    window_frames: int
    parameters: int


class FinishedRuns(Protocol):
    """Where the networks of finished runs lie, so that a stopped training need not repeat them."""

    def load(self, number: int) -> tuple[Verdict, TinyCRNN] | None:
        """Return what `keep` was given for this run; None where nothing was, or it is damaged."""

    def keep(self, number: int, verdict: Verdict, model: TinyCRNN) -> None:
        """Keep what a run gave."""


def train(
    examples: Examples,
    validation: Examples,
    config: TrainConfig,
    *,
    seed: int,
    report: Report,
    model_config: TinyCRNNConfig | None = None,
    device: str | None = None,
    finished: FinishedRuns | None = None,
    source: ExamplesSource | None = None,
) -> Trained:
    """Train one network.

    Several runs start from the same weights and draw differently. The best of them learns what they
    say on average, in noise that they did not hear; one alone learns so from itself. Where that
    fails by the validation voices, it stays as it is. What started from pretrained weights keeps
    their convolutions while it learns from all, and takes a step back to them in the end.

    Args:
        examples: the training side of the split.
        validation: other voices; they only choose the checkpoint.
        config: the recipe.
        seed: decides initial weights and every draw.
        report: receives the stage `training` with live figures.
        model_config: the network's shape.
        device: a torch device; a GPU when there is one, by default.
        finished: where to look for finished runs, and to keep them, if anything follows them.
        source: the same examples for other processes: with it, several runs share the cores.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    shape = model_config or TinyCRNNConfig()
    batches = Batches(examples, config, shape.hidden)
    stage = Stage(report, "training", config.all_steps)
    finished = finished if config.runs > 1 or config.distil else None
    runs = _finished_runs(finished, config.runs)
    reached = dict.fromkeys(runs, config.steps)

    def tell(number: int, step: int, live: Mapping[str, float]) -> None:
        reached[number] = step
        at = sum(reached.values())
        stage.at(
            at,
            f"step {at} of {config.all_steps}",
            {"step": number * config.steps + step, "run": number, **live},
        )

    def keep(number: int, verdict: Verdict, model: TinyCRNN) -> None:
        reached[number], runs[number] = config.steps, (verdict, model)
        if finished:
            finished.keep(number, verdict, model)

    missing = [number for number in range(config.runs) if number not in runs]
    if source is not None and device == "cpu":
        together = places(examples, validation, len(missing))
        if together > 1:
            # What is left over has all cores to itself afterwards.
            these = missing[: len(missing) // together * together]
            work = RunOf(config, seed, shape)
            side_by_side(work, source, these, tell=tell, keep=keep, together=together)
    with torch.random.fork_rng(devices=[]):
        for number in missing:
            if number not in runs:
                run = RunOf(config, seed, shape)(number, batches, validation, tell, device)
                keep(number, *run)
        in_order = [(runs[number][0], runs[number][1].to(device)) for number in range(config.runs)]
        verdict, chosen = min(in_order, key=lambda run: run[0].cost)
        if config.distil:
            torch.manual_seed(_later_seed(seed, config.runs))
            rng = np.random.default_rng([seed, 2])
            verdict, chosen = _distilled(
                in_order, examples, validation, config, rng=rng, stage=stage
            )
        if config.backbone is not None:
            chosen = step_back(chosen, config.way_from_backbone, config.backbone)
            verdict = judge(chosen, validation)
    count = sum(parameter.numel() for parameter in chosen.parameters())
    return Trained(chosen.cpu().eval(), verdict, batches.frames, count)


def _finished_runs(
    finished: FinishedRuns | None, count: int
) -> dict[int, tuple[Verdict, TinyCRNN]]:
    """Return the runs that an earlier try finished, by number."""
    if finished is None:
        return {}
    loaded = ((number, finished.load(number)) for number in range(count))
    return {number: run for number, run in loaded if run is not None}


@dataclass(frozen=True)
class RunOf:
    """One of the runs of a training: the same here and in a process of its own."""

    config: TrainConfig
    seed: int
    shape: TinyCRNNConfig

    def batches(self, examples: Examples) -> Batches:
        """Return what `__call__` draws from; any number of runs may use it, one after the other."""
        return Batches(examples, self.config, self.shape.hidden)

    def __call__(
        self, number: int, batches: Batches, validation: Examples, tell: Tell, device: str = "cpu"
    ) -> tuple[Verdict, TinyCRNN]:
        """Train run `number`; it changes torch's random state."""
        torch.manual_seed(self.seed)
        start = TinyCRNN(self.shape)
        if self.config.backbone is not None:
            start_from_backbone(start, self.config.backbone)
            if self.config.hold_every_second and number % 2:
                start.hold_convolutions()
        if number:
            torch.manual_seed(_later_seed(self.seed, number))
        rng = np.random.default_rng([self.seed, 1, *([number] if number else [])])
        run = _Run(start.to(device), batches, validation, self.config, tell, number)
        return run.train(rng)


def _later_seed(seed: int, number: int) -> int:
    """Return a seed for what comes after the first run, whether or not that was just done."""
    return int(np.random.SeedSequence([seed, 3, number]).generate_state(1)[0])


def _distilled(
    runs: Sequence[tuple[Verdict, TinyCRNN]],
    examples: Examples,
    validation: Examples,
    config: TrainConfig,
    *,
    rng: np.random.Generator,
    stage: Stage,
) -> tuple[Verdict, TinyCRNN]:
    """Return the best run when it has learnt what all say, or as it was where that failed."""
    assert config.distil is not None
    best_verdict, best = min(runs, key=lambda run: run[0].cost)
    total, before = config.all_steps, config.steps * config.runs

    def tell(step: int, live: Mapping[str, float]) -> None:
        at = before + step
        doing = "teaching one network" if live else "hearing all that was learnt from"
        stage.at(at, f"step {at} of {total}, {doing}", {"step": at, **live} if live else {})

    teachers = [model for _, model in runs]
    start = best if config.backbone is None else with_pretrained_convolutions(best, config.backbone)
    student = distil(start, teachers, examples, config.distil, rng=rng, tell=tell)
    verdict = judge(student, validation)
    worst = max(verdict.cost for verdict, _ in runs)
    logger.info("Costs of the runs: %s; distilled: %.3f", [r[0].cost for r in runs], verdict.cost)
    stage.at(total, "one network", {"step": total, **verdict.live()})
    failed = verdict.cost > worst + LEARNT_NOTHING
    return (best_verdict, best) if failed else (verdict, student)


class _Run:
    """One training from the common start."""

    def __init__(  # noqa: PLR0917 - the arguments of train
        self,
        model: TinyCRNN,
        batches: Batches,
        validation: Examples,
        config: TrainConfig,
        tell: Tell,
        number: int,
    ) -> None:
        self._model, self._batches, self._validation = model, batches, validation
        self._config, self._tell, self._number = config, tell, number
        self._loss_of = WindowLoss(config, model.config.frames_per_step)
        self._silence = SilentStates(model)
        self._learner = Learner(model, config)
        self._best: tuple[Verdict, TinyCRNN] | None = None

    def train(self, rng: np.random.Generator) -> tuple[Verdict, TinyCRNN]:
        """Return the best of the averaged weights and how they did."""
        config, model = self._config, self._model
        mine_steps = {round(share * config.steps) for share in config.mine_at}
        judge_steps = {
            round(config.steps * share)
            for share in np.linspace(config.judge_from, 1.0, config.judge_times)
        }
        running = 0.0
        self._batches.forget()
        model.train()
        for step in range(1, config.steps + 1):
            loss = self._loss(self._batches.draw(rng), rng)
            self._learner.step(loss)
            value = float(loss.detach())
            running = value if step == 1 else 0.98 * running + 0.02 * value
            if step % config.remember_every == 0:
                first = step == config.remember_every
                self._batches.remember(model, 1.0 if first else config.remember_share, rng)
            if step in mine_steps:
                self._batches.mine(self._learner.average)
            if step in judge_steps:
                live = self._judge(step).live()
                self._tell(self._number, step, {"loss": running, **live})
            elif step % 20 == 0:
                self._tell(self._number, step, {"loss": running})
        assert self._best is not None
        return self._best

    def _loss(self, batch: Batch, rng: np.random.Generator) -> Tensor:
        model, config = self._model, self._config
        device = next(model.parameters()).device
        states = self._begin(batch, rng)
        logits, _ = model.listen(torch.from_numpy(batch.features).to(device), states)
        early = batch.starts + config.early_share * (batch.ends - batch.starts)
        per_step = model.config.frames_per_step
        loss: Tensor = self._loss_of(
            logits,
            torch.from_numpy(early.astype(np.int64) // per_step).to(device),
            torch.from_numpy(batch.ends // per_step).to(device),
        )
        return loss

    def _begin(self, batch: Batch, rng: np.random.Generator) -> Tensor:
        """Return the states [windows, hidden] that the windows of a batch begin in."""
        config = self._config
        shares = np.full((len(batch.features), 1), config.own_past_share)
        shares[: batch.scenes] = config.other_past_share
        states = self._silence.draw(len(batch.features), rng)
        after_past = torch.from_numpy(rng.random(shares.shape) < shares).to(states.device)
        return torch.where(after_past, torch.from_numpy(batch.pasts).to(states.device), states)

    def _judge(self, step: int) -> Verdict:
        verdict = judge(self._learner.average, self._validation)
        self._loss_of.negative_weight = heavier(
            self._loss_of.negative_weight, verdict.false_accepts_per_hour, self._config
        )
        early = step < round(self._config.choose_from * self._config.steps)
        if not early and (self._best is None or verdict.cost <= self._best[0].cost):
            self._best = (verdict, copy.deepcopy(self._learner.average))
        return verdict
