"""An audio file on standard input comes in, raw 16 kHz mono int16 goes to standard output.

    python -m page.decode_child SECONDS CPU_SECONDS MEMORY_BYTES < FILE > PCM

Exit code 2 and a sentence on standard error: the file is at fault. Only `page.decode` starts it.
"""

from __future__ import annotations

import io
import os
import resource
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    import numpy as np
    from numpy.typing import NDArray

KINDS = ("wav", "flac", "ogg or opus", "mp3")
MPEG_SYNC = 0xE0
"""Three upper bits of an MPEG frame's second byte."""
LEAST_RATE_HZ, MOST_RATE_HZ = 4_000, 384_000
MOST_CHANNELS = 32
BAD_INPUT = 2
BLOCK_SAMPLES = 65_536
"""Of all channels together: what is held undecoded at once."""


class BadAudioError(ValueError):
    """The file is at fault; the message goes on after its name."""


def limit(cpu_s: int, memory_bytes: int) -> None:
    """Bound what this process may use, for good."""
    bounds = {
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in bounds.items():
        _, hard = resource.getrlimit(what)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))


def known_kind(start: bytes) -> bool:
    """Say whether a file begins as one of `KINDS`: libsndfile opens many more, seldom tried."""
    return (
        (start[:4] == b"RIFF" and start[8:12] == b"WAVE")
        or start[:4] in {b"fLaC", b"OggS"}
        or start[:3] == b"ID3"
        or (start[:1] == b"\xff" and len(start) > 1 and start[1] & MPEG_SYNC == MPEG_SYNC)
    )


def pieces(file: BinaryIO, most_s: float) -> Iterator[NDArray[np.int16]]:
    """Yield int16 [samples] at 16 kHz, block by block: a header may promise any length.

    Raises:
        BadAudioError: it is no audio, is damaged, or lasts longer than `most_s`.
    """
    import numpy as np  # noqa: PLC0415 - after the limits are set
    import soundfile  # noqa: PLC0415
    import soxr  # noqa: PLC0415

    from watchword_runtime.frontend import SAMPLE_RATE_HZ, to_int16  # noqa: PLC0415

    try:
        with soundfile.SoundFile(file) as audio:
            rate_hz, channels = audio.samplerate, audio.channels
            if not LEAST_RATE_HZ <= rate_hz <= MOST_RATE_HZ or not 0 < channels <= MOST_CHANNELS:
                raise BadAudioError(
                    f"has {channels} channels at {rate_hz} Hz, which no microphone gives. "
                    "Convert it to WAV at 16000 Hz."
                )
            resampler = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")
            count = 0
            while True:
                block = audio.read(BLOCK_SAMPLES // channels, dtype="float32", always_2d=True)
                if not np.isfinite(block).all():
                    raise BadAudioError("holds samples that are no numbers. Convert it again.")
                count += len(block)
                if count > most_s * rate_hz:
                    raise BadAudioError(
                        f"lasts longer than {most_s / 60:g} minutes. Cut out the part that matters."
                    )
                last = len(block) == 0
                yield to_int16(resampler.resample_chunk(block.mean(axis=1), last=last))
                if last:
                    break
    except soundfile.LibsndfileError as error:
        raise BadAudioError(f"cannot be read as audio: {error.error_string}") from error
    if not count:
        raise BadAudioError("holds no sound. Choose another file.")


def main() -> int:
    """Decode standard input within the limits that the arguments say."""
    most_s, cpu_s, memory_bytes = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each thread would take of the memory
    content = sys.stdin.buffer.read()
    limit(cpu_s, memory_bytes)
    if not known_kind(content[:16]):
        sys.stderr.write(f"is no audio of a kind that is read here: {', '.join(KINDS)}.")
        return BAD_INPUT
    try:
        for piece in pieces(io.BytesIO(content), most_s):
            sys.stdout.buffer.write(piece.astype("<i2").tobytes())
    except BadAudioError as error:
        sys.stderr.write(str(error))
        return BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
