"""Recorded noise and measured rooms in, 16 kHz sounds that scenes are made with out.

They lie in `WATCHWORD_HOME/sounds/noise` and `…/rooms`: for each sound a FLAC file and, written
last, a JSON file that says where it came from. A sound without its JSON does not exist, so that a
stopped import leaves nothing half there, and the same file twice is one sound.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from db.clip_files import encode, place, write_part
from db.connection import home
from trainer.recordings import RecordingError, find_recordings, read_recording
from trainer.split import Side, side_of_person
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT_VERSION = 1
SHORTEST_NOISE_S = 0.2
LONGEST_ROOM_S = 10.0
SILENT_BELOW = 8
"""In int16 steps: some collections pad their recordings with zeros or dither."""
DIRECT_SHARE = 0.5
"""The direct sound is the first sample of at least this share of the highest peak."""
DECAY_DB = 20.0
"""A room's response falls at least so far from its first to its last tenth; music does not."""
HASH_CHARACTERS = 12
UNSAFE = str.maketrans(dict.fromkeys('/\\:*?"<>|', "_"))


class SoundKind(StrEnum):
    """What a sound is for; also the name of its folder."""

    NOISE = "noise"
    ROOMS = "rooms"


class SoundError(ValueError):
    """A file that is no such sound, or a folder of sounds that is damaged."""


@dataclass(frozen=True)
class Sound:
    """One recorded noise or one measured room."""

    name: str
    """As in provenance: the original file's name and the first digits of its hash."""
    kind: SoundKind
    path: Path
    seconds: float
    sha256: str
    """Of the FLAC file."""
    source: str
    licence: str
    original: str
    """The file that it was made of, relative to the folder that was added."""

    @property
    def side(self) -> Side:
        """The side of the split that hears it: validation uses sounds that training never had."""
        return side_of_person(f"{self.source}:{self.original}")


@dataclass(frozen=True)
class Added:
    """What became of a folder of sounds."""

    added: tuple[str, ...]
    present: tuple[str, ...]
    """Known before."""
    refused: tuple[tuple[str, str], ...]
    """File and reason."""


def sounds_folder() -> Path:
    """Return where sounds are kept by default."""
    return home() / "sounds"


def prepare_noise(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Cut digital silence from both ends.

    Raises:
        SoundError: hardly anything is left.
    """
    loud = np.nonzero(np.abs(samples.astype(np.int32)) > SILENT_BELOW)[0]
    kept = samples[loud[0] : loud[-1] + 1] if loud.size else samples[:0]
    if len(kept) < SHORTEST_NOISE_S * SAMPLE_RATE_HZ:
        raise SoundError(f"holds less than {SHORTEST_NOISE_S} s of sound")
    return kept


def prepare_room(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Cut an impulse response so that it starts at the direct sound, which is the first strong one.

    Raises:
        SoundError: it is too long or does not decay, so it is no room's response.
    """
    if len(samples) > LONGEST_ROOM_S * SAMPLE_RATE_HZ:
        raise SoundError(f"is longer than {LONGEST_ROOM_S:.0f} s: no impulse response")
    level = np.abs(samples.astype(np.float64))
    if not level.any():
        raise SoundError("is silent")
    kept = samples[int(np.argmax(level >= DIRECT_SHARE * level.max())) :]
    tenth = max(1, len(kept) // 10)
    power = np.square(kept.astype(np.float64))
    start, end = power[:tenth].mean(), power[-tenth:].mean()
    if end * 10 ** (DECAY_DB / 10) > start:
        raise SoundError(f"does not decay by {DECAY_DB:.0f} dB: no impulse response")
    return kept


PREPARE: dict[SoundKind, Callable[[NDArray[np.int16]], NDArray[np.int16]]] = {
    SoundKind.NOISE: prepare_noise,
    SoundKind.ROOMS: prepare_room,
}


def add_sounds(
    folder: Path, kind: SoundKind, recordings: Path, *, licence: str, source: str
) -> Added:
    """Keep a 16 kHz copy of every recording below a folder.

    Args:
        folder: where sounds are kept, see `sounds_folder`.
        kind: noise or rooms.
        recordings: a folder of audio files, or one file.
        licence: of all of them, kept with each.
        source: the collection's name, kept with each.

    Raises:
        RecordingError: there is no such folder, or no audio in it.
    """
    known = {sound.sha256 for sound in list_sounds(folder, kind)}
    base = recordings if recordings.is_dir() else recordings.parent
    added, present, refused = [], [], []
    for path in find_recordings(recordings):
        original = path.relative_to(base).as_posix()
        try:
            samples = PREPARE[kind](read_recording(path))
        except (RecordingError, SoundError) as error:
            refused.append((original, str(error)))
            continue
        content = encode(samples, SAMPLE_RATE_HZ)
        sha256 = hashlib.sha256(content).hexdigest()
        name = f"{path.stem.translate(UNSAFE)}-{sha256[:HASH_CHARACTERS]}"
        if sha256 in known:
            present.append(name)
            continue
        known.add(sha256)
        final = folder / kind / f"{name}.flac"
        sound = Sound(
            name, kind, final, len(samples) / SAMPLE_RATE_HZ, sha256, source, licence, original
        )
        _keep(sound, content)
        added.append(name)
    return Added(tuple(added), tuple(present), tuple(refused))


def _keep(sound: Sound, content: bytes) -> None:
    """Write the FLAC file, then the JSON file that makes it exist."""
    folder = sound.path.parent
    folder.mkdir(parents=True, exist_ok=True)
    place(write_part(content, folder), sound.path)
    described = {"format_version": FORMAT_VERSION, **asdict(sound)}
    del described["path"]
    text = json.dumps(described, ensure_ascii=False, indent=1) + "\n"
    place(write_part(text.encode(), folder), sound.path.with_suffix(".json"))


def list_sounds(folder: Path, kind: SoundKind) -> list[Sound]:
    """Return all sounds of a kind, sorted by name; none when there is no such folder.

    Raises:
        SoundError: a JSON file there is damaged or its audio is gone.
    """
    return [_read_note(path) for path in sorted((folder / kind).glob("*.json"))]


def _read_note(path: Path) -> Sound:
    audio = path.with_suffix(".flac")
    remedy = "Delete it and add the sound again with `watchword corpus add-sounds`."
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version = values.pop("format_version")
        sound = Sound(**{**values, "kind": SoundKind(values["kind"]), "path": audio})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SoundError(f"{path} does not describe a sound: {error!r}. {remedy}") from error
    if version != FORMAT_VERSION:
        raise SoundError(f"{path} has format {version}, this is {FORMAT_VERSION}. {remedy}")
    if not audio.is_file():
        raise SoundError(f"The audio of {path} is gone. {remedy}")
    return sound


def read_excerpt(sound: Sound, rng: np.random.Generator, samples: int) -> NDArray[np.float32]:
    """Return float32 [samples] from a drawn moment on, starting over where the sound ends."""
    with soundfile.SoundFile(sound.path) as file:
        file.seek(int(rng.integers(file.frames)))
        parts = [file.read(samples, dtype="float32")]
        while (missing := samples - sum(map(len, parts))) > 0:
            file.seek(0)
            parts.append(file.read(missing, dtype="float32"))
    return np.concatenate(parts)


def read_response(sound: Sound) -> NDArray[np.float32]:
    """Return a room's impulse response, float32 [samples] at 16 kHz from its direct sound on."""
    samples, _ = soundfile.read(sound.path, dtype="float32")
    return np.asarray(samples, np.float32)
