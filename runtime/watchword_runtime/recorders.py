"""The name of a microphone in, its 16 kHz samples as they are recorded out.

Two programs record: the package `sounddevice`, where it is installed, and ALSA's `arecord`.
"""

from __future__ import annotations

import importlib
import shutil
from typing import TYPE_CHECKING

from watchword_runtime import arecord_recorder, sounddevice_recorder
from watchword_runtime.errors import MicrophoneError

if TYPE_CHECKING:
    from watchword_runtime.recorder import Device, Recorder

RECORDERS = ("sounddevice", "arecord")
"""In order of preference."""


def choose_recorder(name: str | None = None) -> str:
    """Return which recorder to use: `name`, or the first of `RECORDERS` that works here.

    Raises:
        MicrophoneError: there is none; the message says what to install.
    """
    problems = []
    for candidate in RECORDERS if name is None else (name,):
        problem = _sounddevice_problem() if candidate == "sounddevice" else _arecord_problem()
        if problem is None:
            return candidate
        problems.append(problem)
    raise MicrophoneError(
        f"No microphone can be recorded: {'; '.join(problems)}. Or pipe sound in with --stdin."
    )


def open_recorder(recorder: str, device: str | None) -> Recorder:
    """Start recording `device`, or the default one.

    Raises:
        MicrophoneError: it is not there or does not record.
    """
    if recorder == "sounddevice":
        return sounddevice_recorder.SounddeviceRecorder(device)
    return arecord_recorder.ArecordRecorder(device)


def list_devices(recorder: str) -> list[Device]:
    """Return the microphones that `recorder` knows.

    Raises:
        MicrophoneError: they cannot be listed.
    """
    if recorder == "sounddevice":
        return sounddevice_recorder.devices()
    return arecord_recorder.devices()


def _sounddevice_problem() -> str | None:
    try:
        importlib.import_module("sounddevice")
    except ImportError:
        return 'sounddevice is not installed (pip install "watchword-runtime[microphone]")'
    except OSError as error:
        return f"sounddevice does not work: {error} (apt install libportaudio2)"
    return None


def _arecord_problem() -> str | None:
    if shutil.which("arecord") is None:
        return "arecord is not installed (apt install alsa-utils)"
    return None
