"""TinyCRNN: front-end features in, one logit per step out; causal, so it streams."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from pathlib import Path

FORMAT_VERSION = 1
SPEAK_FOR = 0.75
"""Share of the head's hidden units that begin as evidence for the phrase, not against it."""
WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "model.json"


class CheckpointError(ValueError):
    """A checkpoint folder that cannot be read; the message names the file and the fault."""


@dataclass(frozen=True)
class TinyCRNNConfig:
    """The shape of the network. The default has about 52 k parameters."""

    channels: int = 40
    """Log-mel channels per frame."""
    feature_scale: float = 8.0
    """Raw front-end values (about 0 to 26) are divided by this, minus one."""
    conv_channels: int = 64
    """Width of both convolutions."""
    first_kernel_frames: int = 5
    frames_per_step: int = 3
    """Stride of the first convolution: one logit every three 10 ms frames."""
    second_kernel_steps: int = 3
    hidden: int = 64
    """Width of the GRU."""
    head: int = 32
    """Width of the MLP's hidden layer."""
    dropout: float = 0.3

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TinyCRNNConfig:
        """Read back what `to_dict` wrote; an unknown or missing key is a `CheckpointError`."""
        names = {field.name for field in dataclasses.fields(cls)}
        if set(values) != names:
            odd = sorted(set(values) ^ names)
            raise CheckpointError(
                f"The model configuration does not fit this version: check {', '.join(odd)}."
            )
        return cls(**values)


