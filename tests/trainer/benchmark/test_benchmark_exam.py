"""An exam is spoken by the held-out voices alone, with texts that training does not have, once."""

import json
from collections import Counter

import pytest
import soundfile

from trainer.benchmark import exam as exams
from trainer.benchmark.exam import exam_tasks, held_out_confusers, open_exam
from trainer.benchmark.hold_out import HoldOutError
from trainer.benchmark.phrases import HELD_OUT, PHRASES, folder_name
from trainer.benchmark.rivals import RIVALS
from trainer.fitting import TEXT_SEED
from trainer.phrases import Bucket, bucket_texts, normalise_text, parse_phrase
from trainer.progress import silent
from trainer.tts.engines import ENGINES


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(exams, "POSITIVES", 6)
    monkeypatch.setattr(exams, "NEAR_MISSES", 4)


def test_the_list_is_wide():
    lengths = Counter(len(phrase.split()) for phrase in PHRASES)
    assert set(lengths) == {1, 2, 3, 4}
    assert len(PHRASES) >= 8
    assert {"smart mirror", "view glass"} <= set(PHRASES)
    assert set(HELD_OUT) <= set(ENGINES)
    assert any(rival.phrases & set(PHRASES) for rival in RIVALS.values())
    syllables = {parse_phrase(phrase).syllables for phrase in PHRASES}
    assert min(syllables) <= 2
    assert max(syllables) >= 4


def test_near_misses_are_words_and_not_the_closest_ones():
    phrase = parse_phrase("smart mirror")
    texts = held_out_confusers(phrase)
    first = bucket_texts(phrase, Bucket.CONFUSER, exams.LEFT_TEXTS, TEXT_SEED)
    left = {normalise_text(text.text) for text in first}
    assert len(texts) == exams.NEAR_MISSES
    assert left.isdisjoint(normalise_text(text.text) for text in texts)
    assert not any(text.spoken_as_phonemes for text in texts)


def test_every_voice_says_every_text_at_several_paces(tmp_path):
    tasks = exam_tasks(parse_phrase("view glass"), ("nanotts",), tmp_path)
    positives = [task for task in tasks if task.text.bucket is Bucket.POSITIVE]
    assert len(positives) == exams.POSITIVES
    assert {task.voice.engine for task in tasks} == {"nanotts"}
    by_voice = Counter(task.voice.name for task in positives)
    assert max(by_voice.values()) - min(by_voice.values()) <= 1
    for text in {task.text for task in positives}:
        assert {t.voice.name for t in positives if t.text == text} == set(by_voice)
    assert {task.speed for task in positives} == set(exams.SPEEDS)
    assert len({task.seed for task in positives}) == len(positives)


@pytest.mark.usefixtures("short")
def test_an_exam_is_made_once_and_read_again(tmp_path):
    phrase = parse_phrase("view glass")
    stages = []
    made = open_exam(
        tmp_path / "exam", phrase, ("nanotts",), tmp_path,
        report=lambda progress: stages.append(progress.stage), workers=1,
    )  # fmt: skip
    assert set(stages) == {"exam"}
    assert 0 < len(made.of(Bucket.POSITIVE)) <= 6
    assert 0 < len(made.of(Bucket.CONFUSER)) <= 4
    for path in (*made.paths(Bucket.POSITIVE), *made.paths(Bucket.CONFUSER)):
        assert soundfile.info(path).samplerate == 16_000
        assert soundfile.info(path).duration > 0.2

    def spoken(_progress):
        raise AssertionError("made again")

    again = open_exam(tmp_path / "exam", phrase, ("nanotts",), tmp_path, report=spoken)
    assert again == made


def test_an_engine_that_is_missing_is_named(tmp_path):
    with pytest.raises(HoldOutError, match="piper"):
        open_exam(
            tmp_path / "exam", parse_phrase("view glass"), ("piper",), tmp_path, report=silent
        )
    assert not (tmp_path / "exam" / exams.EXAM_FILE).exists()


@pytest.mark.usefixtures("short")
def test_another_hold_out_is_another_exam(tmp_path):
    listing = tmp_path / "exam" / exams.EXAM_FILE
    listing.parent.mkdir()
    listing.write_text(json.dumps({"hold_out": ["flite"], "clips": []}))
    phrase = parse_phrase("view glass")
    exam = open_exam(listing.parent, phrase, ("nanotts",), tmp_path, report=silent, workers=1)
    assert {clip.engine for clip in exam.clips} == {"nanotts"}


def test_folders_are_named_after_phrases():
    assert folder_name("turn on the lights") == "turn_on_the_lights"
