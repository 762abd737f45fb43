"""What a detector got wrong comes in, what the command line says of keeping it goes out."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from db.clip_search import FEEDBACK, ClipSearch
from page.command import CommandError, NotRunError, ask
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    import sqlite3

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

TIMEOUT_S = 120.0

Kind = Literal["false-wake", "missed"]


class FeedbackError(RuntimeError):
    """It was not kept; the message says why."""


def wav(pcm: NDArray[np.int16]) -> bytes:
    """Return int16 [samples] at 16 kHz as a WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE_HZ)
        out.writeframes(pcm.astype("<i2").tobytes())
    return target.getvalue()


def send_back(phrase: str, kind: Kind, pcm: NDArray[np.int16], file: str) -> int:
    """Hand a moment of sound to `watchword corpus feedback`; return the clip's number.

    Args:
        phrase: whose detector it was.
        kind: what it got wrong.
        pcm: int16 [samples] at 16 kHz.
        file: a name for the database to remember.

    Raises:
        FeedbackError: The recording was refused, or the command failed.
    """
    with TemporaryDirectory(prefix="watchword-") as folder:
        path = Path(folder) / file
        path.write_bytes(wav(pcm))
        arguments = ["corpus", "feedback", "--json", f"--{kind}", "--", phrase, str(path)]
        try:
            clip_id, reason = ask(arguments, TIMEOUT_S, _read)
        except NotRunError as error:
            raise FeedbackError(
                f"It could not be kept: {error}. Run `watchword doctor` in a terminal."
            ) from error
        except CommandError as error:
            raise FeedbackError(f"It could not be kept: {error}") from error
        if reason:
            # The person chose a moment, not a file.
            raise FeedbackError(f"It was not kept: {reason.replace(f'{path}: ', '')}")
        assert clip_id is not None  # what was not refused is a clip
        return clip_id


def _read(answer: dict[str, Any]) -> tuple[int | None, str]:
    (one,) = answer["recordings"]
    return one["clip_id"], str(one["reason"])


def sent_back(connection: sqlite3.Connection, phrase: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the false wakes and the misses that were kept for a phrase, as rows of clips."""
    clips = ClipSearch(connection)
    return clips.false_wakes(phrase), clips.find(texts=[phrase], sources=[FEEDBACK])
