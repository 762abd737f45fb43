"""A WAV file or raw PCM on a stream in, 16 kHz mono int16 samples out."""

from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from watchword_runtime.errors import AudioError
from watchword_runtime.frontend import SAMPLE_RATE_HZ, Pcm, to_int16
from watchword_runtime.resampling import resample

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from typing import BinaryIO

logger = logging.getLogger(__name__)

MAX_CHANNELS = 32
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000
PCM_CHUNK_BYTES = 3_200
"""100 ms: the most that is read from a stream at once."""

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# Recorders that write to a pipe cannot know the length and put a huge one in the header.
_UNKNOWN_LENGTH = 0x7FFF_0000


def read_wav(path: str | os.PathLike[str]) -> Pcm:
    """Return a WAV file's sound as int16 [samples] at 16 kHz.

    PCM of 8, 16, 24 or 32 bits and floats of 32 or 64 bits are read; channels are averaged and
    other rates resampled. A 16 kHz mono 16-bit file comes out sample for sample.

    Raises:
        AudioError: the file is something else, or is cut off; the message names it.
        OSError: it cannot be opened.
    """
    with open(path, "rb") as stream:  # noqa: PTH123 - any path-like, without copying it
        content = stream.read()
    kind, channels, rate_hz, bits, data = _wav_parts(content, str(path))
    frame_bytes = channels * bits // 8
    samples = _decode(data[: len(data) - len(data) % frame_bytes], kind, bits)
    if samples is None:
        raise AudioError(
            f"{path} holds WAV audio of kind {kind} with {bits} bits, which is not read here: "
            f"convert it, e.g. ffmpeg -i in.wav -ar {SAMPLE_RATE_HZ} -ac 1 out.wav."
        )
    if channels == 1 and rate_hz == SAMPLE_RATE_HZ and samples.dtype == np.int16:
        return samples
    waveform = samples.astype(np.float32)
    if samples.dtype == np.int16:
        waveform /= 32767.0  # the full scale of `to_int16`, so that 16-bit samples stay themselves
    if not np.isfinite(waveform).all():
        raise AudioError(f"{path} holds NaN or infinite samples: check how it was made.")
    if channels > 1:
        waveform = waveform.reshape(-1, channels).mean(axis=1)
    return to_int16(resample(waveform, rate_hz, SAMPLE_RATE_HZ))


def pcm_chunks(stream: BinaryIO) -> Iterator[Pcm]:
    """Yield int16 arrays of raw little-endian 16 kHz mono PCM as soon as they arrive.

    Raises:
        AudioError: the stream starts as a WAV file, whose header would be heard as sound.
    """
    read: Any = getattr(stream, "read1", stream.read)  # read1 does not wait for a full buffer
    data: bytes = read(PCM_CHUNK_BYTES)
    while 0 < len(data) < 4:
        more = read(PCM_CHUNK_BYTES)
        if not more:
            break
        data += more
    if data[:4] in (b"RIFF", b"RIFX", b"RF64"):
        raise AudioError(
            "The input is a WAV file, not raw samples: pass it with --wav, or record raw PCM "
            "(arecord -t raw)."
        )
    while data:
        whole = len(data) & ~1
        if whole:
            yield np.frombuffer(data[:whole], dtype="<i2").astype(np.int16)
        more = read(PCM_CHUNK_BYTES)
        if not more and len(data) != whole:
            logger.warning("The input ended in the middle of a sample: is it 16-bit PCM?")
        data = data[whole:] + more if more else b""


def _wav_parts(content: bytes, name: str) -> tuple[int, int, int, int, bytes]:
    """Return the sample kind, channels, rate, bits and data of a RIFF WAVE file."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise AudioError(
            f"{name} is not a WAV file: convert it, e.g. "
            f"ffmpeg -i in.mp3 -ar {SAMPLE_RATE_HZ} -ac 1 out.wav."
        )
    header = None
    at = 12
    while at + 8 <= len(content):
        tag, size = struct.unpack_from("<4sI", content, at)
        at += 8
        if tag == b"fmt ":
            header = _wav_header(content[at : at + size], name)
        elif tag == b"data":
            if header is None:
                break
            data = content[at : at + size]
            if len(data) < size < _UNKNOWN_LENGTH:
                raise AudioError(
                    f"{name} is truncated: {len(data)} of {size} bytes of sound. "
                    "Copy or record it again."
                )
            return (*header, data)
        at += size + size % 2
    raise AudioError(f"{name} is a WAV file without sound, or is truncated: record it again.")


def _wav_header(chunk: bytes, name: str) -> tuple[int, int, int, int]:
    if len(chunk) < 16:
        raise AudioError(f"{name} is truncated in its header: copy or record it again.")
    kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        (kind,) = struct.unpack_from("<H", chunk, 24)
    if not 1 <= channels <= MAX_CHANNELS or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ or bits < 8:
        raise AudioError(
            f"{name} claims {channels} channels of {bits} bits at {rate_hz} Hz, which is not "
            f"read here: {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz and up to {MAX_CHANNELS} channels are."
        )
    return kind, channels, rate_hz, bits


def _decode(data: bytes, kind: int, bits: int) -> Any:
    """Return int16 samples as they are, other kinds as floats in [-1, 1], unknown ones as None."""
    if (kind, bits) == (_PCM, 16):
        return np.frombuffer(data, dtype="<i2").astype(np.int16)
    if kind == _FLOAT and bits in (32, 64):
        return np.frombuffer(data, dtype=f"<f{bits // 8}")
    if (kind, bits) == (_PCM, 8):
        return (np.frombuffer(data, dtype=np.uint8).astype(np.float32) - 128.0) / 128.0
    if kind == _PCM and bits in (24, 32):
        # The bytes go to the top of 32-bit words, whatever their number.
        size = bits // 8
        words = np.zeros((len(data) // size, 4), dtype=np.uint8)
        words[:, 4 - size :] = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
        return words.view("<i4").ravel() / np.float32(2**31)
    return None
