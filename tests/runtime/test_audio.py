from __future__ import annotations

import io
import struct

import numpy as np
import pytest

from watchword_runtime.audio import pcm_chunks, read_wav, resample
from watchword_runtime.errors import AudioError


def tone(rate_hz: int, hz: float = 1_000.0, seconds: float = 0.5) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def wav_bytes(kind: int, bits: int, rate_hz: int, data: bytes, channels: int = 1) -> bytes:
    frame = channels * bits // 8
    header = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * frame, frame, bits)
    chunks = b"fmt " + struct.pack("<I", len(header)) + header
    chunks += b"LIST" + struct.pack("<I", 3) + b"odd\0"
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def test_16_khz_mono_comes_out_sample_for_sample(write_wav, bursts):
    np.testing.assert_array_equal(read_wav(write_wav(bursts)), bursts)


def test_stereo_is_averaged(write_wav, bursts):
    other = np.roll(bursts, 100)
    mixed = read_wav(write_wav(np.stack([bursts, other], axis=1)))
    np.testing.assert_allclose(mixed, (bursts.astype(float) + other) / 2, atol=1)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_other_rates_are_resampled(write_wav, rate_hz):
    pcm = np.rint(tone(rate_hz) * 32767).astype(np.int16)
    heard = read_wav(write_wav(pcm, rate_hz=rate_hz))
    assert len(heard) == pytest.approx(8_000, abs=2)
    middle = slice(200, 7_800)
    np.testing.assert_allclose(heard[middle], (tone(16_000) * 32767)[middle], atol=8)


def test_what_16_khz_cannot_hold_is_removed():
    high = resample(tone(48_000, hz=12_000).astype(np.float32), 48_000, 16_000)
    assert np.abs(high[200:-200]).max() < 1e-4


def test_a_click_stays_where_it_is():
    click = np.zeros(48_000, np.float32)
    click[24_000] = 1
    assert np.argmax(resample(click, 48_000, 16_000)) == 8_000


@pytest.mark.parametrize(
    ("kind", "bits", "encode", "error"),
    [
        (1, 8, lambda x: (x * 127 + 128).round().astype(np.uint8).tobytes(), 300),
        (1, 24, lambda x: b"".join(struct.pack("<i", int(v * 8388607))[:3] for v in x), 2),
        (1, 32, lambda x: (x * 2147483647).astype("<i4").tobytes(), 2),
        (3, 32, lambda x: x.astype("<f4").tobytes(), 2),
        (3, 64, lambda x: x.astype("<f8").tobytes(), 2),
    ],
)
def test_usual_kinds_of_wav(tmp_path, kind, bits, encode, error):
    path = tmp_path / "sound.wav"
    path.write_bytes(wav_bytes(kind, bits, 16_000, encode(tone(16_000))))
    heard = read_wav(path)
    assert heard.dtype == np.int16
    np.testing.assert_allclose(heard, tone(16_000) * 32767, atol=error)


def test_wav_extensible_with_an_unknown_length(tmp_path, bursts):
    extra = struct.pack("<HHI", 22, 16, 4) + struct.pack("<H", 1) + bytes(14)
    header = struct.pack("<HHIIHH", 0xFFFE, 1, 16_000, 32_000, 2, 16) + extra
    chunks = b"fmt " + struct.pack("<I", len(header)) + header
    chunks += b"data" + struct.pack("<I", 0xFFFFFFFF) + bursts.tobytes()
    path = tmp_path / "streamed.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + chunks)
    np.testing.assert_array_equal(read_wav(path), bursts)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"%PDF-1.7\n" + bytes(5_000), "is not a WAV file"),
        (b"", "is not a WAV file"),
        (wav_bytes(1, 16, 16_000, bytes(1_000))[:-100], "is truncated: 900 of 1000 bytes"),
        (wav_bytes(1, 16, 16_000, bytes(1_000))[:30], "without sound, or is truncated|header"),
        (wav_bytes(1, 16, 16_000, bytes(1_000))[:40], "without sound, or is truncated"),
        (wav_bytes(0x11, 8, 16_000, bytes(1_000)), "kind 17 .* ffmpeg"),
        (wav_bytes(1, 12, 16_000, bytes(1_000)), "12 bits"),
        (wav_bytes(1, 16, 7, bytes(1_000)), "7 Hz"),
        (wav_bytes(1, 16, 16_000, b"", channels=0), "0 channels"),
        (wav_bytes(3, 32, 16_000, struct.pack("<f", float("nan"))), "NaN"),
    ],
)
def test_what_is_no_sound_is_named(tmp_path, content, message):
    path = tmp_path / "report.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=rf"report\.wav.*({message})"):
        read_wav(path)


def test_an_empty_wav_is_no_samples(tmp_path):
    path = tmp_path / "empty.wav"
    path.write_bytes(wav_bytes(1, 16, 44_100, b""))
    assert len(read_wav(path)) == 0


class Dribble(io.RawIOBase):
    """A pipe that gives `sizes` bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = data, size

    def read(self, most: int = -1) -> bytes:
        part, self.data = self.data[: self.size], self.data[self.size :]
        return part


@pytest.mark.parametrize("size", [1, 3, 640, 4_001])
def test_pcm_arrives_whole_however_a_pipe_cuts_it(bursts, size):
    pcm = bursts[16_000:20_000]
    np.testing.assert_array_equal(
        np.concatenate(list(pcm_chunks(Dribble(pcm.tobytes(), size)))), pcm
    )


def test_half_a_sample_at_the_end_is_warned_of(caplog):
    chunks = list(pcm_chunks(io.BytesIO(b"\1\0\2\0\3")))
    assert np.concatenate(chunks).tolist() == [1, 2]
    assert "16-bit" in caplog.text


def test_no_input_is_no_chunks():
    assert list(pcm_chunks(io.BytesIO(b""))) == []


def test_a_wav_file_on_a_raw_stream_is_refused():
    stream = io.BytesIO(wav_bytes(1, 16, 16_000, bytes(1_000)))
    with pytest.raises(AudioError, match="--wav"):
        list(pcm_chunks(stream))
