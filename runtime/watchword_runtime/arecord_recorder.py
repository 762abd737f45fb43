"""An ALSA device in, its 16 kHz samples out, by the program `arecord`."""

from __future__ import annotations

import os
import re
import select
import subprocess
import threading
from collections import deque

import numpy as np

from watchword_runtime.errors import MicrophoneError
from watchword_runtime.frontend import SAMPLE_RATE_HZ, Pcm
from watchword_runtime.recorder import CHUNK_S, Device

_CHUNK_BYTES = round(CHUNK_S * SAMPLE_RATE_HZ) * 2
_CARD = re.compile(r"card \d+: (\S+) \[(.*?)\], device (\d+): .*?\[(.*?)\]")


class ArecordRecorder:
    """Runs `arecord` and reads its pipe; see `Recorder`."""

    def __init__(self, device: str | None) -> None:
        command = ["arecord", "-q", "-t", "raw", "-f", "S16_LE", "-c", "1"]
        command += ["-r", str(SAMPLE_RATE_HZ), "-D", device or "default"]
        self.overruns = 0
        self._rest = b""
        self._complaints: deque[str] = deque(maxlen=3)
        # A session of its own: Ctrl-C in the terminal is for us alone.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._errors = threading.Thread(target=self._read_complaints, daemon=True)
        self._errors.start()

    def read(self, timeout_s: float) -> Pcm:
        """Return what the pipe holds; see `Recorder`."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while True:
            if not select.select([pipe], [], [], timeout_s)[0]:
                raise MicrophoneError(f"arecord gave no sound for {timeout_s:g} s")
            data = os.read(pipe, _CHUNK_BYTES)
            if not data:
                self._errors.join(1.0)
                said = " ".join(self._complaints) or "it said nothing"
                raise MicrophoneError(
                    f"arecord has ended: {said}. --list-devices shows what can be recorded"
                )
            data = self._rest + data
            whole = len(data) & ~1
            self._rest = data[whole:]
            if whole:
                return np.frombuffer(data[:whole], dtype="<i2").astype(np.int16)

    def close(self) -> None:
        """End the program; see `Recorder`."""
        self._process.terminate()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.join(1.0)
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _read_complaints(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            text = line.decode(errors="replace").strip()
            if text.startswith("overrun"):
                self.overruns += 1
            elif text:
                self._complaints.append(text)


def devices() -> list[Device]:
    """Return ALSA's recording devices; see `list_devices`."""
    done = subprocess.run(["arecord", "-l"], capture_output=True, check=False)
    found = [Device("default", "what ALSA is set up to record")]
    for line in done.stdout.decode(errors="replace").splitlines():
        match = _CARD.match(line)
        if match:
            card, name, device, part = match.groups()
            # plughw converts rates that the device lacks; the card's name outlives its number.
            found.append(Device(f"plughw:CARD={card},DEV={device}", f"{name}, {part}"))
    return found
