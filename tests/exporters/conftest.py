"""A small network with statistics like a trained one's, and speech-like features."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from exporters import verify as verify_module
from exporters.recipes import SHIPPED, Scheme
from exporters.tflite import convert_tflite, missing_converter
from trainer.model import TinyCRNN, TinyCRNNConfig

SMALL = TinyCRNNConfig(conv_channels=12, hidden=10, head=6)


def plausible_features(frames: int, seed: int = 0) -> np.ndarray:
    """Return float32 [frames, 40] in the front end's range, smooth in time and frequency."""
    rng = np.random.default_rng(seed)
    rough = rng.normal(size=(frames // 8 + 2, 12)).cumsum(0)
    rough -= np.linspace(rough[0], rough[-1], len(rough))
    grid = np.arange(frames) / 8
    slow = np.stack([np.interp(grid, np.arange(len(rough)), band) for band in rough.T], 1)
    spread = np.stack([np.interp(np.linspace(0, 11, 40), np.arange(12), row) for row in slow])
    level = 8 + 3 * spread / spread.std() + rng.normal(size=(frames, 40))
    return np.clip(level, 0, 26).astype(np.float32)


def plausible_sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Return int16 [samples] at 16 kHz: noise and tones whose loudness comes and goes."""
    rng = np.random.default_rng(seed)
    samples = round(seconds * 16_000)
    moments = np.arange(samples) / 16_000
    sound = np.zeros(samples)
    for hz in rng.uniform(150, 6_000, 12):
        level = np.interp(
            moments * 4, np.arange(int(seconds * 4) + 2), rng.uniform(-9, 0, int(seconds * 4) + 2)
        )
        sound += np.exp(level) * np.sin(2 * np.pi * hz * moments) * rng.normal(1, 0.3, samples)
    return np.clip(sound / np.abs(sound).max() * 30_000, -32_768, 32_767).astype(np.int16)


def plausible_model(config: TinyCRNNConfig, seed: int = 0) -> TinyCRNN:
    """Return a network whose norms fit its input and whose logits spread over about ±6.

    Fresh weights have unit statistics and logits near zero: errors would not show.
    """
    torch.manual_seed(seed)
    model = TinyCRNN(dataclasses.replace(config, dropout=0.0))
    model.head2.reset_parameters()  # both signs alike: scaled to ±6, the others' errors are larger
    features = torch.from_numpy(plausible_features(6_000, seed=seed + 1))[None]
    with torch.no_grad():
        for norm in (model.norm1, model.norm2):
            norm.momentum = None
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.5, 0.5)
        model.train()(features)
        model.eval()
        logits = model(features)
        scale = 3.0 / logits.std()
        model.head2.weight.mul_(scale)
        model.head2.bias.sub_(logits.mean()).mul_(scale)
    return model


@pytest.fixture(scope="session")
def small_config() -> TinyCRNNConfig:
    return SMALL


@pytest.fixture(scope="session")
def make_features() -> Callable[..., np.ndarray]:
    return plausible_features


@pytest.fixture(scope="session")
def make_model() -> Callable[..., TinyCRNN]:
    return plausible_model


@pytest.fixture(scope="session")
def model() -> TinyCRNN:
    return plausible_model(SMALL)


@pytest.fixture(scope="session")
def stream() -> np.ndarray:
    """61 s of features."""
    return plausible_features(6_100, seed=7)


@pytest.fixture(scope="session")
def sound() -> np.ndarray:
    """61 s of sound."""
    return plausible_sound(61.0, seed=3)


@pytest.fixture(autouse=True, scope="session")
def verification_is_short() -> Iterator[None]:
    """Ten minutes of sound and an hour of stream are for real exports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify_module, "SOUND_S", 61.0)
        patch.setattr(verify_module, "DRIFT_S", 183.0)
        yield


@pytest.fixture(scope="session")
def default_model() -> TinyCRNN:
    return plausible_model(TinyCRNNConfig())


@pytest.fixture(scope="session")
def tflite_files(default_model: TinyCRNN) -> dict[Scheme, bytes]:
    """The default network as TFLite: one conversion for all tests."""
    if missing_converter() is not None:
        pytest.skip(str(missing_converter()))
    schemes = [recipe.scheme for recipe in SHIPPED.values() if recipe.format == "tflite"]
    return convert_tflite(default_model, schemes)
