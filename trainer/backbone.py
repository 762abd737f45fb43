"""The weights that every training starts from: a file in, TinyCRNN's encoder filled out.

What they learnt from, and how well they hear phonemes, is in docs/backbone.md; what made them is
`watchword pretrain`.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from trainer.model import TinyCRNN

SHIPPED = Path(__file__).parent / "data" / "backbone.safetensors"
CONVOLUTIONS = ("conv1.", "norm1.", "conv2.", "norm2.")
ENCODER_LAYERS = (*CONVOLUTIONS, "gru.")
"""What a detector takes over; its head is its own."""
FORMAT_VERSION = 1


class BackboneError(ValueError):
    """Weights that cannot be started from; the message names the file and the fault."""


def save_backbone(
    encoder: TinyCRNN, phonemes: Mapping[str, Tensor], card: Mapping[str, Any], path: Path
) -> None:
    """Write encoder, phoneme head and data card into one file, aside and then renamed.

    Args:
        encoder: the network; its head is left out.
        phonemes: state of the linear layer that reads phonemes off the encoder.
        card: JSON values: what was learnt from, how well, by which command.
        path: a .safetensors file.
    """
    weights = {
        name: value.detach().cpu().contiguous()
        for name, value in encoder.state_dict().items()
        if name.startswith(ENCODER_LAYERS)
    } | {f"phonemes.{name}": value.detach().cpu().contiguous() for name, value in phonemes.items()}
    text = json.dumps({"format_version": FORMAT_VERSION, "card": dict(card)}, sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    save_file(weights, aside, {"watchword_backbone": text})
    aside.replace(path)


def read_card(path: Path = SHIPPED) -> dict[str, Any]:
    """Return the data card of a backbone.

    Raises:
        BackboneError: the file is missing, damaged or something else.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            text = (stored.metadata() or {}).get("watchword_backbone", "{}")
    except (OSError, SafetensorError) as error:
        raise BackboneError(f"{path} cannot be read: {error}. Install Watchword again.") from error
    said = json.loads(text)
    if said.get("format_version") != FORMAT_VERSION:
        raise BackboneError(f"{path} holds no backbone of version {FORMAT_VERSION}.")
    card: dict[str, Any] = said["card"]
    return card


def start_from_backbone(
    model: TinyCRNN, path: Path = SHIPPED, layers: tuple[str, ...] = ENCODER_LAYERS
) -> None:
    """Fill a network's encoder with pretrained weights, in place; its head stays as it is.

    Args:
        model: the network.
        path: the file.
        layers: beginnings of the names of what is filled.

    Raises:
        BackboneError: the file is missing or damaged, or made for a network of another shape.
    """
    read_card(path)
    state = model.state_dict()
    with safe_open(path, framework="pt") as stored:
        for name in state:
            if not name.startswith(layers):
                continue
            if name not in stored.keys():  # noqa: SIM118 - not a mapping
                raise BackboneError(f"{path} lacks {name}: it is of another network.")
            value = stored.get_tensor(name)
            if value.shape != state[name].shape:
                raise BackboneError(
                    f"{path}: {name} has shape {tuple(value.shape)}, the network needs "
                    f"{tuple(state[name].shape)}. Start without it, or pretrain this shape."
                )
            state[name].copy_(value)


@torch.no_grad()
def with_pretrained_convolutions(model: TinyCRNN, path: Path = SHIPPED) -> TinyCRNN:
    """Return a copy with the pretrained convolutions, which it keeps while it learns.

    Why: docs/decisions/0031.

    Raises:
        BackboneError: the file is missing or damaged, or made for a network of another shape.
    """
    held = copy.deepcopy(model)
    start_from_backbone(held, path, CONVOLUTIONS)
    held.hold_convolutions()
    return held


@torch.no_grad()
def step_back(model: TinyCRNN, share: float, path: Path = SHIPPED) -> TinyCRNN:
    """Return a copy whose encoder has gone only a share of the way from the pretrained weights.

    What synthetic voices taught beyond what people need is taken back in part; measured in
    docs/decisions/0030. Method: M. Wortsman et al., "Robust fine-tuning of zero-shot models", 2022.

    Args:
        model: trained from these weights; it is left as it is.
        share: 1 leaves the weights as they are, 0 makes the encoder that of the file.
        path: what the training started from.

    Raises:
        BackboneError: the file is missing or damaged, or made for a network of another shape.
    """
    origin, nearer = copy.deepcopy(model), copy.deepcopy(model)
    start_from_backbone(origin, path)
    pretrained = origin.state_dict()
    for name, value in nearer.state_dict().items():
        if name.startswith(ENCODER_LAYERS) and value.dtype.is_floating_point:
            value.lerp_(pretrained[name], 1 - share)
    return nearer


def read_phonemes(path: Path) -> dict[str, Tensor]:
    """Return the state of the linear layer that reads phonemes off the encoder.

    Raises:
        BackboneError: the file is missing, damaged or something else.
    """
    read_card(path)
    prefix = "phonemes."
    with safe_open(path, framework="pt") as stored:
        return {
            name.removeprefix(prefix): stored.get_tensor(name)
            for name in stored.keys()  # noqa: SIM118 - not a mapping
            if name.startswith(prefix)
        }
