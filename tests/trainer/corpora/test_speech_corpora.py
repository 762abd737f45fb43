"""LibriSpeech and Common Voice, laid out as they are released."""

from __future__ import annotations

import json

import pytest

from trainer.corpora.base import CorpusError
from trainer.corpora.common_voice import CommonVoice
from trainer.corpora.librispeech import LibriSpeech

CLIENTS = ("a1" * 64, "b2" * 64)


@pytest.fixture
def librispeech(tmp_path, record):
    top = tmp_path / "LibriSpeech"
    for subset, speaker, chapter in (
        ("train-clean-100", 103, 1240),
        ("train-clean-100", 1034, 121119),
        ("dev-clean", 84, 121123),
    ):
        folder = top / subset / str(speaker) / str(chapter)
        lines = []
        for number in range(2):
            name = f"{speaker}-{chapter}-{number:04}"
            record(folder / f"{name}.flac", speaker + number)
            lines.append(f"{name} CHAPTER ONE MISSUS RACHEL LYNDE IS SURPRISED\n")
        (folder / f"{speaker}-{chapter}.trans.txt").write_text("".join(lines))
    (top / "SPEAKERS.TXT").write_text("; nothing that is needed\n")
    return top


def test_librispeech_comes_in_without_what_is_for_evaluation(librispeech, bring, store):
    report = bring(LibriSpeech(librispeech))
    assert (report.source, report.imported, report.refused) == ("librispeech", 4, {})
    clips = store.find()
    assert set(clips["speaker"]) == {"librispeech:103", "librispeech:1034"}
    assert set(clips["licence"]) == {"CC BY 4.0"}
    assert clips.iloc[0].text == "CHAPTER ONE MISSUS RACHEL LYNDE IS SURPRISED"
    assert json.loads(clips.iloc[0].settings) == {
        "file": "103-1240-0000.flac",
        "subset": "train-clean-100",
    }


def test_a_part_of_librispeech_is_the_same_corpus(librispeech, bring):
    assert bring(LibriSpeech(librispeech / "train-clean-100" / "103" / "1240")).imported == 2
    report = bring(LibriSpeech(librispeech))
    assert (report.imported, report.known) == (2, 2)


def test_an_evaluation_subset_is_read_when_it_is_named(librispeech, bring, store):
    assert bring(LibriSpeech(librispeech / "dev-clean")).imported == 2
    assert json.loads(store.find().iloc[0].settings)["subset"] == "dev-clean"


def test_damage_in_librispeech_is_refused_with_its_line(librispeech, bring):
    folder = librispeech / "train-clean-100" / "103" / "1240"
    (folder / "103-1240-0001.flac").unlink()
    with (folder / "103-1240.trans.txt").open("a") as lines:
        lines.write("not an utterance\n../../x-1-2 HELLO\n103-1240-0009\n")
    report = bring(LibriSpeech(librispeech))
    assert report.imported == 3
    assert report.refused == {
        "the line does not begin with speaker-chapter-utterance": 2,
        "the transcript has no words": 1,
        "the file is missing": 1,
    }
    (missing,) = report.examples["the file is missing"]
    assert missing.startswith("103-1240.trans.txt line 2: ")


def test_what_is_not_librispeech_is_refused(tmp_path, librispeech):
    for folder in (tmp_path / "gone", librispeech / "dev-clean" / "84" / "x"):
        with pytest.raises(CorpusError, match="LibriSpeech or one of its subsets"):
            list(LibriSpeech(folder))
    only_dev = librispeech / "train-clean-100"
    only_dev.rename(librispeech.parent / "elsewhere")
    with pytest.raises(CorpusError, match="read only where they are named"):
        LibriSpeech(librispeech).count()


@pytest.fixture
def common_voice(tmp_path, record):
    """One language of a release, with the columns of version 21."""
    folder = tmp_path / "cv-corpus-21.0-2025-03-14" / "en"
    header = (
        "client_id\tpath\tsentence_id\tsentence\tsentence_domain\tup_votes\tdown_votes\tage"
        "\tgender\taccents\tvariant\tlocale\tsegment\n"
    )
    rows = ""
    durations = "clip\tduration[ms]\n"
    for number in range(3):
        name = f"common_voice_en_{number}.mp3"
        record(folder / "clips" / name, number, rate_hz=32_000)
        said = 'He said "stop"' if number else '"Why not?"'
        rows += f"{CLIENTS[number % 2]}\t{name}\tff{number}\t{said}\t\t2\t0\t\t\t\t\ten\t\n"
        durations += f"{name}\t1000\n"
    (folder / "validated.tsv").write_text(header + rows)
    (folder / "other.tsv").write_text(header + rows.splitlines(keepends=True)[0])
    (folder / "clip_durations.tsv").write_text(durations)
    return folder


def test_common_voice_comes_in(common_voice, bring, store):
    report = bring(CommonVoice(common_voice))
    assert (report.source, report.imported, report.refused) == ("common-voice", 3, {})
    clips = store.find()
    assert set(clips["speaker"]) == {f"common-voice:{client[:24]}" for client in CLIENTS}
    assert set(clips["licence"]) == {"CC0-1.0"}
    assert list(clips["text"]) == ["Why not?", 'He said "stop"', 'He said "stop"']


def test_common_voice_is_found_from_above_and_by_its_table(common_voice, bring):
    assert bring(CommonVoice(common_voice / "other.tsv")).imported == 1
    report = bring(CommonVoice(common_voice.parents[1]))
    assert (report.imported, report.known) == (2, 1)
    assert bring(CommonVoice(common_voice.parent)).known == 3


def test_durations_are_held_against_the_audio(common_voice, bring):
    durations = common_voice / "clip_durations.tsv"
    durations.write_text(durations.read_text().replace("en_1.mp3\t1000", "en_1.mp3\t4000"))
    report = bring(CommonVoice(common_voice))
    assert report.refused == {"the audio lasts otherwise than the corpus says": 1}
    durations.write_text("clip\tduration[ms]\nx.mp3\tlong\n")
    with pytest.raises(CorpusError, match=r"clip_durations.tsv line 2"):
        list(CommonVoice(common_voice))


def test_what_is_not_common_voice_is_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"validated\.tsv"):
        list(CommonVoice(tmp_path))
