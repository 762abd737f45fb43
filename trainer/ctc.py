"""A waveform in, how likely each sound is in each 20 ms frame out: acoustic models for CTC.

Two models stand behind one protocol: `hama` (4.7 MB, phonemes, NumPy only) and torchaudio's
WAV2VEC2_ASR_BASE_960H (360 MB, letters, fetched from the internet when it is first used).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from trainer.articulation import SYMBOLS, VOWELS, split_phonemes
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

WINDOW_S = 20.0
OVERLAP_S = 1.0
"""Hama cuts at 30 s without a word: longer audio is read in windows that overlap."""
FRAME_SAMPLES = 320
LEAST_PROBABILITY = 1e-10
"""Of any sound in any frame: one sound that was not said must not forbid a whole sentence."""


class AcousticModelUnavailableError(RuntimeError):
    """The acoustic model, or what aligns with it, is not installed; the message says how to."""


class AcousticModel(Protocol):
    """How likely each token is, frame by frame."""

    name: str
    licence: str
    frame_s: float
    tokens: tuple[str, ...]
    """What the columns of `log_probs` stand for."""
    blank: int
    """The column of "no new token": silence, and the rest of a sound."""
    lead_s: float
    """How long a word sounds before the frame that its first token is written in (measured)."""
    tail_s: float
    """How long a word sounds after the frame that its last token is written in (measured)."""

    def log_probs(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """Natural log probabilities, float32 [frames, tokens], of a waveform.

        Args:
            waveform: float32 [samples] in [-1, 1] at 16 kHz, of any length.
        """
        ...

    def spell(self, word: str, phonemes: str) -> tuple[int, ...]:
        """The tokens (columns) of one word.

        Args:
            word: as written, for models of letters.
            phonemes: its reading in Kokoro's alphabet, for models of sounds.
        """
        ...


def in_windows(
    read: Callable[[NDArray[np.float32]], NDArray[np.float32]], waveform: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Read a waveform of any length with a model that takes `WINDOW_S` at a time.

    Each window gives the frames nearer to its own middle than to its neighbours', so that no frame
    is taken from beside a cut.

    Args:
        read: float32 [samples] in, float32 [frames, tokens] out, a frame every `FRAME_SAMPLES`.
        waveform: float32 [samples] at 16 kHz.
    """
    window = round(WINDOW_S * SAMPLE_RATE_HZ)
    if len(waveform) <= window:
        return read(waveform)
    shared_frames = round(OVERLAP_S * SAMPLE_RATE_HZ / FRAME_SAMPLES)
    step_frames = window // FRAME_SAMPLES - shared_frames
    parts = []
    begin_frame = 0
    while True:
        begin = begin_frame * FRAME_SAMPLES
        frames = read(waveform[begin : begin + window])
        last = begin + window >= len(waveform)
        first_kept = shared_frames // 2 if begin_frame else 0
        parts.append(frames[first_kept : None if last else step_frames + shared_frames // 2])
        if last:
            return np.concatenate(parts)
        begin_frame += step_frames


# Hama's tokens that are taken for each of our symbols. It was trained on many languages and spells
# some English words as others are ("me" as in Italian), so that neighbouring vowels are shared.
_HAMA_TOKENS = {
    "i": "i", "ɪ": "ɪ ɨ i", "ɛ": "ɛ e", "æ": "æ a", "ɑ": "ɑ a ɒ", "ɔ": "ɔ ɒ o", "ʊ": "ʊ u",
    "u": "u ʉ ʊ", "ʌ": "ʌ ɐ ə", "ɜ": "ɝ ɜ ɚ", "ə": "ə ɐ ʌ ᵊ ɘ", "A": "eɪ e", "I": "aɪ",
    "O": "oʊ o", "Y": "ɔɪ", "W": "aʊ", "p": "p pʰ p͈", "b": "b", "t": "t tʰ ɾ t͈", "d": "d ɾ ɖ",
    "k": "k kʰ k͈ c", "ɡ": "g ɡ", "ʧ": "t͡ʃ t͡ɕ t͡ɕʰ", "ʤ": "d͡ʒ", "f": "f", "v": "v", "θ": "θ",
    "ð": "ð", "s": "s s͈", "z": "z", "ʃ": "ʃ", "ʒ": "ʒ", "h": "h ɦ x", "m": "m", "n": "n",
    "ŋ": "ŋ", "l": "l ɫ", "ɹ": "ɹ r ɻ", "j": "j", "w": "w",
}  # fmt: skip
_BLANK = "<blank>"


class HamaModel:
    """The phoneme CTC of the package `hama`: a Conformer of 4.7 MB on one CPU thread.

    Its 191 tokens are folded into the symbols of `trainer.articulation`, everything else (word
    borders, tones) into the blank.
    """

    name = "hama"
    licence = "Apache-2.0"
    frame_s = FRAME_SAMPLES / SAMPLE_RATE_HZ
    tokens = (*SYMBOLS, _BLANK)
    blank = len(SYMBOLS)
    # Medians over the words of 141 SpeechOcean sentences against PocketSphinx; see
    # docs/segmentation.md.
    lead_s = 0.12
    tail_s = 0.06

    def __init__(self) -> None:
        """Load the model (0.1 s); prefer `acoustic_model()`, which keeps it.

        Raises:
            AcousticModelUnavailableError: the package is not installed.
        """
        try:
            from hama import ASRModel  # noqa: PLC0415 - an optional extra
        except ImportError as error:
            raise AcousticModelUnavailableError(
                "The acoustic model hama is not installed: pip install 'watchword[ctc]'."
            ) from error
        model = ASRModel()
        self._session: Any = model.session
        self._fold = _folding(model.decoder_tokens)

    def log_probs(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `AcousticModel.log_probs`."""
        return in_windows(self._read, np.ascontiguousarray(waveform, dtype=np.float32))

    def _read(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        raw, lengths = self._session.run(
            ["log_probs", "out_lengths"],
            {"waveform": waveform[None], "waveform_lengths": np.array([len(waveform)])},
        )
        shares = np.exp(raw[0][: int(lengths[0])]) @ self._fold
        shares /= shares.sum(axis=1, keepdims=True)
        logs: NDArray[np.float32] = np.log(np.maximum(shares, LEAST_PROBABILITY))
        return logs.astype(np.float32)

    def spell(self, word: str, phonemes: str) -> tuple[int, ...]:  # noqa: ARG002 - a model of sounds
        """See `AcousticModel.spell`; a vowel coloured by r is one sound here ("bird")."""
        symbols = split_phonemes(phonemes)
        following = (*symbols[1:], "", "")
        out: list[int] = []
        coloured = False
        for i, symbol in enumerate(symbols):
            if coloured:
                coloured = False
                continue
            before_vowel = following[i + 1] in VOWELS
            coloured = following[i] == "ɹ" and (
                symbol == "ɜ" or (symbol == "ə" and not before_vowel)
            )
            out.append(SYMBOLS.index("ɜ" if coloured else symbol))
        return tuple(out)


def _folding(decoder_tokens: Sequence[str]) -> NDArray[np.float32]:
    """Which of hama's tokens count for which of ours: float32 [hama's tokens, our columns]."""
    fold = np.zeros((len(decoder_tokens), len(HamaModel.tokens)), dtype=np.float32)
    for symbol, names in _HAMA_TOKENS.items():
        for name in names.split():
            fold[decoder_tokens.index(name), SYMBOLS.index(symbol)] = 1.0
    fold[fold.sum(axis=1) == 0.0, HamaModel.blank] = 1.0
    return fold


class TorchaudioModel:
    """A letter CTC of torchaudio, WAV2VEC2_ASR_BASE_960H unless another bundle is given."""

    frame_s = FRAME_SAMPLES / SAMPLE_RATE_HZ
    # Wav2vec 2.0 writes a letter while it sounds: half of its 25 ms frame on either side.
    lead_s = 0.02
    tail_s = 0.04

    def __init__(self, bundle: Any = None) -> None:
        """Load the model, from the internet when torchaudio has not kept it.

        Args:
            bundle: a `torchaudio.pipelines.Wav2Vec2ASRBundle`, or what has its `get_model`,
                `get_labels` and `sample_rate`.

        Raises:
            AcousticModelUnavailableError: torchaudio is missing, does not fit the installed torch,
                or could not fetch the weights.
        """
        try:
            if bundle is None:
                import torchaudio  # noqa: PLC0415 - an optional extra

                bundle = torchaudio.pipelines.WAV2VEC2_ASR_BASE_960H
            self._model = bundle.get_model().eval()
        except (ImportError, OSError, RuntimeError) as error:
            raise AcousticModelUnavailableError(
                f"torchaudio's acoustic model cannot be loaded: {error}. It needs torchaudio "
                "(pip install 'watchword[torchaudio]') and, once, the internet; or use hama."
            ) from error
        if bundle.sample_rate != SAMPLE_RATE_HZ:
            raise AcousticModelUnavailableError(
                f"The bundle takes {bundle.sample_rate} Hz; choose one for {SAMPLE_RATE_HZ} Hz."
            )
        self.name = "torchaudio"
        self.licence = "MIT"
        self.tokens: tuple[str, ...] = tuple(bundle.get_labels())
        self.blank = 0  # as in every ASR bundle of torchaudio ("-")

    def log_probs(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `AcousticModel.log_probs`; the border between words counts as blank."""
        return in_windows(self._read, np.ascontiguousarray(waveform, dtype=np.float32))

    def _read(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415 - heavy

        with torch.inference_mode():
            logits, _ = self._model(torch.from_numpy(waveform)[None])
            logs = torch.log_softmax(logits[0], dim=-1).numpy().astype(np.float32)
        if "|" in self.tokens:
            border = self.tokens.index("|")
            logs[:, self.blank] = np.logaddexp(logs[:, self.blank], logs[:, border])
            logs[:, border] = np.log(LEAST_PROBABILITY)
        return np.maximum(logs, np.float32(np.log(LEAST_PROBABILITY)))

    def spell(self, word: str, phonemes: str) -> tuple[int, ...]:  # noqa: ARG002 - a model of letters
        """See `AcousticModel.spell`; characters that the model does not write are left out."""
        return tuple(
            self.tokens.index(letter)
            for letter in word.upper()
            if letter in self.tokens and letter not in "-|"
        )


ACOUSTIC_MODELS: dict[str, Callable[[], AcousticModel]] = {
    "hama": HamaModel,
    "torchaudio": TorchaudioModel,
}


@cache
def acoustic_model(name: str = "hama") -> AcousticModel:
    """The process's one model of that name, loaded when it is first asked for.

    Raises:
        ValueError: no model has that name.
        AcousticModelUnavailableError: it cannot be loaded here; the message says what it lacks.
    """
    if name not in ACOUSTIC_MODELS:
        raise ValueError(
            f"There is no acoustic model {name!r}; choose one of {', '.join(ACOUSTIC_MODELS)}."
        )
    return ACOUSTIC_MODELS[name]()


def forward_score(log_probs: NDArray[np.float32], tokens: Sequence[int], blank: int) -> float:
    """How likely the frames spell the tokens and nothing else, per token: natural log, ≤ 0.

    The CTC forward probability (Graves et al. 2006), summed over all alignments. −inf where there
    are fewer frames than tokens.

    Args:
        log_probs: float32 [frames, columns].
        tokens: columns, at least one.
        blank: the column of the blank.

    Raises:
        ValueError: there are no tokens.
    """
    states, may_skip = _states(tokens, blank)
    never = -1e30
    logs = log_probs[:, states].astype(np.float64)
    alpha = np.full(len(states), never)
    before = np.full(len(states) + 2, never)  # alpha behind two states that are never reached
    before[2] = 0.0
    for i in range(len(logs)):
        stay, step, skip = before[2:], before[1:-1], np.where(may_skip, before[:-2], never)
        if i == 0:
            step = np.full(len(states), never)
            step[1] = 0.0
            skip = np.full(len(states), never)
        alpha = np.logaddexp(np.logaddexp(stay, step), skip) + logs[i]
        before[2:] = alpha
    total = float(np.logaddexp(alpha[-1], alpha[-2]))
    return total / len(tokens) if total > never / 2 else float("-inf")


def spotted_score(log_probs: NDArray[np.float32], tokens: Sequence[int], blank: int) -> float:
    """How likely the tokens are spelled somewhere in the frames, per token: natural log, ≤ 0.

    Of the likeliest path through a stretch of frames that begins and ends anywhere (Viterbi); what
    is before and behind it does not count. −inf where there are fewer frames than tokens.

    Args:
        log_probs: float32 [frames, columns].
        tokens: columns, at least one.
        blank: the column of the blank.

    Raises:
        ValueError: there are no tokens.
    """
    states, may_skip = (each[1:-1] for each in _states(tokens, blank))  # no silence around them
    before = np.full(len(states) + 2, -np.inf)  # paths behind two states that are never reached
    before[1] = 0.0  # but one may begin at any frame
    best = -np.inf
    for logs in log_probs[:, states].astype(np.float64):
        skip = np.where(may_skip, before[:-2], -np.inf)
        before[2:] = np.maximum(np.maximum(before[2:], before[1:-1]), skip) + logs
        best = max(best, float(before[-1]))
    return best / len(tokens)


def _states(tokens: Sequence[int], blank: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the columns that a path goes through, blanks around each token, and where it may skip.

    A blank may be left out before a token unless that repeats the one before.
    """
    if not len(tokens):
        raise ValueError("A score needs at least one token; the text has no sound.")
    states = np.full(2 * len(tokens) + 1, blank, dtype=np.int64)
    states[1::2] = tokens
    may_skip = np.zeros(len(states), dtype=bool)
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    return states, may_skip
