"""Rooms, recorded noise and other people in, whatever a recipe names out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from trainer.noise import Waveform, make_noise, unit_rms
from trainer.recipe import MEASURED, RECORDED, Palette
from trainer.rooms import measured_rooms, simulate_rooms
from trainer.sounds import SoundKind, list_sounds, read_excerpt
from trainer.speech import read_speech

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.recipe import NoiseRecipe
    from trainer.rooms import Room
    from trainer.sounds import Sound
    from trainer.split import Side


T = TypeVar("T")


class SoundMissingError(LookupError):
    """A recipe names a room or a noise that is not here."""


@dataclass(frozen=True)
class Surroundings:
    """Where scenes are recorded."""

    rooms: Sequence[Room] = ()
    noises: Sequence[Sound] = ()
    speech: Sequence[Waveform] = ()
    """Of bystanders, float32 [samples], about unit loudness."""

    def palette(self, side: Side) -> Palette:
        """Return what scenes of one side of the split may be made with."""
        names = [room.name for room in self.rooms if room.side in {None, side}]
        measured = tuple(name for name in names if name.startswith(MEASURED))
        return Palette(
            rooms=tuple(name for name in names if name not in measured),
            measured=measured,
            noises=tuple(sound.name for sound in self.noises if sound.side is side),
            babble=bool(self.speech),
        )

    @cached_property
    def _responses(self) -> dict[str, Waveform]:
        return {room.name: room.response for room in self.rooms}

    @cached_property
    def _recorded(self) -> dict[str, Sound]:
        return {sound.name: sound for sound in self.noises}

    def response(self, room: str) -> Waveform:
        """Return a room's impulse response.

        Raises:
            SoundMissingError: it is not here.
        """
        return _named(self._responses, room)

    def noise(self, recipe: NoiseRecipe, samples: int) -> Waveform:
        """Return float32 [samples] of root mean square 1.

        Raises:
            SoundMissingError: the recording is not here.
        """
        if not recipe.kind.startswith(RECORDED):
            return make_noise(recipe.kind, recipe.seed, samples, self.speech)
        sound = _named(self._recorded, recipe.kind.removeprefix(RECORDED))
        return unit_rms(read_excerpt(sound, np.random.default_rng(recipe.seed), samples))


def open_surroundings(
    rooms: int, seed: int, bystanders: Sequence[Path], sounds: Path | None = None
) -> Surroundings:
    """Gather what scenes are made with.

    Args:
        rooms: how many to simulate.
        seed: decides them.
        bystanders: clip files of people who talk in the background.
        sounds: folder of recorded noise and measured rooms, see `trainer.sounds`; None for none.

    Raises:
        SoundError: something in that folder is damaged.
    """
    return Surroundings(
        rooms=[*simulate_rooms(rooms, seed), *(measured_rooms(sounds) if sounds else [])],
        noises=list_sounds(sounds, SoundKind.NOISE) if sounds else [],
        speech=[read_speech(path).waveform for path in bystanders],
    )


def _named(sounds: dict[str, T], name: str) -> T:
    try:
        return sounds[name]
    except KeyError:
        raise SoundMissingError(
            f"{name} is not here: add it again with `watchword corpus add-sounds`, or draw a new "
            f"recipe."
        ) from None
