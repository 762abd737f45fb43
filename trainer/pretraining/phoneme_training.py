"""Passages in, a network that hears phonemes out: TinyCRNN's encoder trained with CTC.

Method: A. Graves et al., "Connectionist temporal classification", 2006, on causal outputs.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from trainer.backbone import read_phonemes, start_from_backbone
from trainer.feature_warp import FeatureWarp, shift_channels, to_length
from trainer.model import TinyCRNN, TinyCRNNConfig
from trainer.pretraining.labels import BLANK, CLASSES, edits, frames_needed, greedy
from trainer.progress import Report, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.pretraining.material import Passage

logger = logging.getLogger(__name__)

STATE_FILE = "training.pt"


@dataclass(frozen=True)
class PhonemeTrainingConfig:
    """The recipe of the pretraining."""

    steps: int = 20_000
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    dropout: float = 0.1
    """Less than a detector's: the network is small and the material large."""
    average_decay: float = 0.999
    masks: int = 2
    mask_channels: int = 6
    mask_frames: int = 12
    warp: FeatureWarp = field(default_factory=lambda: FeatureWarp(pace=(0.8, 1.25)))
    save_every: int = 500
    judge_every: int = 2_500


class PhonemeNetwork(nn.Module):
    """TinyCRNN's encoder with a phoneme head in place of the detector's."""

    def __init__(self, config: TinyCRNNConfig) -> None:
        super().__init__()
        self.encoder = TinyCRNN(config)
        self.phonemes = nn.Linear(config.hidden, CLASSES)

    def forward(self, features: Tensor) -> Tensor:
        """Map raw features [batch, frames, 40] to log-probabilities [batch, steps, CLASSES]."""
        return self.phonemes(self.encoder.encode(features)).log_softmax(-1)


