"""What an import makes of recordings, and what it leaves alone the next time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from db.clips import ClipWriteError
from trainer.corpora import importing
from trainer.corpora.base import Recording, Refusal
from trainer.corpora.importing import BATCH, LONGEST_S
from trainer.progress import CancelledError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Corpus:
    """Recordings that are simply listed."""

    rows: list = field(default_factory=list)
    name: str = "village"
    size: int | None = None

    def count(self) -> int | None:
        return self.size

    def __iter__(self) -> Iterator[Recording | Refusal]:
        return iter(self.rows)


@pytest.fixture
def village(record, tmp_path):
    """Five recordings by two people in four formats."""
    suffixes = (".wav", ".flac", ".opus", ".mp3", ".wav")
    return Corpus(
        [
            Recording(
                file=f"{number}{suffix}",
                audio=record(tmp_path / "in" / f"{number}{suffix}", number, rate_hz=48_000),
                text=f"Sentence number {number}.",
                speaker=f"p{number % 2}",
                licence="CC0-1.0",
                where=f"line {number}",
                settings={"microphone": "near"},
            )
            for number, suffix in enumerate(suffixes)
        ],
        size=5,
    )


def never(*_arguments: object, **_options: object) -> None:
    raise AssertionError("audio was opened")


def test_a_recording_becomes_a_clip_that_keeps_all_that_is_known(village, bring, store):
    report = bring(village)
    assert (report.imported, report.known, report.refused) == (5, 0, {})
    assert report.seconds == pytest.approx(5, abs=0.2)  # mp3 pads
    assert report.speakers == 2
    clips = store.find()
    first = clips.iloc[0]
    assert (first.engine, first.voice, first.speaker) == ("recording", "p0", "village:p0")
    assert (first.source, first.licence) == ("village", "CC0-1.0")
    assert first.text == "Sentence number 0."
    assert first.text_normalised == "sentence number 0"
    assert "sˈɛntᵊns" in first.phonemes
    assert json.loads(first.settings) == {"file": "0.wav", "microphone": "near"}
    for clip in clips.itertuples():
        waveform, rate_hz = store.read(clip)
        assert (waveform.dtype, rate_hz) == (np.int16, 16_000)
        assert len(waveform) == pytest.approx(16_000, abs=1600)


def test_the_second_time_nothing_is_opened(village, bring, store, monkeypatch):
    bring(village)
    before = store.find()
    monkeypatch.setattr(importing, "read_recording", never)
    report = bring(village)
    assert (report.imported, report.known, report.seconds, report.speakers) == (0, 5, 0, 0)
    assert store.find().equals(before)


def test_what_is_gone_from_the_disk_is_still_known(village, bring):
    bring(village)
    village.rows[0].audio.unlink()
    assert bring(village).known == 5


def test_an_import_that_was_stopped_goes_on(bring, store, monkeypatch):
    decoded = []
    sound = np.full(8_000, 1000, np.int16)

    def decode(content, name, **_):
        decoded.append(name)
        pcm = sound.copy()
        pcm[: len(name)] = np.frombuffer(name.encode(), np.uint8)
        return pcm

    monkeypatch.setattr(importing, "decode_recording", decode)
    rows = [
        Recording(f"{n}.wav", lambda: b"", "some words", "p", "CC0-1.0")
        for n in range(3 * BATCH + 5)
    ]
    stops = iter([None, CancelledError("stop")])

    def stop(_progress):
        if error := next(stops):
            raise error

    with pytest.raises(CancelledError):
        bring(Corpus(rows), stop)
    assert len(store.find()) == 2 * BATCH
    report = bring(Corpus(rows))
    assert (report.imported, report.known) == (BATCH + 5, 2 * BATCH)
    assert len(decoded) == len(set(decoded)) == len(rows)
    assert store.verify().healthy


def test_a_full_disk_keeps_the_batches_before(village, bring, store, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)
    add_many = store.add_many
    batches = []

    def fill(clips):
        batches.append(clips)
        if len(batches) == 2:
            raise ClipWriteError("full")
        return add_many(clips)

    monkeypatch.setattr(store, "add_many", fill)
    with pytest.raises(ClipWriteError):
        bring(village)
    monkeypatch.undo()
    assert len(store.find()) == 2
    assert bring(village).imported == 3


@pytest.mark.parametrize("limit", [1, 3])
def test_a_limit_counts_what_is_new(village, bring, store, limit):
    village.rows[0] = replace(village.rows[0], text="...")
    bring(village, limit=1)
    assert len(store.find()) == 1
    report = bring(village, limit=limit)
    assert (report.imported, report.known) == (limit, 1)
    assert len(store.find()) == 1 + limit


def test_the_same_audio_under_another_name_is_said_and_not_doubled(village, bring, store):
    village.rows.append(replace(village.rows[0], file="copy.wav", text="something else"))
    report = bring(village)
    assert (report.imported, report.duplicates) == (5, 1)
    assert len(store.find()) == 5
    assert "something else" not in set(store.find()["text"])


@pytest.mark.parametrize(
    ("change", "column", "now"),
    [
        ({"text": "A corrected one."}, "text_normalised", "a corrected one"),
        ({"speaker": "p7"}, "speaker", "village:p7"),
        ({"licence": "CC BY 4.0"}, "licence", "CC BY 4.0"),
    ],
)
def test_a_row_that_was_corrected_is_described_anew(  # noqa: PLR0917 - fixtures
    village, bring, store, monkeypatch, change, column, now
):
    bring(village)
    parent = store.find().iloc[1]
    cut = store.add(
        np.arange(4_000, dtype=np.int16), 16_000, text="number", text_normalised="number",
        phonemes="nˈʌmbəɹ", engine="cut", voice="p1", speaker="village:p1",
        settings={"of": parent.sha256, "start_s": 0.2, "end_s": 0.45}, source="village",
        licence="CC0-1.0",
    )  # fmt: skip
    other = store.add(
        np.arange(5_000, dtype=np.int16), 16_000, text="number", text_normalised="number",
        phonemes="nˈʌmbəɹ", engine="cut", voice="p0", speaker="village:p0",
        settings={"of": store.find().iloc[0].sha256}, source="village", licence="CC0-1.0",
    )  # fmt: skip
    village.rows[1] = replace(village.rows[1], **change)
    monkeypatch.setattr(importing, "read_recording", never)
    report = bring(village)
    assert (report.imported, report.known, report.updated) == (0, 4, 1)
    clips = store.find().set_index("id")
    assert clips.loc[parent.id][column] == now
    assert clips.loc[parent.id].sha256 == parent.sha256
    assert other in clips.index
    assert cut not in clips.index, "it says what is no longer so"
    if "text" in change:
        assert "kəɹˈɛktᵻd" in clips.loc[parent.id].phonemes
    assert bring(village).known == 5


def long_recording(tmp_path, record):
    return record(tmp_path / "long.wav", 1, seconds=LONGEST_S + 1, rate_hz=8_000)


def silence(tmp_path, _record):
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000), 16_000)
    return tmp_path / "silence.wav"


def text_file(tmp_path, _record):
    (tmp_path / "notes.wav").write_text("not audio")
    return tmp_path / "notes.wav"


def cut_off(tmp_path, record):
    path = record(tmp_path / "cut.flac", 3, seconds=2)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def folder(tmp_path, _record):
    (tmp_path / "folder.wav").mkdir()
    return tmp_path / "folder.wav"


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (lambda tmp, _: tmp / "gone.wav", "the file is missing"),
        (folder, "the file is missing"),
        (lambda tmp, record: record(tmp / "s.wav", 1, seconds=0.1), "shorter than 0.2 s"),
        (long_recording, "longer than 60 s"),
        (silence, "silence"),
        (text_file, "the audio cannot be read"),
        (cut_off, "the audio"),
    ],
)
def test_audio_that_cannot_be_used_is_refused_and_the_rest_is_taken(  # noqa: PLR0917 - fixtures
    village, bring, record, tmp_path, audio, reason
):
    village.rows[2] = replace(village.rows[2], audio=audio(tmp_path, record), seconds=None)
    if audio is cut_off:
        village.rows[2] = replace(village.rows[2], seconds=2.0)
    report = bring(village)
    assert report.imported == 4
    ((said, count),) = report.refused.items()
    assert said.startswith(reason)
    assert count == 1
    assert report.examples[said][0].startswith("line 2")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"text": ""}, "the transcript has no words"),
        ({"text": "— ?!"}, "the transcript has no words"),
        ({"speaker": " "}, "no speaker is given: splits are made by speaker"),
        ({"licence": ""}, "no licence is given"),
        ({"file": "1.flac"}, "the file is named a second time"),
        ({"seconds": 3.0}, "the audio lasts otherwise than the corpus says"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused(village, bring, change, reason):
    village.rows[2] = replace(village.rows[2], **change)
    report = bring(village)
    assert report.imported == 4
    assert report.refused == {reason: 1}
    assert report.examples[reason][0].startswith("line 2")


def test_refusals_are_counted_and_a_few_are_named(village, bring):
    village.rows += [Refusal(f"line {n}", "odd", str(n)) for n in range(9)]
    report = bring(village)
    assert report.refused == {"odd": 9}
    assert report.examples == {"odd": ["line 0: 0", "line 1: 1", "line 2: 2"]}


def test_nobody_is_made_of_two_people_by_a_plus(village, bring, store):
    village.rows[0] = replace(village.rows[0], speaker="a+b")
    bring(village)
    assert store.find().iloc[0].speaker == "village:a_b"


def test_capitals_are_read_as_words(village, bring, store):
    village.rows[0] = replace(village.rows[0], text="LET US GO")
    bring(village)
    assert store.find().iloc[0].text == "LET US GO"
    assert "ˌɛs" not in store.find().iloc[0].phonemes


@pytest.mark.parametrize(
    "text", ["naïve café", "日本語 and words", "a" * 500, "$5 & 20%", "x\u200by", "emoji 😀 here"]
)
def test_no_transcript_stops_an_import(village, bring, store, text):
    village.rows[0] = replace(village.rows[0], text=text)
    assert bring(village).imported == 5
    assert store.find().iloc[0].text == text


def test_progress_goes_from_nothing_to_all(village, bring, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)
    seen = []
    bring(village, seen.append)
    assert [progress.fraction for progress in seen] == [0.4, 0.8, 1.0]
    assert seen[-1].detail == "5 new, 0 known"


def test_progress_without_a_known_end(village, bring):
    village.size = None
    seen = []
    bring(village, seen.append)
    assert [(progress.fraction, progress.eta_s) for progress in seen] == [(0.0, None)]
