"""A random generator in, recipes out: all that will happen to a clip, drawn before it happens.

A recipe is plain values. The same recipe gives the same samples for as long as the sounds that it
names are there; a recipe drawn again from the same seed is the same recipe.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, is_dataclass
from functools import cache
from math import log
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from trainer.codecs import CODECS
from trainer.delivery import Delivery, draw_delivery
from trainer.noise import BABBLE, MAKERS, WEIGHTS
from trainer.warp import Warp, draw_warp

T = TypeVar("T")

SEEDS = 2**31
EQUALISER_HZ = (0, 250, 1000, 3000, 8000)
BAND_HZ = (3400.0, 3800.0, 4000.0, 5500.0, 7000.0)
RECORDED = "recorded:"
"""In front of the name of a noise that was recorded."""
MEASURED = "measured:"
"""In front of the name of a room that was measured."""


@dataclass(frozen=True)
class Strength:
    """How often and how far clips are changed. The defaults are what is asked of a detector."""

    warp_share: float = 0.5
    """Share of clips that another throat says at another pace (WORLD)."""
    speed: tuple[float, float] = (0.88, 1.15)
    """Range of plain resampling, which moves pitch, formants and tempo together."""
    crop_share: float = 0.15
    """A voice activity detector that woke late, a button that was let go early."""
    crop_s: float = 0.05
    pause_share: float = 0.2
    """Hesitation between words, where the boundaries of words are known."""
    pause_s: tuple[float, float] = (0.06, 0.6)
    stress_share: float = 0.15
    """One word weighs more than the others, where the boundaries of words are known."""
    trail_off_share: float = 0.08
    room_share: float = 0.5
    measured_share: float = 0.35
    """Of the rooms, when measured ones are there."""
    equaliser_share: float = 0.5
    noise_share: float = 0.65
    snr_db: tuple[float, float] = (0.0, 20.0)
    quiet_snr_db: tuple[float, float] = (20.0, 85.0)
    """All others: from a busy street outside to a studio."""
    recorded_share: float = 0.4
    """Of the noises, when recordings are there."""
    early_noise_share: float = 0.3
    """Noise in front of the microphone's band limit, not only behind it."""
    hum_share: float = 0.08
    """Mains in the microphone's own wires, besides the other noise."""
    hum_snr_db: tuple[float, float] = (10.0, 40.0)
    band_share: float = 0.35
    codec_share: float = 0.12
    clip_share: float = 0.08
    overdrive_db: tuple[float, float] = (3.0, 14.0)
    gate_share: float = 0.15
    """Devices and recordings that are digitally silent when nobody speaks."""
    gate_s: tuple[float, float] = (0.02, 1.0)
    """What a gate lets through on either side of the speech."""
    peak_db: tuple[float, float] = (-32.0, -1.0)


VALIDATION = Strength()
TRAINING = Strength(noise_share=0.8, snr_db=(-2.0, 16.0))
"""What is learnt from is noisier than what is asked (docs/decisions/0023)."""


@dataclass(frozen=True)
class Palette:
    """What there is to draw from, besides what can always be made."""

    rooms: tuple[str, ...] = ()
    """Simulated."""
    measured: tuple[str, ...] = ()
    noises: tuple[str, ...] = ()
    """Recorded."""
    babble: bool = False
    """Whether there are clips of other people."""


@dataclass(frozen=True)
class VoiceRecipe:
    """Who says the clip, and how."""

    warp: Warp | None = None
    """Another throat; None for plain resampling."""
    speed: float = 1.0
    """Plain resampling, pitch and all."""
    crop_s: tuple[float, float] = (0.0, 0.0)
    """Lost at the start and at the end."""
    pauses_s: tuple[float, ...] = ()
    """Added at each known boundary between words; 0 for none."""
    delivery: Delivery | None = None
    """How its words weigh against each other; None for as they were said."""


@dataclass(frozen=True)
class NoiseRecipe:
    """One noise under the speech."""

    kind: str
    """A kind that `trainer.noise` makes, or `recorded:` and a sound's name."""
    seed: int
    snr_db: float
    """Power of the speech, where somebody speaks, over power of the noise, where it is added."""
    early: bool = False
    """In front of the band limit and the early codec."""


@dataclass(frozen=True)
class Band:
    """What a microphone lets through."""

    high_hz: float
    order: int
    low_hz: float | None = None


@dataclass(frozen=True)
class RecordingRecipe:
    """How a scene is heard."""

    noises: tuple[NoiseRecipe, ...]
    peak_db: float
    room: str | None = None
    equaliser_db: tuple[float, ...] | None = None
    """Gains at `EQUALISER_HZ`."""
    band: Band | None = None
    codec: str | None = None
    codec_early: bool = False
    """Coded before the last noise, like speech out of a telephone's loudspeaker; else at the end,
    like a recording that was sent."""
    overdrive_db: float = 0.0
    """Above full scale."""
    soft: bool = False
    """Overdriven like a tube, not like a converter."""
    gate_s: float | None = None
    """What a gate lets through on either side of speech; None for no gate."""


