"""A fresh database and clip store for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from db.clips import ClipStore, NewClip
from db.connection import open_database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def fresh_db() -> Iterator[sqlite3.Connection]:
    connection = open_database("sqlite://")
    yield connection
    connection.close()


@pytest.fixture
def store(fresh_db: sqlite3.Connection, tmp_path: Path) -> ClipStore:
    return ClipStore(fresh_db, tmp_path / "clips")


@pytest.fixture
def make_clip() -> Callable[..., NewClip]:
    """Return a function from a seed and what differs to a short clip of noise."""

    def make(seed: int, **changes: object) -> NewClip:
        noise = np.random.default_rng(seed).uniform(-0.5, 0.5, 400).astype(np.float32)
        fields = {
            "waveform": noise,
            "rate_hz": 16000,
            "text": "Smart mirror!",
            "text_normalised": "smart mirror",
            "phonemes": "smɑɹt mɪɹɚ",
            "engine": "kokoro",
            "voice": "af_heart",
            "speaker": "af_heart",
            "source": "synthetic",
            "licence": "Apache-2.0",
        }
        return NewClip(**(fields | changes))

    return make
