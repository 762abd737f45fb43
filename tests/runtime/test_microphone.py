"""A microphone that is unplugged, too slow, or missing, with stand-ins for what records it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import types
from typing import TYPE_CHECKING

import numpy as np
import pytest

from watchword_runtime import recorders
from watchword_runtime.__main__ import main
from watchword_runtime.errors import MicrophoneError
from watchword_runtime.microphone import LONGEST_WAIT_S, Microphone
from watchword_runtime.resampling import StreamResampler, resample

if TYPE_CHECKING:
    from pathlib import Path

ARECORD = """\
#!{python}
import os, pathlib, sys, time
if "-l" in sys.argv:
    print("card 1: Device [USB PnP Sound Device], device 0: USB Audio [USB Audio]")
    sys.exit()
pathlib.Path("{folder}/arguments").write_text(" ".join(sys.argv[1:]))
count = pathlib.Path("{folder}/count")
number = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(number))
{body}
"""


@pytest.fixture
def fake_arecord(tmp_path, monkeypatch):
    """Put a program `arecord` in front of the real one; `body` is what it does."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def write(body: str) -> Path:
        program = folder / "arecord"
        program.write_text(ARECORD.format(python=sys.executable, folder=folder, body=body))
        program.chmod(0o755)
        return folder

    return write


class Scripted:
    """A recorder that gives what its script says: arrays are sound, errors are raised."""

    def __init__(self, script: list) -> None:
        self.script = script
        self.overruns = 0
        self.closed = False

    def read(self, timeout_s: float) -> np.ndarray:
        item = self.script.pop(0) if self.script else MicrophoneError("unplugged.")
        if isinstance(item, Exception):
            raise item
        if isinstance(item, int):
            self.overruns += item
            return np.zeros(1_600, np.int16)
        return item

    def close(self) -> None:
        self.closed = True


def sound(value: int) -> np.ndarray:
    return np.full(1_600, value, np.int16)


def test_an_unplugged_microphone_is_waited_for(caplog):
    plugged = [
        Scripted([sound(1), sound(2)]),
        MicrophoneError("no such device"),
        MicrophoneError("no such device"),
        Scripted([sound(3), sound(4)]),
        Scripted([sound(5)]),
    ]
    waits: list[float] = []
    left = list(plugged)

    def open_recorder():
        item = left.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    microphone = Microphone(open_recorder, wait=waits.append)
    chunks = microphone.chunks()
    heard = [next(chunks) for _ in range(5)]
    assert [int(chunk.pcm[0]) for chunk in heard] == [1, 2, 3, 4, 5]
    assert [chunk.after_gap for chunk in heard] == [False, False, True, False, True]
    assert waits == [0.5, 1.0, 2.0, 0.5]
    assert microphone.losses == 2
    assert plugged[0].closed
    assert plugged[3].closed
    assert "no such device; trying again in 1 s." in caplog.text
    assert caplog.text.count("The microphone is back.") == 2
    microphone.close()
    assert plugged[4].closed


def test_waits_grow_to_their_limit():
    waits: list[float] = []
    opened = [Scripted([sound(1)])]

    def open_recorder():
        if opened:
            return opened.pop()
        if len(waits) < 12:
            raise MicrophoneError("gone")
        return Scripted([sound(2)])

    chunks = Microphone(open_recorder, wait=waits.append).chunks()
    assert [int(next(chunks).pcm[0]) for _ in range(2)] == [1, 2]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S


def test_a_microphone_that_never_gave_sound_is_an_error():
    def missing():
        raise MicrophoneError("not there")

    with pytest.raises(MicrophoneError, match="not there"):
        Microphone(missing)
    silent = Microphone(lambda: Scripted([]), wait=lambda _: pytest.fail("it waited"))
    with pytest.raises(MicrophoneError, match="unplugged"):
        next(silent.chunks())


def test_overruns_are_counted_over_losses_and_reported_once(caplog):
    left = [Scripted([1, 1]), Scripted([2, 0])]
    microphone = Microphone(lambda: left.pop(0), wait=lambda _: None)
    chunks = microphone.chunks()
    for _ in range(4):
        next(chunks)
    assert microphone.overruns == 4
    assert caplog.text.count("too busy") == 1


