"""A training's clips in, the sound that its artifacts are verified on out, kept beside its weights.

Ten minutes of the phrase, of what is near it and of other speech, so that logits go through all of
their range. It is kept as sound: verification hears it through a device's whole program.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from trainer.recordings import read_recording
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from trainer.phrases import Bucket

SOUND_FILE = "verification.flac"
SOUND_S = 600
PAUSE_S = 0.5


def gather_sound(clips: Mapping[Bucket, pd.DataFrame], folder: Path) -> NDArray[np.int16]:
    """Return int16 [samples] at 16 kHz: clips of all buckets in turn, with pauses between them.

    Args:
        clips: by bucket, as the corpus gave them.
        folder: where their files lie.
    """
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ), np.int16)
    rows = itertools.zip_longest(*(bucket["path"] for bucket in clips.values()))
    parts: list[NDArray[np.int16]] = []
    samples = 0
    for path in itertools.chain.from_iterable(rows):
        if samples >= SOUND_S * SAMPLE_RATE_HZ:
            break
        if path is not None:
            parts += [read_recording(folder / path), pause]
            samples += len(parts[-2]) + len(pause)
    return np.concatenate(parts)[: SOUND_S * SAMPLE_RATE_HZ]


def save_sound(sound: NDArray[np.int16], work: Path) -> None:
    """Write the sound into a training's folder, aside and then renamed."""
    aside = work / f"{SOUND_FILE}.part"
    soundfile.write(aside, sound, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    aside.replace(work / SOUND_FILE)
