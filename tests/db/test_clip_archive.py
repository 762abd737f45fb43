"""Clips come through an archive unchanged; what is no honest archive is refused."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pytest
import soundfile

from db import clip_archive, clip_import
from db.clip_archive import clip_name, export_clips, rows_name
from db.clip_files import encode, sha256_of
from db.clip_import import ArchiveError, import_clips
from db.clips import ClipFilter, ClipMissingError, ClipReadError, ClipStore
from db.connection import open_database

EVERYTHING = ClipFilter()
FACTS = [
    "sha256", "text", "text_normalised", "phonemes", "engine", "voice", "speaker", "settings",
    "source", "licence", "seconds", "rate_hz",
]  # fmt: skip


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    for module in (clip_archive, clip_import):
        monkeypatch.setattr(module, "CLIPS_PER_GROUP", 4)


@pytest.fixture
def other(tmp_path):
    connection = open_database("sqlite://")
    yield ClipStore(connection, tmp_path / "other")
    connection.close()


@pytest.fixture
def filled(store, make_clip):
    changes = {"text": "Smart — mirror “ß”!\n", "settings": {"of": "ab", "span": [0.1, 2]}}
    store.add_many([make_clip(seed, voice=f"v{seed % 3}", **changes) for seed in range(10)])
    store.add_many([make_clip(99, phonemes="ˈʌðəɹ", rate_hz=22050, source="own-voice")])
    return store


def export(store, out, wanted=EVERYTHING):
    return export_clips(store, store._connection, out, wanted)


def load(store, archive, **options):
    return import_clips(store, store._connection, archive, **options)


def facts(store):
    return store.find().sort_values("sha256")[FACTS].values.tolist()


def test_clips_come_through_unchanged_and_the_archive_is_the_same(filled, other, tmp_path):
    told = []
    done = export(filled, tmp_path / "a.tar")
    assert done.clips == 11
    assert done.bytes == (tmp_path / "a.tar").stat().st_size
    result = load(other, tmp_path / "a.tar", progress=lambda *now: told.append(now))
    assert (result.added, result.known) == (11, 0)
    assert told == [(4, 11), (8, 11), (11, 11)]
    assert facts(other) == facts(filled)
    assert other.verify(hashes=True).clean
    export(other, tmp_path / "sub" / "b.tar")
    assert (tmp_path / "sub" / "b.tar").read_bytes() == (tmp_path / "a.tar").read_bytes()
    assert sorted(p.name for p in tmp_path.glob("*.part*")) == []


def test_only_what_was_asked_for_is_exported(filled, other, tmp_path):
    assert export(filled, tmp_path / "a.tar", ClipFilter(sources=["own-voice"])).clips == 1
    assert export(filled, tmp_path / "b.tar", ClipFilter(with_sounds=["smɑt"])).clips == 10
    load(other, tmp_path / "a.tar")
    assert other.find().source.tolist() == ["own-voice"]


def test_what_is_there_is_passed_over_and_what_was_lost_comes_back(filled, tmp_path):
    export(filled, tmp_path / "a.tar")
    ids = filled.find().id.tolist()
    lost = filled.find().path[5]
    filled.delete(ids[:3])
    (filled.folder / lost).unlink()
    result = load(filled, tmp_path / "a.tar")
    assert (result.added, result.known) == (4, 7)
    assert filled.verify(hashes=True).clean
    assert len(filled.find()) == 11


def test_nothing_is_written_over_and_nothing_half_remains(filled, tmp_path):
    (tmp_path / "a.tar").write_text("mine")
    with pytest.raises(FileExistsError, match="another name"):
        export(filled, tmp_path / "a.tar")
    paths = filled.find().path
    (filled.folder / paths[4]).write_bytes(b"junk")
    with pytest.raises(ClipReadError, match="repair"):
        export(filled, tmp_path / "b.tar")
    (filled.folder / paths[4]).unlink()
    with pytest.raises(ClipMissingError, match="repair"):
        export(filled, tmp_path / "b.tar")
    assert [p.name for p in tmp_path.iterdir() if "tar" in p.name] == ["a.tar"]
    assert filled._connection.in_transaction is False


def test_an_archive_that_ends_too_early_goes_on_when_it_is_whole(filled, other, tmp_path):
    export(filled, tmp_path / "a.tar")
    whole = (tmp_path / "a.tar").read_bytes()
    cut = tmp_path / "cut.tar"
    for size in range(0, len(whole) - 10240, 700):
        cut.write_bytes(whole[:size])
        with pytest.raises(ArchiveError, match=r"cut\.tar"):
            load(other, cut)
        assert other.verify(hashes=True).clean
        assert len(other.find()) % 4 == 0
    assert len(other.find()) == 8
    assert load(other, tmp_path / "a.tar").known == 8


def archive(path, members):
    """Write a tar of (name or TarInfo, bytes) pairs."""
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name) if isinstance(name, str) else name
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def header(**changes):
    fields = {"format": "watchword-clips", "format_version": 1, "clips": 1}
    return ("watchword-clips.json", json.dumps(fields | changes).encode())


SOUND = encode(np.arange(400, dtype=np.int16), 16000)


def row(content=SOUND, **changes):
    fields = dict.fromkeys(clip_archive.ROW_FIELDS, "x")
    fields |= {"sha256": sha256_of(content), "settings": {}} | changes
    return (rows_name(0), json.dumps(fields).encode() + b"\n")


def clip(content=SOUND, name=None):
    return (name or clip_name(sha256_of(content)), content)


def link(kind, target):
    member = tarfile.TarInfo(clip_name(sha256_of(SOUND)))
    member.type, member.linkname = kind, target
    return (member, b"")


def flac(samples, channels=1):
    target = io.BytesIO()
    data = np.zeros((samples, channels), np.int16)
    soundfile.write(target, data, 16000, format="FLAC", subtype="PCM_16")
    return target.getvalue()


def wav():
    target = io.BytesIO()
    soundfile.write(target, np.zeros(400, np.int16), 16000, format="WAV", subtype="PCM_16")
    return target.getvalue()


JUNK, STEREO, WAV, LONG = b"no sound", flac(400, 2), wav(), flac(40_000)
HOSTILE = {
    "nothing": ([], "empty"),
    "another tar": ([("readme.txt", b"hello")], r"readme\.txt"),
    "header is no JSON": ([("watchword-clips.json", b"{")], "no JSON"),
    "header is a list": ([("watchword-clips.json", b"[]")], "no JSON object"),
    "another format": ([header(format="x")], "no format"),
    "count is no number": ([header(clips=True)], "no format"),
    "a newer version": ([header(format_version=2)], "newer Watchword"),
    "path upwards": ([header(), row(), clip(name="../../evil.flac")], r"\.\./\.\./evil"),
    "absolute path": ([header(), row(), clip(name="/tmp/evil.flac")], "evil"),
    "rows elsewhere": ([header(), ("../rows", b"{}")], r"\.\./rows"),
    "symbolic link": ([header(), row(), link(tarfile.SYMTYPE, "/etc/passwd")], "must be"),
    "hard link": ([header(), row(), link(tarfile.LNKTYPE, "../a")], "must be"),
    "device": ([header(), row(), link(tarfile.CHRTYPE, "")], "must be"),
    "hash is a path": ([header(), row(sha256="../" + "a" * 61), clip()], "no SHA-256"),
    "hash in capitals": ([header(), row(sha256="A" * 64), clip()], "no SHA-256"),
    "other bytes": ([header(), row(sha256="0" * 64), clip(name=clip_name("0" * 64))], "other"),
    "no rows": ([header(), (rows_name(0), b"")], "0 rows"),
    "too many rows": ([header(), (rows_name(0), row()[1] * 5)], "5 rows"),
    "row is no object": ([header(), (rows_name(0), b"3\n")], "line|JSON object"),
    "field missing": ([header(), (rows_name(0), b"{}\n")], "wrong fields"),
    "field unknown": ([header(), row(path="../../x"), clip()], "wrong fields"),
    "text is a number": ([header(), row(text=3), clip()], "wrong type.*text"),
    "half a character": ([header(), row(text="\ud800"), clip()], "wrong type.*text"),
    "settings is a list": ([header(), row(settings=[]), clip()], "wrong type.*settings"),
    "not a number": ([header(), row(settings={"a": float("nan")}), clip()], "NaN"),
    "nested too deep": ([header(), (rows_name(0), b"[" * 100_000)], "no JSON"),
    "no sound": ([header(), row(JUNK), clip(JUNK)], "decoded"),
    "stereo": ([header(), row(STEREO), clip(STEREO)], "one channel"),
    "no FLAC": ([header(), row(WAV), clip(WAV)], "no FLAC"),
    "endless silence": ([header(), row(LONG), clip(LONG)], "longer than"),
    "too large": ([header(), row(), clip()], "at most"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_honest_archive_is_refused_and_leaves_nothing(
    what, store, tmp_path, monkeypatch
):
    members, message = HOSTILE[what]
    monkeypatch.setattr(clip_import, "MAX_CLIP_S", 2)
    if what == "too large":
        monkeypatch.setattr(clip_import, "MAX_CLIP_BYTES", 100)
    path = archive(tmp_path / "a.tar", members)
    before = {p for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(ArchiveError, match=message):
        load(store, path)
    assert store.find().empty
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == before


def test_the_honest_one_of_these_is_taken(store, tmp_path):
    assert load(store, archive(tmp_path / "a.tar", [header(), row(), clip()])).added == 1


def test_fewer_clips_than_it_says_are_kept_and_said(store, tmp_path):
    path = archive(tmp_path / "a.tar", [header(clips=2), row(), clip()])
    with pytest.raises(ArchiveError, match="says that it has 2 clips and has 1"):
        load(store, path)
    assert len(store.find()) == 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 zip", b"x" * 3000])
def test_what_is_no_tar_is_refused(store, tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(ArchiveError, match=r"no tar file|empty"):
        load(store, tmp_path / "a.tar")
    with pytest.raises(ArchiveError, match="no file"):
        load(store, tmp_path / "nothing.tar")