def test_arecord_is_heard_and_asked_for_the_right_thing(tiny, tmp_path, bursts, fake_arecord):
    raw = tmp_path / "bursts.raw"
    raw.write_bytes(bursts.tobytes())
    folder = fake_arecord(
        f"data = open('{raw}', 'rb').read()\n"
        "for start in range(0, len(data), 777):\n"
        "    os.write(1, data[start:start + 777])\n"
        "os.write(2, b'overrun!!! (at least 12.3 ms long)\\n')\n"
        "os.write(2, b'arecord: pcm_read: No such device\\n')\n"
    )
    recorder = recorders.open_recorder("arecord", "plughw:1")
    heard = np.empty(0, np.int16)
    while len(heard) < len(bursts):
        heard = np.concatenate([heard, recorder.read(10.0)])
    with pytest.raises(MicrophoneError, match="pcm_read: No such device"):
        recorder.read(10.0)
    recorder.close()
    np.testing.assert_array_equal(heard, bursts)
    assert recorder.overruns == 1
    asked = (folder / "arguments").read_text()
    assert asked == "-q -t raw -f S16_LE -c 1 -r 16000 -D plughw:1"


def test_arecord_that_hangs_is_left(fake_arecord):
    fake_arecord("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")
    recorder = recorders.open_recorder("arecord", None)
    with pytest.raises(MicrophoneError, match=r"no sound for 0\.5 s"):
        recorder.read(0.5)
    recorder.close()
    assert recorder._process.returncode is not None


def test_the_command_survives_unplugging(tiny, tmp_path, bursts, fake_arecord, listen):
    raw = tmp_path / "bursts.raw"
    raw.write_bytes(bursts.tobytes())
    fake_arecord(
        f"os.write(1, open('{raw}', 'rb').read())\n"
        "if number > 1: time.sleep(60)\n"
        "sys.exit('arecord: read error: No such device')"
    )
    folder = tiny.bundle(tmp_path / "tiny")
    with subprocess.Popen(
        [*listen.command, str(folder), "--recorder", "arecord", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**listen.environment, "PATH": os.environ["PATH"]},
    ) as process:
        alarm = threading.Timer(60, process.kill)
        alarm.start()
        found = [listen.lines(process.stdout.readline())[0] for _ in range(6)]
        process.send_signal(signal.SIGINT)
        complaints = process.stderr.read().decode()
        assert process.wait() == 130
        alarm.cancel()
    times = [one["time_s"] for one in found]
    np.testing.assert_allclose(np.array(times[3:]) - 4.0, times[:3], atol=0.031)
    assert "read error: No such device" in complaints
    assert "trying again in 0.5 s" in complaints
    assert "The microphone is back" in complaints
    assert "6 detections in " in complaints
    assert "microphone 1 times" in complaints


