"""A waveform and its words in, when PocketSphinx hears each word out: the second opinion.

It judges what `trainer.segment` finds (`python -m trainer.segment_report`), with another model,
another dictionary and another method: Gaussian mixtures, CMUdict and a Viterbi search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_FRAME_S = 0.01
# The usual beams lose the path of slow or accented speakers, and with it the rest of a sentence.
_WIDE = {"beam": 1e-120, "pbeam": 1e-120, "wbeam": 1e-100}
_QUIET_SHARE = 0.03
"""Of a word's loudest 10 ms, -30 dB: PocketSphinx gives the room's noise behind a sentence to its
last word, up to half a second of it."""
_PADDING_S = 0.25
_PADDING_RMS = 20.0
"""Of int16: the noise of a quiet room. Digital silence spoils the normalisation of the features."""


class HeardWord(NamedTuple):
    """One word and when it is heard."""

    word: str
    start_s: float
    end_s: float


class PocketAligner:
    """PocketSphinx with its bundled American model, as aligner and as recogniser."""

    def __init__(self) -> None:
        """Load the model twice (a second each)."""
        from pocketsphinx import Decoder  # noqa: PLC0415 - loads a native library

        self._aligner = Decoder(lm=None, loglevel="FATAL", **_WIDE)
        self._recogniser = Decoder(lm=None, loglevel="FATAL")
        self._choices: tuple[str, ...] = ()

    def knows(self, word: str) -> bool:
        """Whether its dictionary has a word; no sentence with another can be aligned."""
        return self._aligner.lookup_word(word) is not None

    def align(self, pcm: NDArray[np.int16], words: Sequence[str]) -> list[HeardWord] | None:
        """Return when each word is heard; None when they cannot be found in this order.

        Args:
            pcm: int16 [samples] at 16 kHz.
            words: what is said, lower case, all of them known.
        """
        self._aligner.set_align_text(" ".join(words))
        _hear(self._aligner, pcm)
        if self._aligner.hyp() is None:
            return None
        found = [
            HeardWord(
                segment.word.split("(")[0],
                segment.start_frame * _FRAME_S,
                (segment.end_frame + 1) * _FRAME_S,
            )
            for segment in self._aligner.seg()
            if segment.word[0] not in "<[("
        ]
        if [heard.word for heard in found] != list(words):
            return None
        return [_without_quiet_end(heard, pcm) for heard in found]

    def recognise(self, pcm: NDArray[np.int16], choices: Sequence[str]) -> str | None:
        """Return which of some phrases is said, None when it is none of them.

        Args:
            pcm: int16 [samples] at 16 kHz; room noise is put around it.
            choices: phrases of known words, lower case.
        """
        if self._choices != tuple(choices):
            self._choices = tuple(choices)
            self._recogniser.add_jsgf_string(
                "choices",
                f"#JSGF V1.0; grammar choices; public <choice> = {' | '.join(choices)};",
            )
            self._recogniser.activate_search("choices")
        padding_samples = round(_PADDING_S * SAMPLE_RATE_HZ)
        noise = np.random.default_rng(0).normal(0.0, _PADDING_RMS, (2, padding_samples))
        before, after = noise.astype(np.int16)
        _hear(self._recogniser, np.concatenate([before, pcm, after]))
        heard = self._recogniser.hyp()
        return None if heard is None else str(heard.hypstr)


def _without_quiet_end(heard: HeardWord, pcm: NDArray[np.int16]) -> HeardWord:
    frame_samples = round(_FRAME_S * SAMPLE_RATE_HZ)
    begin = round(heard.start_s / _FRAME_S)
    inside = pcm[begin * frame_samples : round(heard.end_s * SAMPLE_RATE_HZ)].astype(np.float64)
    frames = len(inside) // frame_samples
    if not frames:
        return heard
    levels = np.sqrt(np.square(inside[: frames * frame_samples].reshape(frames, -1)).mean(axis=1))
    loud = np.flatnonzero(levels > _QUIET_SHARE * levels.max())
    if not len(loud):
        return heard
    return heard._replace(end_s=(begin + int(loud[-1]) + 1) * _FRAME_S)


def _hear(decoder: Any, pcm: NDArray[np.int16]) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm.tobytes(), full_utt=True)
    decoder.end_utt()