class TinyCRNN(nn.Module):
    """Causal convolutions over log-mel, a GRU over time, an MLP head.

    Every layer looks only backwards, so a stream that carries the convolutions' last inputs and
    the GRU's state gives the same logits as the whole window at once.
    """

    def __init__(self, config: TinyCRNNConfig | None = None) -> None:
        super().__init__()
        self.config = config or TinyCRNNConfig()
        c = self.config
        if c.first_kernel_frames < c.frames_per_step:
            raise ValueError("first_kernel_frames must be at least frames_per_step.")
        self.conv1 = nn.Conv1d(
            c.channels, c.conv_channels, c.first_kernel_frames, stride=c.frames_per_step, bias=False
        )
        self.norm1 = nn.BatchNorm1d(c.conv_channels)
        self.conv2 = nn.Conv1d(c.conv_channels, c.conv_channels, c.second_kernel_steps, bias=False)
        self.norm2 = nn.BatchNorm1d(c.conv_channels)
        self.gru = nn.GRU(c.conv_channels, c.hidden, batch_first=True)
        self.head1 = nn.Linear(c.hidden, c.head)
        self.head2 = nn.Linear(c.head, 1)
        self.dropout = nn.Dropout(c.dropout)
        self._share_signs()

    @torch.no_grad()
    def _share_signs(self) -> None:
        """Let SPEAK_FOR of the head's hidden units begin with a positive weight, the rest not.

        Weights hardly ever change their sign afterwards, and where chance gave the phrase few units
        more was taken for it (docs/decisions/0018).
        """
        weight = self.head2.weight
        signs = torch.ones_like(weight)
        signs[:, round(SPEAK_FOR * self.config.head) :] = -1.0
        weight.copy_(weight.abs() * signs)

    def hold_convolutions(self) -> None:
        """Keep the convolutions and their norms as they are: a training changes the rest alone."""
        for layer in (self.conv1, self.norm1, self.conv2, self.norm2):
            layer.requires_grad_(False)

    @property
    def learning(self) -> list[nn.Parameter]:
        """What a training changes, in the order of `parameters`."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def train(self, mode: bool = True) -> TinyCRNN:
        """Switch dropout and batch statistics on or off; norms that are held keep their own."""
        super().train(mode)
        for norm in (self.norm1, self.norm2):
            norm.train(mode and norm.weight.requires_grad)
        return self

    @property
    def first_context_frames(self) -> int:
        """Frames of the past that the first convolution needs beside a step's own."""
        return self.config.first_kernel_frames - self.config.frames_per_step

    @property
    def second_context_steps(self) -> int:
        """Steps of the past that the second convolution needs beside its own."""
        return self.config.second_kernel_steps - 1

    def normalise(self, features: Tensor) -> Tensor:
        """Map raw front-end values to about −1…2, same shape."""
        return features / self.config.feature_scale - 1.0

    def encode(self, features: Tensor, state: Tensor | None = None) -> Tensor:
        """Map raw features [batch, frames, channels] to GRU outputs [batch, steps, hidden].

        The past before the first frame is zeros after normalisation, as in a fresh stream.

        Args:
            features: raw features.
            state: [batch, hidden], what the GRU starts from; zeros, as in a fresh stream, if None.
        """
        x = self.normalise(features).transpose(1, 2)
        x = functional.pad(x, (self.first_context_frames, 0))
        x = functional.relu(self.norm1(self.conv1(x)))
        x = functional.pad(x, (self.second_context_steps, 0))
        x = functional.relu(self.norm2(self.conv2(x)))
        x, _ = self.gru(
            self.dropout(x.transpose(1, 2)), None if state is None else state.unsqueeze(0)
        )
        return x

    def forward(self, features: Tensor) -> Tensor:
        """Map raw features [batch, frames, channels] to logits [batch, steps].

        steps = frames // frames_per_step; frames of an unfinished last step are not looked at.
        """
        return self.listen(features)[0]

    def listen(self, features: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map raw features and the GRU's state to logits [batch, steps] and its last state.

        Args:
            features: [batch, frames, channels].
            state: [batch, hidden]; zeros, as in a fresh stream, if None.
        """
        usable = features.shape[1] // self.config.frames_per_step * self.config.frames_per_step
        heard = self.encode(features[:, :usable], state)
        x = functional.relu(self.head1(self.dropout(heard)))
        return self.head2(x).squeeze(-1), heard[:, -1]


def save_checkpoint(model: TinyCRNN, folder: Path, meta: dict[str, Any]) -> None:
    """Write `model.safetensors` and `model.json` into `folder`, each aside and then renamed.

    Args:
        model: the network; its weights are copied to the CPU.
        folder: made when missing.
        meta: JSON values that go with the weights (phrase, scores, provenance).
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    aside = folder / (WEIGHTS_FILE + ".part")
    save_file(weights, aside)
    aside.replace(folder / WEIGHTS_FILE)
    text = json.dumps(
        {"format_version": FORMAT_VERSION, "config": model.config.to_dict(), "meta": meta}, indent=2
    )
    aside = folder / (CONFIG_FILE + ".part")
    aside.write_text(text + "\n", encoding="utf-8")
    aside.replace(folder / CONFIG_FILE)


def load_checkpoint(folder: Path) -> tuple[TinyCRNN, dict[str, Any]]:
    """Read a checkpoint folder; returns the network in eval mode and its meta values.

    Raises:
        CheckpointError: a file is missing, damaged or of another version.
    """
    try:
        stored = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder} holds no checkpoint: {CONFIG_FILE} is missing.") from error
    except ValueError as error:
        raise CheckpointError(
            f"{folder / CONFIG_FILE} is damaged: {error}. Train again."
        ) from error
    if stored.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{folder / CONFIG_FILE} has format_version {stored.get('format_version')}, this "
            f"version reads {FORMAT_VERSION}. Train again."
        )
    model = TinyCRNN(TinyCRNNConfig.from_dict(stored["config"]))
    try:
        model.load_state_dict(load_file(folder / WEIGHTS_FILE))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{folder} holds no checkpoint: {WEIGHTS_FILE} is missing."
        ) from error
    except (RuntimeError, OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder / WEIGHTS_FILE} does not fit its configuration: {error}. Train again."
        ) from error
    return model.eval(), stored["meta"]