def test_arecord_devices_are_listed(fake_arecord, capsys):
    fake_arecord("")
    assert main(["--list-devices", "--recorder", "arecord"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("default\t")
    assert lines[1] == "plughw:CARD=Device,DEV=0\tUSB PnP Sound Device, USB Audio"


def test_no_recorder_says_what_to_install(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    folder = str(tiny.bundle(tmp_path / "tiny"))
    assert main([folder]) == 2
    complaint = capsys.readouterr().err
    assert "watchword-runtime[microphone]" in complaint
    assert "alsa-utils" in complaint


class PortAudioError(Exception):
    pass


class FakePortAudio(types.ModuleType):
    """The part of `sounddevice` that is used, around devices that the test makes up."""

    PortAudioError = PortAudioError

    def __init__(self, rates_hz: tuple[int, ...] = (16_000,), channels: tuple[int, ...] = (1,)):
        super().__init__("sounddevice")
        self.rates_hz, self.channels = rates_hz, channels
        self.plugged = True
        self.streams: list = []
        self.initialized = 0
        fake = self

        class RawInputStream:
            def __init__(self, **settings):
                self.settings = settings
                fake.streams.append(self)

            def start(self):
                if not fake.plugged:
                    raise PortAudioError("Device unavailable")

            def give(self, pcm, *, overflow=False):
                status = types.SimpleNamespace(input_overflow=overflow)
                self.settings["callback"](memoryview(pcm.tobytes()), len(pcm), None, status)

            def abort(self):
                raise PortAudioError("it is gone")

            def close(self):
                pytest.fail("abort came first")

        self.RawInputStream = RawInputStream

    def _terminate(self):
        pass

    def _initialize(self):
        self.initialized += 1

    def query_devices(self, device=None, kind=None):
        if not self.plugged:
            raise PortAudioError("Error querying device -1")
        one = {
            "name": "Yeti",
            "max_input_channels": max(self.channels),
            "default_samplerate": float(self.rates_hz[0]),
        }
        return one if kind else [one, {**one, "name": "speaker", "max_input_channels": 0}]

    def check_input_settings(self, device, channels, dtype, extra, rate_hz):
        if channels not in self.channels or rate_hz not in self.rates_hz:
            raise PortAudioError("Invalid sample rate")


def test_sounddevice_gives_what_it_records(monkeypatch):
    fake = FakePortAudio()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    assert recorders.choose_recorder() == "sounddevice"
    assert recorders.list_devices("sounddevice") == [("0", "Yeti, 1 channels, 16000 Hz")]
    recorder = recorders.open_recorder("sounddevice", "0")
    (stream,) = fake.streams
    assert stream.settings["device"] == 0
    assert stream.settings["samplerate"] == 16_000
    stream.give(sound(7))
    np.testing.assert_array_equal(recorder.read(1.0), sound(7))
    stream.give(sound(8), overflow=True)
    assert recorder.overruns == 1
    for _ in range(150):
        stream.give(sound(9))  # nobody fetches it: what does not fit is counted
    assert recorder.overruns == 1 + 51
    for _ in range(100):
        recorder.read(1.0)
    with pytest.raises(MicrophoneError, match="no sound"):
        recorder.read(0.01)
    recorder.close()
    assert fake.initialized == 1


def test_sounddevice_takes_the_first_channel_at_another_rate(monkeypatch):
    fake = FakePortAudio(rates_hz=(48_000,), channels=(2,))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    recorder = recorders.open_recorder("sounddevice", None)
    (stream,) = fake.streams
    assert stream.settings["samplerate"] == 48_000
    left = np.rint(8_000 * np.sin(2 * np.pi * 500 * np.arange(48_000) / 48_000)).astype(np.int16)
    both = np.stack([left, np.full_like(left, 3_000)], axis=1)
    parts = []
    for start in range(0, 48_000, 4_800):
        stream.give(both[start : start + 4_800])
        parts.append(recorder.read(1.0))
    heard = np.concatenate(parts)
    assert len(heard) == pytest.approx(16_000, abs=50)
    wanted = 8_000 * np.sin(2 * np.pi * 500 * np.arange(len(heard)) / 16_000)
    np.testing.assert_allclose(heard[50:-50], wanted[50:-50], atol=3)


def test_a_device_that_is_not_there_is_a_microphone_error(monkeypatch):
    fake = FakePortAudio()
    fake.plugged = False
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    with pytest.raises(MicrophoneError, match=r"'Yeti' cannot be recorded: .*--list-devices"):
        recorders.open_recorder("sounddevice", "Yeti")
    with pytest.raises(MicrophoneError, match="cannot be listed"):
        recorders.list_devices("sounddevice")


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_a_stream_is_resampled_as_the_whole(rate_hz):
    pcm = np.random.default_rng(5).normal(0, 3_000, rate_hz).astype(np.int16)
    whole = resample(pcm.astype(np.float32), rate_hz, 16_000)
    for size in (441, 1_000, 4_803):
        resampler = StreamResampler(rate_hz)
        parts = [resampler.process(pcm[at : at + size]) for at in range(0, rate_hz, size)]
        heard = np.concatenate(parts)
        assert 15_000 < len(heard) <= 16_000
        np.testing.assert_allclose(heard, whole[: len(heard)], atol=0.51)