def draw_voice(
    rng: np.random.Generator, strength: Strength = TRAINING, boundaries: int = 0
) -> VoiceRecipe:
    """Draw who says a clip.

    Args:
        rng: decides.
        strength: how often and how far.
        boundaries: how many places between words of the phrase are known.
    """
    warp = draw_warp(rng) if rng.random() < strength.warp_share else None
    speed = 1.0 if warp else float(rng.uniform(*strength.speed))
    start, end = rng.uniform(0, strength.crop_s, 2) * (rng.random(2) < strength.crop_share / 2)
    hesitates = rng.random(boundaries) < strength.pause_share
    pauses = (
        np.exp(rng.uniform(log(strength.pause_s[0]), log(strength.pause_s[1]), boundaries))
        * hesitates
    )
    delivery = draw_delivery(rng, boundaries + 1, strength.stress_share, strength.trail_off_share)
    return VoiceRecipe(warp, speed, (float(start), float(end)), tuple(pauses.tolist()), delivery)


def draw_noise(
    rng: np.random.Generator, palette: Palette, snr_db: float, strength: Strength = TRAINING
) -> NoiseRecipe:
    """Draw one noise of those there are."""
    if palette.noises and rng.random() < strength.recorded_share:
        kind = RECORDED + palette.noises[int(rng.integers(len(palette.noises)))]
    else:
        kinds = [*MAKERS, BABBLE] if palette.babble else list(MAKERS)
        weights = np.array([WEIGHTS[name] for name in kinds])
        kind = str(rng.choice(kinds, p=weights / weights.sum()))
    early = bool(rng.random() < strength.early_noise_share)
    return NoiseRecipe(kind, int(rng.integers(SEEDS)), snr_db, early)


def draw_recording(
    rng: np.random.Generator, palette: Palette, strength: Strength = TRAINING
) -> RecordingRecipe:
    """Draw room, noise, microphone and what becomes of its signal."""
    room = None
    if (palette.rooms or palette.measured) and rng.random() < strength.room_share:
        measured = bool(palette.measured) and rng.random() < strength.measured_share
        rooms = palette.measured if measured or not palette.rooms else palette.rooms
        room = rooms[int(rng.integers(len(rooms)))]
    equaliser = None
    if rng.random() < strength.equaliser_share:
        tilt = rng.uniform(-9, 9) * np.linspace(-0.5, 0.5, len(EQUALISER_HZ))
        equaliser = tuple((tilt + rng.uniform(-5, 5, len(EQUALISER_HZ))).tolist())
    noisy = rng.random() < strength.noise_share
    snr_db = float(rng.uniform(*(strength.snr_db if noisy else strength.quiet_snr_db)))
    noises = [draw_noise(rng, palette, snr_db, strength)]
    if rng.random() < strength.hum_share:
        hum_db = float(rng.uniform(*strength.hum_snr_db))
        noises.append(NoiseRecipe("hum", int(rng.integers(SEEDS)), hum_db))
    codec = None
    if rng.random() < strength.codec_share:
        weights = np.array([c.weight for c in CODECS.values()])
        codec = str(rng.choice(list(CODECS), p=weights / weights.sum()))
    driven = rng.random() < strength.clip_share
    gated = rng.random() < strength.gate_share
    return RecordingRecipe(
        noises=tuple(noises),
        peak_db=float(rng.uniform(*strength.peak_db)),
        room=room,
        equaliser_db=equaliser,
        band=_draw_band(rng) if rng.random() < strength.band_share else None,
        codec=codec,
        codec_early=bool(rng.random() < 0.5),
        overdrive_db=float(rng.uniform(*strength.overdrive_db)) if driven else 0.0,
        soft=bool(rng.random() < 0.5),
        gate_s=_log_uniform(rng, strength.gate_s) if gated else None,
    )


def _log_uniform(rng: np.random.Generator, between: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(between))))


def _draw_band(rng: np.random.Generator) -> Band:
    """A telephone, a toy, a laptop's lid: many recordings have nothing above 4 kHz."""
    high_hz = float(rng.choice(BAND_HZ) * rng.uniform(0.97, 1.03))
    low_hz = float(rng.uniform(60, 350)) if rng.random() < 0.6 else None
    return Band(high_hz, int(rng.integers(3, 9)), low_hz)


def to_dict(recipe: Any) -> dict[str, Any]:
    """Return any recipe as plain values for JSON."""
    return asdict(recipe)


def from_dict(kind: type[T], values: dict[str, Any]) -> T:
    """Return the recipe of this class that `to_dict` made these values of.

    Raises:
        ValueError: a field is missing or unknown.
    """
    hints = _hints(kind)  # type: ignore[arg-type]  # classes are hashable
    if values.keys() != hints.keys():
        odd = sorted(hints.keys() ^ values.keys())
        raise ValueError(f"This is no {kind.__name__}: {', '.join(odd)} missing or unknown.")
    return kind(**{name: _value(hints[name], value) for name, value in values.items()})


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the type of each field: a dataset has tens of thousands of recipes."""
    assert is_dataclass(kind)
    return get_type_hints(kind)


def _value(hint: Any, value: Any) -> Any:
    """Build what a type hint of a recipe asks for."""
    if value is None:
        return None
    if isinstance(hint, UnionType):  # X | None
        hint = next(option for option in get_args(hint) if option is not type(None))
    if is_dataclass(hint):
        return from_dict(hint, value)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        return tuple(_value(get_args(hint)[0], item) for item in value)
    return value
