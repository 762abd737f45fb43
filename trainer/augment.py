"""Speech and a recipe in, what a microphone makes of it out.

Two kinds of change: `vary_voice` makes another speaker say the clip, `record` lets a microphone
somewhere in a room hear a whole scene. Nothing is drawn here: see `trainer.recipe`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import signal

from trainer.codecs import code
from trainer.delivery import weigh
from trainer.noise import unit_rms
from trainer.recipe import EQUALISER_HZ
from trainer.speech import TRIM_FRAME, active_span, cut, trim_speech
from watchword_runtime.frontend import SAMPLE_RATE_HZ, to_int16

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.recipe import Band, RecordingRecipe, VoiceRecipe
    from trainer.speech import Speech
    from trainer.surroundings import Surroundings
    from trainer.warp import Utterance

Waveform = NDArray[np.float32]

RESAMPLE_STEPS = 40
CROP_LIMIT = 0.06
"""Share of a clip that a crop may take from one end: no phoneme of a phrase is that short."""
PAUSE_SEARCH_S = 0.06
"""How far from a word boundary the quietest moment, where somebody would hesitate, may be."""
PAUSE_FADE = SAMPLE_RATE_HZ // 200


def change_speed(speech: Speech, factor: float) -> Speech:
    """Play faster (factor above 1) or slower, as a tape does; rounded to 1/40."""
    steps = round(factor * RESAMPLE_STEPS)
    if steps == RESAMPLE_STEPS or not speech.waveform.size:
        return speech
    waveform = soxr.resample(speech.waveform, steps, RESAMPLE_STEPS, quality="MQ")
    return speech.moved(
        np.asarray(waveform, np.float32), lambda moment: moment * RESAMPLE_STEPS / steps
    )


def hesitate(speech: Speech, pauses_s: Sequence[float]) -> Speech:
    """Pause at each boundary between words, 0 s for not at all.

    The pause comes at the quietest moment near the boundary, with short fades, so that it neither
    cuts a sound nor clicks.
    """
    reach = int(PAUSE_SEARCH_S * SAMPLE_RATE_HZ)
    for number in reversed(range(len(pauses_s))):
        pause = np.zeros(int(pauses_s[number] * SAMPLE_RATE_HZ), np.float32)
        boundary = speech.boundaries[number]
        low, high = max(boundary - reach, 0), min(boundary + reach, len(speech.waveform))
        if not pause.size or high - low < 2 * TRIM_FRAME:
            continue
        loudness = np.convolve(
            np.square(speech.waveform[low:high]), np.ones(TRIM_FRAME, np.float32), "valid"
        )
        at = low + int(np.argmin(loudness)) + TRIM_FRAME // 2
        first, rest = speech.waveform[:at].copy(), speech.waveform[at:].copy()
        fade = np.linspace(1, 0, PAUSE_FADE, dtype=np.float32)
        first[-PAUSE_FADE:] *= fade[-len(first) :]
        rest[:PAUSE_FADE] *= fade[::-1][: len(rest)]
        speech = speech.moved(np.concatenate([first, pause, rest]), _after(at, len(pause)))
    return speech


def _after(at: int, samples: int) -> Callable[[int], float]:
    """Return where moments are when so much was put in at one of them."""
    return lambda moment: moment + samples if moment > at else moment


def vary_voice(clip: Utterance, recipe: VoiceRecipe) -> Speech:
    """Let somebody else say a trimmed clip: another throat, another pace; about unit loudness."""
    if recipe.warp:
        speech = clip.warped(recipe.warp, recipe.delivery)
    else:
        speech = change_speed(clip.speech, recipe.speed)
    speech = trim_speech(speech)
    most = int(CROP_LIMIT * len(speech.waveform))
    start, end = (min(int(crop * SAMPLE_RATE_HZ), most) for crop in recipe.crop_s)
    speech = cut(speech, start, len(speech.waveform) - end)
    if recipe.delivery:
        speech = weigh(speech, recipe.delivery)
    speech = speech.moved(unit_rms(speech.waveform), lambda moment: moment)
    return hesitate(speech, recipe.pauses_s)


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


def limit_band(waveform: Waveform, band: Band) -> Waveform:
    """Cut highs, and lows where a corner is given, by Butterworth filters."""
    sections = signal.butter(band.order, band.high_hz, "lowpass", fs=SAMPLE_RATE_HZ, output="sos")
    if band.low_hz is not None:
        low = signal.butter(2, band.low_hz, "highpass", fs=SAMPLE_RATE_HZ, output="sos")
        sections = np.concatenate([low, sections])
    return signal.sosfilt(sections.astype(np.float32), waveform)


def equalise(waveform: Waveform, gains_db: Sequence[float]) -> Waveform:
    """Bend the spectrum: gains at `EQUALISER_HZ`, straight lines between them."""
    gains = 10 ** (np.asarray(gains_db) / 20)
    taps = signal.firwin2(65, EQUALISER_HZ, gains, fs=SAMPLE_RATE_HZ).astype(np.float32)
    return signal.oaconvolve(waveform, taps, mode="same")


def overdrive(waveform: Waveform, gain_db: float, *, soft: bool) -> Waveform:
    """Drive a waveform beyond full scale, 1.0, and lose what is above."""
    driven = waveform * np.float32(10 ** (gain_db / 20))
    return np.tanh(driven) if soft else np.clip(driven, -1, 1)


def gate(waveform: Waveform, spans: Sequence[tuple[int, int]], margin: int) -> Waveform:
    """Silence everything that is further than `margin` samples from every span."""
    passed = np.zeros(len(waveform), bool)
    for start, stop in spans:
        passed[max(0, start - margin) : stop + margin] = True
    return np.where(passed, waveform, np.float32(0))


def _power(waveform: Waveform, spans: Sequence[tuple[int, int]]) -> float:
    """Return the mean square inside of spans."""
    total = sum(float(np.dot(waveform[a:b], waveform[a:b])) for a, b in spans)
    return total / max(1, sum(b - a for a, b in spans))


def _noisy(
    x: Waveform,
    recipe: RecordingRecipe,
    surroundings: Surroundings,
    spans: Sequence[tuple[int, int]],
    share: float,
    *,
    early: bool,
) -> Waveform:
    """Add the noises that come before the band limit, or those behind it."""
    rms = float(np.sqrt(_power(x, spans) * share))
    for noise in recipe.noises:
        if noise.early is early:
            x = add_noise(x, surroundings.noise(noise, len(x)), noise.snr_db, rms)
    return x


def record(
    scene: Waveform,
    recipe: RecordingRecipe,
    surroundings: Surroundings,
    *,
    spoken: Sequence[tuple[int, int]] | None = None,
    speech_rms: float | None = None,
) -> NDArray[np.int16]:
    """Let a microphone hear a scene.

    Args:
        scene: float32 [samples] at 16 kHz, dry.
        recipe: everything that happens on the way.
        surroundings: has the rooms and noises that the recipe names.
        spoken: samples between which somebody speaks; by default from the first to the last sound.
        speech_rms: level of that speech; by default as measured there. Rooms and filters change
            it, and noise is added in proportion to what they left.

    Returns:
        int16 [samples], nothing moved in time by more than a filter's delay.
    """
    spans = spoken or [active_span(scene)]
    dry = _power(scene, spans)
    share = (speech_rms**2 / dry) if speech_rms is not None and dry else 1.0

    x = scene
    if recipe.room:
        x = reverberate(x, surroundings.response(recipe.room))
    if recipe.equaliser_db:
        x = equalise(x, recipe.equaliser_db)
    x = _noisy(x, recipe, surroundings, spans, share, early=True)
    if recipe.band:
        x = limit_band(x, recipe.band)
    if recipe.codec and recipe.codec_early:
        x = code(x, recipe.codec)
    x = _noisy(x, recipe, surroundings, spans, share, early=False)
    x = x / np.float32(np.abs(x).max(initial=0.0) + 1e-9)
    if recipe.overdrive_db:
        x = overdrive(x, recipe.overdrive_db, soft=recipe.soft)
    if recipe.codec and not recipe.codec_early:
        x = code(x, recipe.codec)
    if recipe.gate_s is not None:
        x = gate(x, spans, int(recipe.gate_s * SAMPLE_RATE_HZ))
    return to_int16(np.asarray(x * np.float32(10 ** (recipe.peak_db / 20)), np.float32))
