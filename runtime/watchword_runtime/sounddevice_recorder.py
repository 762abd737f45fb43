"""A PortAudio device in, its 16 kHz samples out, by the package `sounddevice`."""

from __future__ import annotations

import importlib
import queue
from typing import Any

import numpy as np

from watchword_runtime.errors import MicrophoneError
from watchword_runtime.frontend import SAMPLE_RATE_HZ, Pcm
from watchword_runtime.recorder import BUFFER_S, CHUNK_S, Device
from watchword_runtime.resampling import StreamResampler

_OTHER_RATES_HZ = (48_000, 44_100, 32_000, 96_000)
"""What USB microphones offer where nothing between them and us resamples; 48 kHz costs least."""


class SounddeviceRecorder:
    """Records through PortAudio; see `Recorder`. Of several channels the first is heard."""

    def __init__(self, device: str | None) -> None:
        sounddevice: Any = importlib.import_module("sounddevice")

        self.overruns = 0
        self._chunks: queue.Queue[bytes] = queue.Queue(maxsize=round(BUFFER_S / CHUNK_S))
        # PortAudio lists the devices once: one that was plugged in again needs a new list.
        sounddevice._terminate()  # noqa: SLF001 - the package's documented way to do it
        sounddevice._initialize()  # noqa: SLF001
        self._errors: Any = sounddevice.PortAudioError
        try:
            rate_hz, self._channels = _settings(sounddevice, _device(device))
            self._resampler = None if rate_hz == SAMPLE_RATE_HZ else StreamResampler(rate_hz)
            self._stream = sounddevice.RawInputStream(
                samplerate=rate_hz,
                blocksize=round(rate_hz * CHUNK_S),
                device=_device(device),
                channels=self._channels,
                dtype="int16",
                callback=self._record,
            )
            self._stream.start()
        except (self._errors, ValueError) as error:
            raise MicrophoneError(
                f"{_named(device)} cannot be recorded: {error}. --list-devices shows what can."
            ) from error

    def read(self, timeout_s: float) -> Pcm:
        """Return the next chunk; see `Recorder`."""
        try:
            data = self._chunks.get(timeout=timeout_s)
        except queue.Empty:
            raise MicrophoneError(f"The microphone gave no sound for {timeout_s:g} s") from None
        pcm = np.frombuffer(data, dtype=np.int16)[:: self._channels]
        return pcm if self._resampler is None else self._resampler.process(pcm)

    def close(self) -> None:
        """Stop recording; see `Recorder`."""
        try:
            self._stream.abort()
            self._stream.close()
        except self._errors:
            pass  # it was unplugged: there is nothing to close any more

    def _record(self, data: Any, _frames: int, _time: Any, status: Any) -> None:
        """Take a chunk from PortAudio's thread."""
        if status.input_overflow:
            self.overruns += 1
        try:
            self._chunks.put_nowait(bytes(data))
        except queue.Full:
            self.overruns += 1


def devices() -> list[Device]:
    """Return PortAudio's input devices; see `list_devices`."""
    sounddevice: Any = importlib.import_module("sounddevice")

    try:
        known = sounddevice.query_devices()
    except sounddevice.PortAudioError as error:
        raise MicrophoneError(f"The microphones cannot be listed: {error}.") from error
    return [
        Device(
            str(number),
            f"{one['name']}, {one['max_input_channels']} channels, "
            f"{one['default_samplerate']:g} Hz",
        )
        for number, one in enumerate(known)
        if one["max_input_channels"] > 0
    ]


def _device(name: str | None) -> int | str | None:
    return int(name) if name is not None and name.isdigit() else name


def _named(device: str | None) -> str:
    return "The default microphone" if device is None else f"The microphone {device!r}"


def _settings(sounddevice: Any, device: int | str | None) -> tuple[int, int]:
    """Return the rate and the channels to record with: 16 kHz mono where the device can."""
    known = sounddevice.query_devices(device, "input")
    default_hz = round(known["default_samplerate"])
    problems: list[Exception] = []
    for rate_hz in (SAMPLE_RATE_HZ, *_OTHER_RATES_HZ, default_hz):
        for channels in dict.fromkeys((1, known["max_input_channels"])):
            try:
                sounddevice.check_input_settings(device, channels, "int16", None, rate_hz)
            except sounddevice.PortAudioError as error:  # noqa: PERF203 - ten tries, once
                problems.append(error)
            else:
                return rate_hz, channels
    raise problems[0]
