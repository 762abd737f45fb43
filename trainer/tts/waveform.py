"""What an engine returned in, trimmed and checked speech out; the one place that rejects speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.tts.base import Speech, SynthesisError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from trainer.tts.base import Voice

KEPT_SILENCE_S = 0.03
"""Left at both ends, so that a soft first or last sound is not cut."""
FRAME_S = 0.01
SILENCE_BELOW_PEAK = 0.01
"""A frame whose largest sample is below this share of the clip's largest (−40 dB) is silence."""
QUIETEST_PEAK = 0.01
MOST_CLIPPED = 0.005
"""Share of samples at full scale. A clean engine has none; a normalised one has single samples."""
FULL_SCALE = 0.9995
MOST_DC = 0.5
"""Share of the energy that is a constant: speech has almost none."""
SHORTEST_SOUND_S = 0.018
"""Per spoken symbol at speed 1. Quick voices need 0.045 s and more, so 2 x speed still passes."""
LONGEST_SOUND_S = 0.35
LONGEST_REST_S = 1.5
"""Allowed beside the symbols: breaths, pauses, a drawn-out last sound."""
SOUNDS_PER_DIGIT = 5
_NO_SOUND = frozenset("ˈˌː ̃ʰʲ↓→↗↘")


def finish_speech(
    samples: ArrayLike, rate_hz: int, text: str, voice: Voice, settings: dict[str, object]
) -> Speech:
    """Turn what an engine returned into `Speech`: scaled, trimmed and checked.

    Args:
        samples: int16 or floats [samples], mono. Floats beyond 1 are scaled down as a whole.
        rate_hz: their sample rate.
        text: what was to be said.
        voice: who said it.
        settings: how; JSON values.

    Raises:
        SynthesisError: it is no speech of this text; see `check_speech`.
    """
    array = np.asarray(samples).ravel()
    scale = 32768.0 if array.dtype == np.int16 else max(1.0, float(np.abs(array).max(initial=0.0)))
    waveform = array.astype(np.float32) / np.float32(scale)
    speech = Speech(trim_silence(waveform, rate_hz), rate_hz, text, voice, settings)
    check_speech(speech)
    return speech


def trim_silence(waveform: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """Cut silence from both ends, all but `KEPT_SILENCE_S`.

    Args:
        waveform: float32 [samples].
        rate_hz: its sample rate.

    Returns:
        float32 [samples]; the waveform itself where it is all silence.
    """
    frame_samples = max(1, round(rate_hz * FRAME_S))
    frames = len(waveform) // frame_samples
    if not frames:
        return waveform
    peaks = np.abs(waveform[: frames * frame_samples]).reshape(frames, frame_samples).max(axis=1)
    loud = np.flatnonzero(peaks > SILENCE_BELOW_PEAK * peaks.max())
    if not len(loud):
        return waveform
    kept_samples = round(rate_hz * KEPT_SILENCE_S)
    start = max(0, int(loud[0]) * frame_samples - kept_samples)
    end = (int(loud[-1]) + 1) * frame_samples + kept_samples
    return np.ascontiguousarray(waveform[start:end])


def count_sounds(speech: Speech) -> int:
    """Return about how many sounds the clip should hold, from its phonemes or else its letters."""
    phonemes = speech.settings.get("phonemes")
    if isinstance(phonemes, str):
        return sum(symbol.isalpha() and symbol not in _NO_SOUND for symbol in phonemes)
    digits = sum(letter.isdigit() for letter in speech.text)
    return sum(letter.isalpha() for letter in speech.text) + SOUNDS_PER_DIGIT * digits


def check_speech(speech: Speech) -> None:
    """Raise `SynthesisError` when a clip cannot be speech of its text.

    Refused are samples that are no numbers, silence, clipping, a constant, and a length that does
    not fit the text at the speed in `settings["speed"]`.
    """
    fault = _signal_fault(speech.waveform) or _length_fault(speech)
    if fault:
        raise SynthesisError(
            f"{speech.voice.engine}:{speech.voice.name} said {speech.text!r} badly: {fault}. "
            f"Choose another voice, speed or seed for this text."
        )


def _signal_fault(waveform: NDArray[np.float32]) -> str | None:
    if not len(waveform):
        return "no samples"
    if not np.isfinite(waveform).all():
        return "samples that are no numbers"
    peak = float(np.abs(waveform).max())
    if peak < QUIETEST_PEAK:
        return f"silence (peak {peak:.4f})"
    clipped = float(np.mean(np.abs(waveform) >= FULL_SCALE))
    if clipped > MOST_CLIPPED:
        return f"clipped ({clipped:.1%} of the samples are at full scale)"
    dc_share = float(np.mean(waveform)) ** 2 / float(np.mean(np.square(waveform, dtype=np.float64)))
    if dc_share > MOST_DC:
        return f"a constant signal ({dc_share:.0%} of the energy)"
    return None


def _length_fault(speech: Speech) -> str | None:
    speed = speech.settings.get("speed", 1.0)
    slowdown = 1.0 / min(float(speed), 1.0) if isinstance(speed, int | float) else 1.0
    sounds = count_sounds(speech)
    shortest_s = SHORTEST_SOUND_S * sounds * slowdown
    longest_s = (LONGEST_REST_S + LONGEST_SOUND_S * sounds) * slowdown
    if shortest_s <= speech.seconds <= longest_s:
        return None
    return (
        f"{speech.seconds:.2f} s for {sounds} sounds "
        f"(expected {shortest_s:.2f} to {longest_s:.2f} s)"
    )


def voiced_share(waveform: NDArray[np.float32], rate_hz: int) -> float:
    """Return the share of 40 ms frames with a pitch of 60 to 500 Hz, among the loud ones.

    Speech has many, noise none: the normalised autocorrelation of a frame has a peak above 0.5 at
    the lag of a pitch.
    """
    frame_samples = round(rate_hz * 0.04)
    frames = len(waveform) // frame_samples
    if not frames:
        return 0.0
    cut = waveform[: frames * frame_samples].reshape(frames, frame_samples).astype(np.float64)
    cut -= cut.mean(axis=1, keepdims=True)
    energy = np.square(cut).sum(axis=1)
    loud = energy > 0.01 * energy.max()
    spectrum = np.abs(np.fft.rfft(cut[loud], 2 * frame_samples, axis=1)) ** 2
    correlation = np.fft.irfft(spectrum, axis=1)[:, :frame_samples]
    lags = slice(rate_hz // 500, rate_hz // 60)
    # A frame of n samples overlaps its shifted self by n − lag: without this, low voices lose.
    overlap = frame_samples / (frame_samples - np.arange(frame_samples)[lags])
    peaks = (correlation[:, lags] * overlap).max(axis=1) / np.maximum(correlation[:, 0], 1e-12)
    return float(np.mean(peaks > 0.5))
