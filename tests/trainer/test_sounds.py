"""Folders of recordings in, sounds for scenes out: kept whole, once, and with their origin."""

import json

import numpy as np
import pytest
import soundfile

from trainer import sounds
from trainer.recordings import RecordingError
from trainer.sounds import SoundKind

RATE = 16_000


def noise(seconds=2.0, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(int(seconds * RATE))).astype("f4")


def response(delay=300, seconds=0.4):
    time_s = np.arange(int(seconds * RATE)) / RATE
    tail = 0.2 * np.random.default_rng(1).standard_normal(len(time_s)) * np.exp(-time_s / 0.05)
    tail[0] = 1.0
    return np.concatenate([np.zeros(delay), 0.9 * tail]).astype("f4")


def folder_of(path, **files):
    path.mkdir()
    for name, samples in files.items():
        soundfile.write(path / f"{name}.wav", samples, RATE, subtype="PCM_16")
    return path


def add(tmp_path, kind, recordings):
    return sounds.add_sounds(
        tmp_path / "sounds", kind, recordings, licence="CC0-1.0", source="street"
    )


def test_noise_is_kept_with_its_origin_and_without_padding(tmp_path):
    padded = np.concatenate([np.zeros(RATE, "f4"), noise(), np.zeros(3 * RATE, "f4")])
    added = add(tmp_path, SoundKind.NOISE, folder_of(tmp_path / "in", rain=padded))
    (sound,) = sounds.list_sounds(tmp_path / "sounds", SoundKind.NOISE)
    assert added.added == (sound.name,)
    assert sound.name.startswith("rain-")
    assert (sound.source, sound.licence, sound.original) == ("street", "CC0-1.0", "rain.wav")
    assert sound.seconds == pytest.approx(2.0, abs=0.01)


def test_the_same_recording_twice_is_one_sound(tmp_path):
    recordings = folder_of(tmp_path / "in", a=noise(), b=noise())
    first = add(tmp_path, SoundKind.NOISE, recordings)
    again = add(tmp_path, SoundKind.NOISE, recordings)
    assert (len(first.added), len(first.present)) == (1, 1)
    assert (len(again.added), len(again.present)) == (0, 2)
    assert len(sounds.list_sounds(tmp_path / "sounds", SoundKind.NOISE)) == 1


def test_what_is_no_sound_is_refused_with_a_reason_and_the_rest_kept(tmp_path):
    recordings = folder_of(tmp_path / "in", good=noise(), empty=np.zeros(RATE, "f4"))
    (recordings / "broken.flac").write_bytes(b"fLaC, but no more")
    added = add(tmp_path, SoundKind.NOISE, recordings)
    assert len(added.added) == 1
    assert [name for name, _ in added.refused] == ["broken.flac", "empty.wav"]
    with pytest.raises(RecordingError, match="no folder"):
        add(tmp_path, SoundKind.NOISE, tmp_path / "nowhere")


def test_a_room_starts_at_its_direct_sound(tmp_path):
    add(tmp_path, SoundKind.ROOMS, folder_of(tmp_path / "in", hall=response(delay=700)))
    (sound,) = sounds.list_sounds(tmp_path / "sounds", SoundKind.ROOMS)
    kept = sounds.read_response(sound)
    assert np.argmax(np.abs(kept)) == 0
    assert len(kept) == int(0.4 * RATE)


def test_a_recording_of_noise_is_no_room(tmp_path):
    recordings = folder_of(tmp_path / "in", rain=noise(), long=noise(11), empty=np.zeros(99))
    added = add(tmp_path, SoundKind.ROOMS, recordings)
    assert added.added == ()
    assert [why.split()[0] for _, why in added.refused] == ["is", "is", "does"]


def test_audio_without_its_description_does_not_exist(tmp_path):
    add(tmp_path, SoundKind.NOISE, folder_of(tmp_path / "in", rain=noise()))
    (sound,) = sounds.list_sounds(tmp_path / "sounds", SoundKind.NOISE)
    sound.path.with_suffix(".json").unlink()
    assert sounds.list_sounds(tmp_path / "sounds", SoundKind.NOISE) == []
    again = add(tmp_path, SoundKind.NOISE, tmp_path / "in")
    assert again.added == (sound.name,)


def test_a_stopped_write_leaves_no_sound(tmp_path, monkeypatch):
    recordings = folder_of(tmp_path / "in", rain=noise())
    monkeypatch.setattr(sounds, "place", lambda part, final: (_ for _ in ()).throw(OSError("off")))
    with pytest.raises(OSError, match="off"):
        add(tmp_path, SoundKind.NOISE, recordings)
    assert sounds.list_sounds(tmp_path / "sounds", SoundKind.NOISE) == []


@pytest.mark.parametrize(
    "damage", ["", "[]", '{"format_version": 9}', '{"format_version": 1, "kind": "noise"}']
)
def test_a_damaged_description_is_named(tmp_path, damage):
    add(tmp_path, SoundKind.NOISE, folder_of(tmp_path / "in", rain=noise()))
    (sound,) = sounds.list_sounds(tmp_path / "sounds", SoundKind.NOISE)
    note = sound.path.with_suffix(".json")
    note.write_text(damage)
    with pytest.raises(sounds.SoundError, match=note.name):
        sounds.list_sounds(tmp_path / "sounds", SoundKind.NOISE)


def test_another_format_and_lost_audio_are_named(tmp_path):
    add(tmp_path, SoundKind.NOISE, folder_of(tmp_path / "in", rain=noise()))
    (sound,) = sounds.list_sounds(tmp_path / "sounds", SoundKind.NOISE)
    note = sound.path.with_suffix(".json")
    text = note.read_text()
    note.write_text(json.dumps({**json.loads(text), "format_version": 2}))
    with pytest.raises(sounds.SoundError, match="format 2"):
        sounds.list_sounds(tmp_path / "sounds", SoundKind.NOISE)
    note.write_text(text)
    sound.path.unlink()
    with pytest.raises(sounds.SoundError, match="audio"):
        sounds.list_sounds(tmp_path / "sounds", SoundKind.NOISE)


def test_an_excerpt_is_as_long_as_asked_and_starts_over(tmp_path):
    add(tmp_path, SoundKind.NOISE, folder_of(tmp_path / "in", rain=noise(1.0)))
    (sound,) = sounds.list_sounds(tmp_path / "sounds", SoundKind.NOISE)
    excerpt = sounds.read_excerpt(sound, np.random.default_rng(4), 5 * RATE + 7)
    assert excerpt.shape == (5 * RATE + 7,)
    length = round(sound.seconds * RATE)
    assert np.array_equal(excerpt[:RATE], excerpt[length : length + RATE])
    again = sounds.read_excerpt(sound, np.random.default_rng(4), 5 * RATE + 7)
    assert np.array_equal(excerpt, again)