class _Batches:
    """Batches of passages of similar length, drawn for ever."""

    def __init__(
        self, passages: Sequence[Passage], size: int, config: TinyCRNNConfig, warp: FeatureWarp
    ) -> None:
        order = np.argsort([len(p.features) for p in passages], kind="stable")
        self._groups = [order[i : i + size] for i in range(0, len(order), size)]
        self._passages = passages
        self._per_step = config.frames_per_step
        self._warp = warp

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, Tensor, Tensor, Tensor]:
        """Return features [batch, frames, 40], labels (concatenated), steps and label counts."""
        group = self._groups[int(rng.integers(len(self._groups)))]
        chosen = [self._passages[i] for i in group]
        heard = [self._warped(p, rng) for p in chosen]
        longest = max(map(len, heard))
        longest += -longest % self._per_step
        features = np.zeros((len(chosen), longest, heard[0].shape[1]), np.float32)
        for row, frames in enumerate(heard):
            features[row, : len(frames)] = frames
        return (
            features,
            torch.from_numpy(np.concatenate([p.labels for p in chosen])),
            torch.tensor([len(frames) // self._per_step for frames in heard]),
            torch.tensor([len(p.labels) for p in chosen]),
        )

    def _warped(self, passage: Passage, rng: np.random.Generator) -> np.ndarray:
        """Return the features at another pace and by another throat, never too fast to label."""
        least = self._per_step * (frames_needed(passage.labels) + 1)
        frames = max(round(len(passage.features) / self._warp.draw_pace(rng)), least)
        return shift_channels(to_length(passage.features, frames), self._warp.draw_shift(rng))


def mask(features: np.ndarray, config: PhonemeTrainingConfig, rng: np.random.Generator) -> None:
    """Silence bands and moments of each passage, in place.

    Method: SpecAugment, D. S. Park et al., 2019.
    """
    batch, frames, channels = features.shape
    for row in range(batch):
        for _ in range(config.masks):
            width = int(rng.integers(0, config.mask_channels + 1))
            first = int(rng.integers(0, channels - width + 1))
            features[row, :, first : first + width] = 0.0
            length = int(rng.integers(0, config.mask_frames + 1))
            start = int(rng.integers(0, max(1, frames - length)))
            features[row, start : start + length] = 0.0


@torch.no_grad()
def phoneme_error_rate(network: PhonemeNetwork, passages: Sequence[Passage]) -> float:
    """Return edits over phonemes of the greedy decoding; 0 is perfect, above 1 is possible."""
    network.eval()
    wrong = said = 0
    for passage in passages:
        usable = len(passage.features) // 3 * 3
        features = torch.from_numpy(passage.features[None, :usable].astype(np.float32))
        heard = greedy(network(features)[0].numpy())
        wrong += edits(passage.labels.tolist(), heard)
        said += len(passage.labels)
    return wrong / max(said, 1)


def train_phonemes(
    train: Sequence[Passage],
    validation: Sequence[Passage],
    config: PhonemeTrainingConfig,
    work: Path,
    *,
    seed: int,
    report: Report,
    model_config: TinyCRNNConfig | None = None,
    start: Path | None = None,
) -> tuple[PhonemeNetwork, float]:
    """Train, going on from where a stopped run was.

    Args:
        train: passages of the training side.
        validation: passages of other people.
        config: the recipe.
        work: folder for the state of the training; made when missing.
        seed: decides initial weights and every draw.
        report: receives the stage `pretraining`.
        model_config: the network's shape; its dropout is replaced by the recipe's.
        start: weights of an earlier pretraining to begin with; None begins with nothing.

    Returns:
        The averaged network and its phoneme error rate on `validation`.
    """
    shape = asdict(model_config or TinyCRNNConfig()) | {"dropout": config.dropout}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PhonemeNetwork(TinyCRNNConfig(**shape))
        if start is not None:
            start_from_backbone(network.encoder, start)
            network.phonemes.load_state_dict(read_phonemes(start))
        average = torch.optim.swa_utils.AveragedModel(
            network,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.average_decay),
            use_buffers=True,
        )
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser,
            config.learning_rate,
            total_steps=config.steps,
            pct_start=0.1,
            cycle_momentum=False,
        )
        parts = {"network": network, "average": average, "optimiser": optimiser}
        state = work / STATE_FILE
        first = _restore(state, {**parts, "schedule": schedule})
        loss_of = nn.CTCLoss(blank=BLANK, zero_infinity=True)
        batches = _Batches(train, config.batch, network.encoder.config, config.warp)
        stage = Stage(report, "pretraining", config.steps)
        running = 0.0
        for step in range(first + 1, config.steps + 1):
            rng = np.random.default_rng([seed, step])  # a resumed run draws what it would have
            features, labels, steps, lengths = batches.draw(rng)
            mask(features, config, rng)
            network.train()
            output = network(torch.from_numpy(features)).transpose(0, 1)
            loss = loss_of(output, labels, steps, lengths)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            average.update_parameters(network)
            value = float(loss.detach())
            running = 0.98 * running + 0.02 * value if running else value
            metrics = {"step": float(step), "loss": running}
            if step % config.judge_every == 0:
                metrics["phoneme_error_rate"] = phoneme_error_rate(_inner(average), validation)
            if step % config.save_every == 0:
                _save(state, step, {**parts, "schedule": schedule})
            if step % 20 == 0:
                stage.at(step, f"step {step} of {config.steps}, loss {running:.3f}", metrics)
    best = _inner(average)
    return best, phoneme_error_rate(best, validation)


def _inner(average: torch.optim.swa_utils.AveragedModel) -> PhonemeNetwork:
    network = average.module
    assert isinstance(network, PhonemeNetwork)
    return network.eval()


def _save(path: Path, step: int, parts: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    states = {name: part.state_dict() for name, part in parts.items()}  # type: ignore[attr-defined]
    torch.save({"step": step, **states}, aside)
    aside.replace(path)


def _restore(path: Path, parts: dict[str, object]) -> int:
    """Load a saved state into its parts; returns the step it was saved at, 0 without one."""
    if not path.is_file():
        return 0
    stored = torch.load(path, weights_only=True)  # never unpickles code
    for name, part in parts.items():
        part.load_state_dict(stored[name])  # type: ignore[attr-defined]
    logger.info("Going on from step %d", stored["step"])
    return int(stored["step"])
