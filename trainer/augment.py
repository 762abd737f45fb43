"""Waveform in, waveform out: what voices, rooms, noise and cheap microphones do to speech.

Two kinds of change: `vary_voice` makes another speaker say the clip, `record` lets a microphone
somewhere in a room hear a whole scene. All draws come from the generator that is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import signal

from trainer.noise import background, unit_rms
from trainer.warp import Speech, Utterance, draw_warp
from watchword_runtime.frontend import SAMPLE_RATE_HZ, to_int16

if TYPE_CHECKING:
    from collections.abc import Sequence

Waveform = NDArray[np.float32]

TRIM_BELOW_DB = 40.0
TRIM_FRAME = SAMPLE_RATE_HZ // 100
RESAMPLE_STEPS = 40


@dataclass(frozen=True)
class Strength:
    """How often and how far clips are changed. The defaults are for training."""

    warp_share: float = 0.5
    """Share of clips that another throat says at another pace (WORLD)."""
    speed: tuple[float, float] = (0.88, 1.15)
    """Range of plain resampling, which moves pitch, formants and tempo together."""
    room_share: float = 0.5
    noise_share: float = 0.8
    snr_db: tuple[float, float] = (0.0, 30.0)
    early_noise_share: float = 0.3
    """Noise in front of the microphone's band limit, not only behind it."""
    band_share: float = 0.35
    equaliser_share: float = 0.5
    clip_share: float = 0.08
    codec_share: float = 0.1
    peak_db: tuple[float, float] = (-32.0, -1.0)


TRAINING = Strength()


def active_span(waveform: Waveform) -> tuple[int, int]:
    """Return the first and last sample (exclusive) that are not silence, 10 ms exact.

    Silence is more than 40 dB below the loudest 10 ms; (0, len) for a clip without any sound.
    """
    frames = len(waveform) // TRIM_FRAME
    if frames == 0:
        return 0, len(waveform)
    power = np.square(waveform[: frames * TRIM_FRAME]).reshape(frames, TRIM_FRAME).mean(axis=1)
    loud = np.nonzero(power > power.max() * 10 ** (-TRIM_BELOW_DB / 10))[0]
    if not loud.size:
        return 0, len(waveform)
    return int(loud[0]) * TRIM_FRAME, min((int(loud[-1]) + 1) * TRIM_FRAME, len(waveform))


def trim(waveform: Waveform) -> Waveform:
    """Cut the silence from both ends."""
    start, stop = active_span(waveform)
    return waveform[start:stop]


def trim_speech(speech: Speech) -> Speech:
    """Cut the silence from both ends; the span stays on its words."""
    start, stop = active_span(speech.waveform)
    first, last = speech.span
    return Speech(
        speech.waveform[start:stop],
        (min(max(first, start), stop) - start, min(max(last, start), stop) - start),
    )


def change_speed(waveform: Waveform, factor: float) -> Waveform:
    """Play faster (factor above 1) or slower, as a tape does; rounded to 1/40."""
    steps = round(factor * RESAMPLE_STEPS)
    if steps == RESAMPLE_STEPS or not waveform.size:
        return waveform
    return soxr.resample(waveform, steps, RESAMPLE_STEPS, quality="MQ").astype(np.float32)


def vary_voice(clip: Utterance, rng: np.random.Generator, strength: Strength = TRAINING) -> Speech:
    """Let somebody else say a trimmed clip: another throat, another pace; about unit loudness.

    The span of the result is where the clip's span went.
    """
    if rng.random() < strength.warp_share:
        warp = draw_warp(rng)
        waveform, pace = clip.warped(warp), warp.tempo
    else:
        factor = float(rng.uniform(*strength.speed))
        waveform = change_speed(clip.waveform, factor)
        pace = round(factor * RESAMPLE_STEPS) / RESAMPLE_STEPS
    first, last = clip.span
    speech = trim_speech(Speech(waveform, (round(first / pace), round(last / pace))))
    return replace(speech, waveform=unit_rms(speech.waveform))


def add_noise(
    waveform: Waveform, noise: Waveform, snr_db: float, speech_rms: float | None = None
) -> Waveform:
    """Add noise at a signal-to-noise ratio.

    Args:
        waveform: float32 [samples].
        noise: float32 [samples], any level.
        snr_db: power of the speech over power of the noise.
        speech_rms: root mean square of the speech; by default that of the waveform's active part.
    """
    if speech_rms is None:
        start, stop = active_span(waveform)
        speech_rms = float(np.sqrt(np.mean(np.square(waveform[start:stop])) + 1e-12))
    return waveform + unit_rms(noise) * np.float32(speech_rms * 10 ** (-snr_db / 20))


