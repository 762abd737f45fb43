"""Nothing in, the state of everything but the voices out: what `watchword doctor` lists."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
from contextlib import closing
from dataclasses import dataclass

from db.connection import DatabaseOpenError, DatabaseVersionError, home, open_database
from trainer.fitting import RECORDED
from trainer.sounds import SoundError, SoundKind, list_sounds, sounds_folder
from watchword_runtime.engines import available

LOW_DISK_GIB = 2.0
CONVERTERS = {
    "litert_torch": "converts to TFLite",
    "ai_edge_quantizer": "quantises TFLite",
    "onnx": "writes ONNX",
}


@dataclass(frozen=True)
class Part:
    """One line of the doctor's list."""

    name: str
    ok: bool
    detail: str


def check_parts() -> list[Part]:
    """Look at inference engines, converters, torch, the database, disk and cores."""
    parts = [
        Part(f"engine {name}", reason is None, reason or "runs artifacts")
        for name, reason in available().items()
    ]
    for module, purpose in CONVERTERS.items():
        found = importlib.util.find_spec(module) is not None
        remedy = 'missing: pip install "watchword[tflite]"'
        parts.append(Part(module, found, purpose if found else remedy))
    parts.append(Part("torch", True, importlib.metadata.version("torch")))
    parts += [_database(), _people(), _noise(), _disk()]
    parts.append(Part("cores", True, str(os.cpu_count())))
    return parts


def _database() -> Part:
    try:
        with closing(open_database()) as connection:
            row = connection.execute(
                "SELECT count(*) AS clips, coalesce(sum(seconds), 0) / 3600 AS hours FROM clip"
            ).fetchone()
    except (DatabaseOpenError, DatabaseVersionError) as error:
        return Part("database", ok=False, detail=str(error))
    return Part("database", ok=True, detail=f"{row['clips']} clips, {row['hours']:.1f} h")


def _people() -> Part:
    """Count the speech that a detector must stay silent at, of people and not of voices."""
    try:
        with closing(open_database()) as connection:
            (hours,) = connection.execute(
                "SELECT coalesce(sum(seconds), 0) / 3600 FROM clip WHERE engine = ?", [RECORDED]
            ).fetchone()
    except (DatabaseOpenError, DatabaseVersionError) as error:
        return Part("recordings of people", ok=False, detail=str(error))
    advice = "none: detectors are better with some, see `watchword corpus add --help`"
    return Part("recordings of people", ok=True, detail=f"{hours:.1f} h" if hours else advice)


def _noise() -> Part:
    try:
        sounds = list_sounds(sounds_folder(), SoundKind.NOISE)
    except SoundError as error:
        return Part("recorded noise", ok=False, detail=str(error))
    minutes = sum(sound.seconds for sound in sounds) / 60
    advice = "none: detectors are better with some, see `watchword corpus add-sounds --help`"
    return Part("recorded noise", ok=True, detail=f"{minutes:.1f} minutes" if sounds else advice)


def _disk() -> Part:
    folder = home()
    while not folder.exists():
        folder = folder.parent
    free_gib = shutil.disk_usage(folder).free / 2**30
    enough = free_gib >= LOW_DISK_GIB
    remedy = "" if enough else ": a training needs about 2 GiB, free some"
    return Part("disk", enough, f"{free_gib:.1f} GiB free for {home()}{remedy}")
