"""A WAV file or a pipe in, chunks of its sound out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from watchword_runtime.audio import pcm_chunks, read_wav
from watchword_runtime.errors import AudioError
from watchword_runtime.frontend import SAMPLE_RATE_HZ
from watchword_runtime.microphone import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator


def wav_chunks(path: str) -> Iterator[Chunk]:
    """Yield the sound of a WAV file, a second at a time.

    Raises:
        AudioError: it cannot be read; see `read_wav`.
        OSError: it cannot be opened.
    """
    pcm = read_wav(path)
    for start in range(0, len(pcm), SAMPLE_RATE_HZ):
        yield Chunk(pcm[start : start + SAMPLE_RATE_HZ])


def piped_chunks() -> Iterator[Chunk]:
    """Yield raw 16 kHz mono 16-bit samples from standard input as they arrive.

    Raises:
        AudioError: it is a keyboard, or a WAV file.
    """
    if sys.stdin.isatty():
        raise AudioError(
            "--stdin hears a pipe, not a keyboard: arecord … -t raw | watchword-listen …"
        )
    for pcm in pcm_chunks(sys.stdin.buffer):
        yield Chunk(pcm)