def reverberate(waveform: Waveform, response: Waveform) -> Waveform:
    """Convolve with a room's impulse response; same length, same timing."""
    return signal.oaconvolve(waveform, response)[: len(waveform)].astype(np.float32)


def limit_band(waveform: Waveform, rng: np.random.Generator) -> Waveform:
    """A telephone, a toy, a laptop's lid: cut lows and highs at drawn corners."""
    high_hz = rng.choice([3400.0, 3800.0, 4000.0, 5500.0, 7000.0])
    sections = signal.butter(
        int(rng.integers(3, 9)), high_hz, "lowpass", fs=SAMPLE_RATE_HZ, output="sos"
    )
    if rng.random() < 0.6:
        low = signal.butter(2, rng.uniform(60, 350), "highpass", fs=SAMPLE_RATE_HZ, output="sos")
        sections = np.concatenate([low, sections])
    return signal.sosfilt(sections, waveform).astype(np.float32)


def equalise(waveform: Waveform, rng: np.random.Generator) -> Waveform:
    """Tilt and bend the spectrum by up to ± 9 dB at five points."""
    corners = np.array([0, 250, 1000, 3000, 8000])
    gain_db = rng.uniform(-9, 9) * np.linspace(-0.5, 0.5, len(corners)) + rng.uniform(-5, 5, 5)
    taps = signal.firwin2(65, corners, 10 ** (gain_db / 20), fs=SAMPLE_RATE_HZ)
    return signal.oaconvolve(waveform, taps, mode="same").astype(np.float32)


def mu_law(waveform: Waveform) -> Waveform:
    """Telephone companding to 8 bits and back (ITU-T G.711's curve); peaks at full scale."""
    peak = float(np.abs(waveform).max()) + 1e-9
    x = waveform / peak
    coded = np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256)
    coded = np.round(coded * 127) / 127
    return (np.sign(coded) * (256 ** np.abs(coded) - 1) / 255 * peak).astype(np.float32)


def record(
    scene: Waveform,
    rng: np.random.Generator,
    *,
    rooms: Sequence[Waveform],
    speech: Sequence[Waveform] = (),
    strength: Strength = TRAINING,
    speech_rms: float | None = None,
) -> NDArray[np.int16]:
    """Let a microphone hear a scene.

    Args:
        scene: float32 [samples] at 16 kHz, dry.
        rng: decides everything that happens on the way.
        rooms: impulse responses to choose from; none, no room.
        speech: clips for babble.
        strength: how often and how far.
        speech_rms: level of the speech in the scene, where most of it is silence.

    Returns:
        int16 [samples], nothing moved in time by more than a filter's delay.
    """
    if speech_rms is None:
        start, stop = active_span(scene)
        speech_rms = float(np.sqrt(np.mean(np.square(scene[start:stop])) + 1e-12))
    x = scene
    if rooms and rng.random() < strength.room_share:
        x = reverberate(x, rooms[int(rng.integers(len(rooms)))])
    if rng.random() < strength.equaliser_share:
        x = equalise(x, rng)
    noise = background(rng, len(x), speech)
    noisy = rng.random() < strength.noise_share
    snr_db = float(rng.uniform(*strength.snr_db))
    early = rng.random() < strength.early_noise_share
    if noisy and early:
        x = add_noise(x, noise, snr_db, speech_rms)
    if rng.random() < strength.band_share:
        x = limit_band(x, rng)
    if rng.random() < strength.codec_share:
        x = mu_law(x)
    if noisy and not early:
        x = add_noise(x, noise, snr_db, speech_rms)
    elif not noisy:  # no microphone is silent
        x = add_noise(x, noise, float(rng.uniform(35, 60)), speech_rms)
    x = x / (float(np.abs(x).max()) + 1e-9)
    if rng.random() < strength.clip_share:
        x = np.clip(x * rng.uniform(1.5, 5.0), -1, 1)
    return to_int16(np.asarray(x * 10 ** (rng.uniform(*strength.peak_db) / 20), np.float32))
