"""Uploads are decoded in a process with limits: every kind, and what is wrong with files."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from page.decode import DecodeError, Limits, decode

KINDS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_24"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}


def tone(seconds=1.0, rate_hz=48_000, channels=2):
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.repeat(0.5 * np.sin(2 * np.pi * 440 * time_s)[:, None], channels, axis=1)


def audio(kind="wav", **options):
    target = io.BytesIO()
    rate_hz = options.get("rate_hz", 48_000)
    name, subtype = KINDS[kind]
    soundfile.write(target, tone(**options), rate_hz, format=name, subtype=subtype)
    return target.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_becomes_16_khz_mono(kind):
    pcm = decode(audio(kind), f"tone.{kind}")
    assert pcm.dtype == np.int16
    assert len(pcm) == pytest.approx(16_000, abs=1_200)  # codecs pad
    middle = pcm[4_000:12_000].astype(np.float64)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 * 32767 / np.sqrt(2), rel=0.1)
    spectrum = np.abs(np.fft.rfft(middle))
    assert np.argmax(spectrum) * 16_000 / len(middle) == pytest.approx(440, abs=4)


def test_16_khz_mono_comes_out_sample_for_sample():
    samples = np.random.default_rng(0).integers(-30_000, 30_000, 20_000).astype(np.int16)
    target = io.BytesIO()
    soundfile.write(target, samples, 16_000, format="WAV", subtype="PCM_16")
    assert np.abs(decode(target.getvalue(), "x").astype(int) - samples).max() <= 1


def huge_header():
    """A WAV of two seconds that promises a terabyte."""
    content = bytearray(audio(seconds=2, rate_hz=16_000, channels=1))
    content[40:44] = struct.pack("<I", 0xFFFF_FFFF)
    return bytes(content)


def test_a_header_that_promises_more_is_read_as_far_as_it_goes():
    assert len(decode(huge_header(), "x.wav")) == pytest.approx(32_000, abs=100)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no audio of a kind"),
        (b"GIF89a" + bytes(100), "is no audio of a kind"),
        (b"RIFF\x00\x00\x00\x00WAVEjunk", "cannot be read as audio"),
        (b"OggS" + bytes(range(200)), "cannot be read as audio"),
        (audio(seconds=0), "holds no sound"),
    ],
)
def test_what_is_no_audio_is_said(content, said):
    with pytest.raises(DecodeError, match=f"^odd.wav {said}"):
        decode(content, "odd.wav")


def test_too_large_and_too_long_are_said():
    content = audio("flac", seconds=3)
    with pytest.raises(DecodeError, match="choose a file of at most"):
        decode(content, "long.flac", Limits(most_bytes=1000))
    with pytest.raises(DecodeError, match=r"lasts longer than 0\.02 minutes"):
        decode(content, "long.flac", Limits(most_s=1.2))


def test_memory_and_time_are_bounded():
    with pytest.raises(DecodeError, match="within 20 s and 30 MB"):
        decode(audio(), "a.wav", Limits(memory_bytes=30 << 20))
    started_s = time.monotonic()
    with pytest.raises(DecodeError, match="took longer than"):
        decode(audio(), "a.wav", Limits(wall_s=0.001))
    assert time.monotonic() - started_s < 5


def test_the_child_writes_no_file(tmp_path):
    code = (
        "import os, sys; from page.decode_child import limit; limit(5, 1 << 30);"
        f"os.write(os.open({str(tmp_path / 'x')!r}, os.O_CREAT | os.O_WRONLY), b'x')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 1
    assert (tmp_path / "x").stat().st_size == 0


def test_the_child_is_given_no_keys(monkeypatch):
    seen = {}

    def run(*_arguments, **options):
        seen.update(options["env"])
        return subprocess.CompletedProcess([], 0, stdout=b"\0\0", stderr=b"")

    monkeypatch.setenv("ELEVENLABS_API_KEY", "secret")
    monkeypatch.setattr(subprocess, "run", run)
    decode(b"x", "x")
    assert seen["PATH"] == os.environ["PATH"]
    assert "secret" not in seen.values()
