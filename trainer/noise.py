"""A random generator in, background noise out: steady, swelling, sudden, tuneful or spoken.

Recorded noise comes from `trainer.sounds`; what is made here never runs out and costs no download.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Waveform = NDArray[np.float32]

BABBLE_VOICES = (3, 8)
QUIET = 1e-6
LOWEST_HZ = 20.0
"""Noise below is drift, which no microphone records."""


def unit_rms(waveform: Waveform) -> Waveform:
    """Scale to a root mean square of 1; silence stays silence."""
    rms = float(np.sqrt(np.mean(np.square(waveform)))) if waveform.size else 0.0
    return waveform / rms if rms > QUIET else waveform


def coloured(rng: np.random.Generator, samples: int) -> Waveform:
    """Noise whose power falls with a random slope: white, pink, brown and between."""
    length = fft.next_fast_len(samples, real=True)
    bins = length // 2 + 1
    spectrum = rng.standard_normal(bins) + 1j * rng.standard_normal(bins)
    frequency_hz = np.fft.rfftfreq(length, 1 / SAMPLE_RATE_HZ)
    slope = rng.uniform(0.0, 2.2)
    spectrum *= np.maximum(frequency_hz, LOWEST_HZ) ** (-slope / 2)
    spectrum[frequency_hz < LOWEST_HZ] = 0
    return unit_rms(fft.irfft(spectrum, length)[:samples].astype(np.float32))


def hum(rng: np.random.Generator, samples: int) -> Waveform:
    """Mains or a motor: a low tone with decaying harmonics, over a little noise."""
    time_s = np.arange(samples) / SAMPLE_RATE_HZ
    base_hz = rng.choice([50.0, 60.0, rng.uniform(40.0, 240.0)])
    harmonics = int(rng.integers(2, 15))
    phase, gain = rng.uniform(0, 2 * np.pi, harmonics), rng.uniform(0.2, 1.0, harmonics)
    weights = gain / np.arange(1, harmonics + 1) * np.exp(1j * phase)
    tones = harmonic_sum(2 * np.pi * base_hz * time_s, weights)
    return unit_rms(tones) + np.float32(0.3) * unit_rms(coloured(rng, samples))


def harmonic_sum(phase: NDArray[np.float64], weights: NDArray[np.complexfloating]) -> Waveform:
    """Add up tones at 1, 2, 3… times a phase, float64 [samples], by complex weights.

    Horner's rule: a sine for each of them would take most of the time that noise takes.
    """
    angle = (phase % (2 * np.pi)).astype(np.float32)
    turn = np.empty(angle.shape, np.complex64)
    turn.real, turn.imag = np.cos(angle), np.sin(angle)
    total = np.zeros_like(turn)
    for weight in weights[::-1]:
        total += np.complex64(weight)
        total *= turn
    return total.imag.copy()


def gusts(rng: np.random.Generator, samples: int) -> Waveform:
    """Coloured noise that swells and fades: wind, traffic, a crowd, a tap."""
    knots = max(2, samples // int(SAMPLE_RATE_HZ * 0.3))
    level_db = np.interp(
        np.linspace(0, knots - 1, samples), np.arange(knots), rng.uniform(-24, 0, knots)
    )
    return coloured(rng, samples) * (10 ** (level_db / 20)).astype(np.float32)


def clatter(rng: np.random.Generator, samples: int) -> Waveform:
    """Dishes, keys, doors: short decaying resonances at random moments."""
    out = np.zeros(samples, np.float32)
    for _ in range(max(1, int(samples / SAMPLE_RATE_HZ * rng.uniform(1.0, 6.0)))):
        length = int(SAMPLE_RATE_HZ * rng.uniform(0.02, 0.25))
        time_s = np.arange(length) / SAMPLE_RATE_HZ
        hit = rng.standard_normal(length) * rng.uniform(0.1, 0.6)
        for _ in range(int(rng.integers(1, 5))):
            hit = hit + np.sin(2 * np.pi * rng.uniform(200, 7000) * time_s) * rng.uniform(0.2, 1)
        hit = hit * np.exp(-time_s / rng.uniform(0.005, 0.08)) * rng.uniform(0.1, 1.0)
        start = int(rng.integers(0, samples))
        out[start : start + length] += hit[: samples - start].astype(np.float32)
    return out + 0.02 * unit_rms(coloured(rng, samples))


def chords(rng: np.random.Generator, samples: int) -> Waveform:
    """Something like music: overlapping harmonic notes of a scale with attack and decay."""
    out = np.zeros(samples, np.float32)
    root_hz = rng.uniform(80, 300)
    note_s = rng.uniform(0.12, 0.6)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16])
    for start in range(0, samples, max(1, int(note_s * SAMPLE_RATE_HZ))):
        for _ in range(int(rng.integers(1, 4))):
            length = min(samples - start, int(SAMPLE_RATE_HZ * note_s * rng.uniform(0.8, 2.5)))
            time_s = np.arange(length) / SAMPLE_RATE_HZ
            pitch_hz = root_hz * 2 ** (rng.choice(scale) / 12) * rng.choice([1, 2])
            weights = 1 / np.arange(1, int(rng.integers(1, 9)) + 1) + 0j
            tone = harmonic_sum(2 * np.pi * pitch_hz * time_s, weights)
            envelope = np.minimum(time_s / 0.01, 1) * np.exp(-time_s / rng.uniform(0.1, 0.8))
            out[start : start + length] += (tone * envelope).astype(np.float32)
    return out


def _events(
    rng: np.random.Generator,
    samples: int,
    make: Callable[[int], Waveform],
    length_s: tuple[float, float],
) -> Waveform:
    """Sudden sounds with silence between them, as often in a minute as chance will have it."""
    out = np.zeros(samples, np.float32)
    pause_s = np.exp(rng.uniform(np.log(0.15), np.log(2.0)))
    at = -int(rng.uniform(0, pause_s) * SAMPLE_RATE_HZ)
    while at < samples:
        length = int(SAMPLE_RATE_HZ * np.exp(rng.uniform(*np.log(length_s))))
        first, stop = max(at, 0), min(at + length, samples)
        if stop > first:
            sound = unit_rms(make(length)) * np.float32(10 ** (rng.uniform(-12, 0) / 20))
            out[first:stop] += sound[first - at : stop - at]
        at += length + int(rng.exponential(pause_s) * SAMPLE_RATE_HZ)
    floor = np.float32(10 ** (rng.uniform(-60, -20) / 20))
    return out + floor * coloured(rng, samples) if rng.random() < 0.5 else out


def _swell(rng: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """Loudness [samples] of a sound that starts suddenly and dies away."""
    place = np.linspace(0, 1, samples)
    attack = rng.uniform(0.01, 0.25)
    return np.minimum(place / attack, 1) * np.minimum((1 - place) / rng.uniform(0.1, 0.7), 1)


def calls(rng: np.random.Generator, samples: int) -> Waveform:
    """Animals, babies, laughter, alarms: voiced sounds that glide, some of them rough."""
    base_hz = np.exp(rng.uniform(np.log(120), np.log(1400)))
    tilt, rough = rng.uniform(0.3, 1.6), rng.uniform(0.0, 0.6)
    formants_hz = rng.uniform(400, 4500, 3)

    def call(length: int) -> Waveform:
        glide = np.interp(
            np.linspace(0, 1, length), [0, rng.uniform(0.2, 0.8), 1], rng.uniform(0.7, 1.5, 3)
        )
        jitter = 1 + 0.03 * rough * np.convolve(
            rng.standard_normal(length), np.ones(80) / 9, "same"
        )
        phase = np.cumsum(2 * np.pi * base_hz * glide * jitter / SAMPLE_RATE_HZ)
        order = np.arange(1, max(2, int(7000 / base_hz)) + 1)
        near = np.exp(-(((order * base_hz)[:, None] - formants_hz) ** 2) / 2 / 400**2).sum(1)
        tone = unit_rms(harmonic_sum(phase, (0.2 + near) / order**tilt + 0j))
        breath = rough * rng.standard_normal(length).astype(np.float32)
        return ((tone + breath) * _swell(rng, length)).astype(np.float32)

    return _events(rng, samples, call, (0.06, 1.0))


def bursts(rng: np.random.Generator, samples: int) -> Waveform:
    """Coughs, sneezes, slams, rustling: noise that starts suddenly, with silence between."""

    def burst(length: int) -> Waveform:
        return (coloured(rng, length) * _swell(rng, length)).astype(np.float32)

    return _events(rng, samples, burst, (0.04, 0.7))


def ticks(rng: np.random.Generator, samples: int) -> Waveform:
    """Clocks, keys, drips: the same short click again and again, more or less regularly."""
    out = np.zeros(samples, np.float32)
    length = int(SAMPLE_RATE_HZ * rng.uniform(0.003, 0.04))
    time_s = np.arange(length) / SAMPLE_RATE_HZ
    click = rng.standard_normal(length) * rng.uniform(0.1, 1.0)
    for tone_hz in rng.uniform(300, 7500, 3):
        click = click + np.sin(2 * np.pi * tone_hz * time_s) * rng.uniform(0, 1)
    click = (click * np.exp(-time_s / rng.uniform(0.001, 0.015))).astype(np.float32)
    period_s, sway = np.exp(rng.uniform(np.log(0.08), np.log(1.2))), rng.uniform(0, 0.4)
    at = int(rng.uniform(0, period_s) * SAMPLE_RATE_HZ)
    while at < samples:
        out[at : at + length] += click[: samples - at] * np.float32(rng.uniform(0.5, 1.0))
        at += max(1, int(period_s * (1 + rng.uniform(-sway, sway)) * SAMPLE_RATE_HZ))
    return out


def babble(rng: np.random.Generator, samples: int, speech: Sequence[Waveform]) -> Waveform:
    """Several people at once: `speech` clips laid over each other at random moments."""
    out = np.zeros(samples, np.float32)
    for _ in range(int(rng.integers(*BABBLE_VOICES))):
        position = -int(rng.integers(0, SAMPLE_RATE_HZ))
        level = rng.uniform(0.3, 1.0)
        while position < samples:
            clip = unit_rms(speech[int(rng.integers(len(speech)))]) * level
            start, stop = max(position, 0), min(position + len(clip), samples)
            if stop > start:
                out[start:stop] += clip[start - position : stop - position]
            position += max(len(clip), 1) + int(rng.integers(0, SAMPLE_RATE_HZ // 2))
    return out


BABBLE = "babble"
MAKERS: dict[str, Callable[[np.random.Generator, int], Waveform]] = {
    "coloured": coloured,
    "gusts": gusts,
    "hum": hum,
    "clatter": clatter,
    "chords": chords,
    "calls": calls,
    "bursts": bursts,
    "ticks": ticks,
}
WEIGHTS = {
    "coloured": 2.0, "gusts": 1.0, "hum": 0.7, "clatter": 1.0, "chords": 1.0, "calls": 1.5,
    "bursts": 1.0, "ticks": 0.7, BABBLE: 1.5,
}  # fmt: skip
"""How often each kind is drawn."""


def make_noise(kind: str, seed: int, samples: int, speech: Sequence[Waveform] = ()) -> Waveform:
    """Make one kind of noise.

    Args:
        kind: a key of `WEIGHTS`.
        seed: decides its content.
        samples: length at 16 kHz.
        speech: clips for babble.

    Returns:
        float32 [samples], root mean square 1.
    """
    rng = np.random.default_rng(seed)
    made = babble(rng, samples, speech) if kind == BABBLE else MAKERS[kind](rng, samples)
    return unit_rms(made)
