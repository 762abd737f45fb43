"""A database in memory, and sounds that stand for recordings of people."""

from __future__ import annotations

import io
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from db.clips import ClipStore
from db.connection import open_database
from trainer.corpora.importing import ImportReport, import_recordings
from trainer.progress import Progress, silent

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}


def tone(seed: int, seconds: float = 1.0, rate_hz: int = 16_000) -> NDArray[np.float32]:
    """Return syllables of a hum: float32 [samples], another one for each seed."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    hum = np.sin(2 * np.pi * (150 + 7 * seed) * time_s) + np.sin(2 * np.pi * 900 * time_s) / 2
    syllables = np.clip(np.sin(2 * np.pi * 2.5 * time_s), 0, 1) ** 0.5
    noise = np.random.default_rng(seed).normal(size=len(time_s))
    return (0.3 * hum * syllables + 0.001 * noise).astype(np.float32)


def audio_bytes(seed: int, suffix: str = ".flac", **options: float) -> bytes:
    target = io.BytesIO()
    rate_hz = int(options.get("rate_hz", 16_000))
    sound = tone(seed, options.get("seconds", 1.0), rate_hz)
    kind, subtype = FORMATS[suffix]
    soundfile.write(target, sound, rate_hz, format=kind, subtype=subtype)
    return target.getvalue()


@pytest.fixture
def record() -> Callable[..., Path]:
    """Write one recording: `record(path, seed, seconds=…, rate_hz=…)`."""

    def record(path: Path, seed: int, **options: float) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(audio_bytes(seed, path.suffix, **options))
        return path

    return record


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(open_database("sqlite://")) as connection:
        yield connection


@pytest.fixture
def store(connection: sqlite3.Connection, tmp_path: Path) -> ClipStore:
    return ClipStore(connection, tmp_path / "clips")


@pytest.fixture
def bring(connection: sqlite3.Connection, store: ClipStore) -> Callable[..., ImportReport]:
    """Import a corpus: `bring(source, limit=…)`."""

    def bring(
        source: object, report: Callable[[Progress], None] = silent, **options: object
    ) -> ImportReport:
        return import_recordings(source, connection, store, report=report, workers=1, **options)

    return bring
