"""A phrase is checked, and its buckets hold what they should."""

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter
from itertools import pairwise, takewhile

import pytest

from trainer import pronunciation
from trainer.articulation import (
    CONSONANTS,
    VOWELS,
    phoneme_distance,
    split_phonemes,
    without_final_r,
)
from trainer.confusers import nearest_distance
from trainer.hearing import FILLERS, distance_to_phrase, phrase_readings
from trainer.made_up import edited
from trainer.phrase_check import MAX_SECONDS
from trainer.phrases import (
    Bucket,
    PhraseError,
    PhraseText,
    bucket_report,
    bucket_texts,
    contains_phrase,
    normalise_text,
    parse_phrase,
    phrase_sounds,
)

PHRASES = ["smart mirror", "hey jarvis", "stop the press", "computer", "view glass"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \t ", "empty"),
        ("?!…", "only punctuation"),
        ("xqzt", "cannot be pronounced"),
        ("hey XQZT", "x q z t"),
        ("wsj", "cannot be pronounced"),
        ("pfft", "no vowel"),
        ("你好", "another script"),
        ("привет", "another script"),
        ("guten morgen computer", "German"),
        ("buenos dias casa", "Spanish"),
        ("hi 😀", "grinning face"),
        ("<b>hi</b>", "less-than"),
        ("hey\x00jarvis", "U\\+0000"),
        ("hey\u200bjarvis", "U\\+200B"),
        ("$5 please", "dollar sign"),
        ("word " * 30, "characters"),
        ("this is a remarkably long sentence that nobody would ever say to a lamp at home", "s to"),
    ],
)
def test_refusals_say_why(text: str, reason: str) -> None:
    with pytest.raises(PhraseError, match=reason):
        parse_phrase(text)


def test_other_languages_are_refused_by_name() -> None:
    with pytest.raises(PhraseError, match=r"'de'.*English"):
        parse_phrase("hallo", "de")
    assert issubclass(PhraseError, ValueError)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hey, Jarvis!", ("hey", "jarvis")),
        ("  HEY   jarvis ", ("hey", "jarvis")),
        ("hey-jarvis", ("hey", "jarvis")),
        ("it’s me", ("it's", "me")),
        ("route 66", ("route", "sixty", "six")),
        ("2nd floor", ("second", "floor")),
        ("1984", ("nineteen", "eighty", "four")),
        ("007", ("oh", "oh", "seven")),
        ("3.5 volts", ("three", "point", "five", "volts")),
        ("rock & roll", ("rock", "and", "roll")),
        ("r2-d2", ("r", "two", "d", "two")),
        ("café", ("cafe",)),
    ],
)
def test_what_is_typed_becomes_words(text: str, words: tuple[str, ...]) -> None:
    phrase = parse_phrase(text)
    assert phrase.words == words
    assert phrase.text == " ".join(words) == normalise_text(phrase.text)
    assert len(phrase.phonemes) == len(words)
    assert 0.2 < phrase.seconds <= MAX_SECONDS


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("stop", "one syllable"),
        ("yes", "times in an hour"),
        ("thank you", "times in an hour"),
        ("night", 'inside everyday words ("united"'),
        ("zyphorian", "in no dictionary"),
        ("hey sheila", "said shay-luh, and also shee-luh"),
        ("route 66", 'spoken as "sixty six"'),
        ("café", "Accents are dropped"),
        ("bbc news", "letter by letter"),
        ("hey AI", "read as one word"),
        ("hola computer", "Spanish"),
        ("okay", "very short"),
    ],
)
def test_weak_phrases_are_warned_about(text: str, warning: str) -> None:
    assert any(warning in said for said in parse_phrase(text).warnings)


@pytest.mark.parametrize("text", ["smart mirror", "hey jarvis", "view glass", "stop the press"])
def test_good_phrases_have_no_warnings(text: str) -> None:
    assert parse_phrase(text).warnings == ()


@pytest.mark.parametrize(
    ("phrase", "text", "contained"),
    [
        ("smart mirror", "my smart mirrors are dirty", True),
        ("smart mirror", "the mirror is smart", False),
        ("ice cream", "I scream at the wall", True),
        ("sauce", "show me the source", True),  # alike only where r is said before vowels
        ("computer", "computers are everywhere", True),
        ("view glass", "a few glasses", False),
    ],
)
def test_contains_phrase_hears_homophones(phrase: str, text: str, contained: bool) -> None:
    readings = [pronunciation.phonemes(text, british=british) for british in (False, True)]
    assert any(contains_phrase(r, parse_phrase(phrase)) for r in readings) is contained


@pytest.mark.parametrize("text", PHRASES)
def test_positives_have_the_phrase_where_they_say(text: str) -> None:
    phrase = parse_phrase(text)
    positives = bucket_texts(phrase, Bucket.POSITIVE, 200, 0)
    assert positives[0].text == text
    assert len({p.text for p in positives}) == len(positives) == 200
    readings = phrase_readings(phrase.words)
    for positive in positives:
        assert positive.bucket is Bucket.POSITIVE
        assert contains_phrase(positive.phonemes, phrase)
        assert positive.words is not None
        first, last = positive.words
        words = normalise_text(positive.text).split()
        sounds = positive.word_phonemes()
        assert len(words) == len(sounds)
        inside = [(w, s) for w, s in zip(words, sounds, strict=True)][first:last]
        said = [(w, s) for w, s in inside if w not in FILLERS]
        assert tuple(w for w, _ in said) == phrase.words
        assert split_phonemes("".join(s for _, s in said)) in readings
        # What is around does not have the phrase once more.
        assert not contains_phrase("".join(sounds[: last - 1]), phrase), positive
        assert not contains_phrase("".join(sounds[first + 1 :]), phrase), positive
        assert positive.stands_alone == (len(inside) == len(words))


@pytest.mark.parametrize("text", PHRASES)
def test_positives_are_of_every_kind(text: str) -> None:
    positives = bucket_texts(parse_phrase(text), Bucket.POSITIVE, 120, 0)
    kinds = Counter(p.kind for p in positives)
    assert set(kinds) == {"alone", "call", "question", "hesitant", "start", "middle", "end"}
    few = [p.kind for p in positives[:8]]
    assert few.count("alone") == 4
    assert {"start", "call", "question", "hesitant"} <= set(few)
    for positive in positives:
        first, last = positive.words or (0, 0)
        count = len(normalise_text(positive.text).split())
        if positive.kind in {"alone", "start"}:
            assert first == 0
        if positive.kind == "alone":
            assert positive.stands_alone
        if positive.kind in {"start", "middle"}:
            assert last < count
        if positive.kind in {"middle", "end"}:
            assert first > 0
        if positive.kind == "end":
            assert last == count
    assert {p.text.strip("?!.,") for p in positives if p.kind == "alone"} != {text}


def test_hesitation_stays_the_phrase_and_out_of_the_negatives() -> None:
    phrase = parse_phrase("smart mirror")
    texts = bucket_texts(phrase, Bucket.POSITIVE, 500, 0)
    inner = [t for t in texts if t.words and t.words[1] - t.words[0] == 3]
    assert inner
    assert all(normalise_text(t.text).split()[t.words[0] + 1] in FILLERS for t in inner if t.words)
    pauses = [t for t in texts if "smart... mirror" in t.text.lower()]
    assert pauses
    for said in ("smart um mirror", "smart, uh, mirror", "smart a mirror", "smart er mirror"):
        assert contains_phrase(pronunciation.phonemes(said), phrase), said
    for said in ("smart old mirror", "smart the mirror", "smart my mirror", "a mirror smart"):
        assert not contains_phrase(pronunciation.phonemes(said), phrase), said


def test_nobody_greets_twice() -> None:
    texts = bucket_texts(parse_phrase("hey jarvis"), Bucket.POSITIVE, 400, 0)
    assert not any(t.text.lower().startswith(("hi ", "hey hey", "okay ", "hello ")) for t in texts)


def check_negatives(texts: list[PhraseText], bucket: Bucket, text: str) -> None:
    phrase = parse_phrase(text)
    assert len({normalise_text(t.text) for t in texts}) == len(texts)
    for negative in texts:
        assert negative.bucket is bucket
        assert split_phonemes(negative.phonemes)
        assert not contains_phrase(negative.phonemes, phrase), negative
        if not negative.spoken_as_phonemes:
            british = pronunciation.phonemes(negative.text, british=True)
            assert not contains_phrase(british, phrase), negative


@pytest.mark.parametrize("text", PHRASES)
def test_confusers_are_close_but_not_too_close(text: str) -> None:
    phrase = parse_phrase(text)
    confusers = bucket_texts(phrase, Bucket.CONFUSER, 300, 0)
    assert len(confusers) == 300
    check_negatives(confusers, Bucket.CONFUSER, text)
    distances = sorted(distance_to_phrase(c.phonemes, phrase) for c in confusers)
    floor = nearest_distance(phrase)
    assert distances[0] >= floor - 1e-3
    near = sum(d < floor + 0.6 for d in distances) / len(distances)
    assert 0.15 < near < 0.8
    made_up = [c for c in confusers if c.spoken_as_phonemes]
    assert 0.05 < len(made_up) / len(confusers) < 0.6


def test_confusers_have_parts_of_the_phrase_and_close_words() -> None:
    smart = {c.text for c in bucket_texts(parse_phrase("smart mirror"), Bucket.CONFUSER, 400, 0)}
    assert {"smart", "mirror", "smart meer", "start mirror", "smart measure"} <= smart
    hey = {c.text for c in bucket_texts(parse_phrase("hey jarvis"), Bucket.CONFUSER, 800, 0)}
    assert {"hey", "jarvis", "hey jar", "hey garbage"} <= hey


def test_texts_that_people_mistake_are_left_out() -> None:
    texts = bucket_texts(parse_phrase("smart mirror"), Bucket.CONFUSER, 1500, 1)
    assert not {"smart nearer", "smart miller", "smart mira"} & {t.text for t in texts}


@pytest.mark.parametrize("text", PHRASES)
def test_in_between_texts_have_words_of_the_phrase(text: str) -> None:
    texts = bucket_texts(parse_phrase(text), Bucket.IN_BETWEEN, 200, 0)
    assert len(texts) == 200
    check_negatives(texts, Bucket.IN_BETWEEN, text)
    words = set(text.split())
    if len(words) > 1:
        assert all(words & set(normalise_text(t.text).split()) for t in texts)
        assert " ".join(reversed(text.split())) in {t.text for t in texts}


def test_plain_texts_serve_every_phrase() -> None:
    mirror = bucket_texts(parse_phrase("smart mirror"), Bucket.PLAIN, 300, 0)
    glass = bucket_texts(parse_phrase("view glass"), Bucket.PLAIN, 300, 0)
    check_negatives(mirror, Bucket.PLAIN, "smart mirror")
    assert len(set(mirror) & set(glass)) > 290


def test_plain_texts_never_have_the_phrase() -> None:
    texts = bucket_texts(parse_phrase("train"), Bucket.PLAIN, 1000, 0)
    check_negatives(texts, Bucket.PLAIN, "train")
    assert not any("train" in t.text.lower().split() for t in texts)


@pytest.mark.parametrize("bucket", list(Bucket))
def test_seed_decides_and_more_begins_with_fewer(bucket: Bucket) -> None:
    phrase = parse_phrase("smart mirror")
    forty = bucket_texts(phrase, bucket, 40, 3)
    assert bucket_texts(phrase, bucket, 20, 3) == forty[:20]
    assert bucket_texts(phrase, bucket, 40, 4) != forty
    assert bucket_texts(phrase, bucket, 0, 3) == []
    with pytest.raises(ValueError, match="count"):
        bucket_texts(phrase, bucket, -1, 3)


def test_the_same_texts_in_every_process() -> None:
    script = (
        "from trainer.phrases import *; import hashlib; p = parse_phrase('hey jarvis');"
        "t = repr([bucket_texts(p, b, 60, 5) for b in Bucket]);"
        "print(hashlib.sha256(t.encode()).hexdigest())"
    )
    phrase = parse_phrase("hey jarvis")
    here = repr([bucket_texts(phrase, b, 60, 5) for b in Bucket])
    elsewhere = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "17", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.strip() == hashlib.sha256(here.encode()).hexdigest()


def test_report_shows_all_buckets() -> None:
    report = bucket_report(parse_phrase("stop"), 5, 0)
    assert "one syllable" in report
    for heading in ("positive (5)", "confuser (5)", "in-between (5)", "plain (5)"):
        assert heading in report


def test_report_marks_the_phrase_and_names_the_kinds() -> None:
    report = bucket_report(parse_phrase("smart mirror"), 24, 0)
    positives, confusers, in_between, _ = report.split("\n\n")[1:]
    assert "[smart mirror]" in positives
    assert "[Smart mirror]" in positives
    alone, *_ = positives.split("\n  call")
    assert "[" not in alone
    for kind in ("start", "middle", "end", "hesitant", "question"):
        assert f"\n  {kind} " in positives
    for kind in ("near", "part", "made up", "merged", "one swapped", "run together"):
        assert f"\n  {kind} " in confusers
    for kind in ("insert", "woken", "half", "carrier", "reorder", "apart"):
        assert f"\n  {kind} " in in_between


@pytest.mark.parametrize(
    ("text", "mine"),
    [
        ("smart mirror", {"smirer", "smart meer"}),
        ("hey jarvis", {"hayrvis", "hey jar"}),
    ],
)
def test_confusers_are_of_every_kind(text: str, mine: set[str]) -> None:
    texts = bucket_texts(parse_phrase(text), Bucket.CONFUSER, 900, 0)
    assert {t.kind for t in texts} >= {
        "part", "near", "medium", "two_words", "run_together", "one_word", "one_swapped",
        "made_up", "merged",
    }  # fmt: skip
    assert mine <= {t.text for t in texts}
    for confuser in texts:
        assert confuser.words is None
        if confuser.kind == "one_swapped":
            assert len(set(confuser.text.split()) - set(text.split())) == 1
        if confuser.spoken_as_phonemes:
            assert confuser.kind in {"part", "made_up", "merged"}


def test_in_between_texts_are_of_every_kind() -> None:
    texts = bucket_texts(parse_phrase("turn the page over"), Bucket.IN_BETWEEN, 300, 0)
    kinds = Counter(t.kind for t in texts)
    assert set(kinds) == {"insert", "reorder", "half", "carrier", "woken", "apart"}
    # Positives and negatives stand in the same frames, so that no frame tells them apart.
    assert any(t.text.startswith("Turn the page, ") for t in texts if t.kind == "woken")
    for text in texts:
        if text.kind == "insert":
            words = text.text.split()
            assert (words[0], words[-1]) == ("turn", "over")
            assert len(words) > 4
        if text.kind == "reorder":
            assert set(text.text.split()) <= {"turn", "the", "page", "over"}


@pytest.mark.parametrize("text", ["knight sky", "see you later", "stop the press", "okay nabu"])
def test_no_negative_hesitates_its_way_into_the_phrase(text: str) -> None:
    phrase = parse_phrase(text)
    for negative in bucket_texts(phrase, Bucket.IN_BETWEEN, 200, 2):
        words = normalise_text(negative.text).split()
        without = " ".join(w for w in words if w not in {"um", "uh", "er", "a", "ah"})
        assert not contains_phrase(pronunciation.phonemes(without or "no"), phrase), negative


HOMOPHONES = {
    "write a letter": "right a letter",
    "blue sea": "blew see",
    "knight sky": "night skies",
    "their house": "there houses",
    "ice cream": "I scream",
    "sauce": "source",
    "aunt flower": "ant flour",
    "new mail": "knew male",
}


@pytest.mark.parametrize("text", list(HOMOPHONES))
def test_no_negative_has_the_phrase_or_a_homophone(text: str) -> None:
    phrase = parse_phrase(text)
    alike = [pronunciation.phonemes(HOMOPHONES[text], british=b) for b in (False, True)]
    assert any(contains_phrase(sounds, phrase) for sounds in alike)
    said = {normalise_text(t.text) for t in bucket_texts(phrase, Bucket.POSITIVE, 120, 1)}
    for bucket in (Bucket.CONFUSER, Bucket.IN_BETWEEN, Bucket.PLAIN):
        negatives = bucket_texts(phrase, bucket, 120, 1)
        assert len(negatives) == 120
        check_negatives(negatives, bucket, text)
        # A clip is found again by its words: the same ones must not be for and against.
        assert not said & {normalise_text(t.text) for t in negatives}


@pytest.mark.parametrize("seed", range(4))
def test_buckets_hold_for_any_two_words(seed: int) -> None:
    rng = random.Random(seed)
    words = [w for w in pronunciation.common_words(1e-5) if len(w) > 3]
    text = " ".join(rng.sample(words, 2))
    phrase = parse_phrase(text)
    for bucket in (Bucket.CONFUSER, Bucket.IN_BETWEEN, Bucket.PLAIN):
        check_negatives(bucket_texts(phrase, bucket, 80, seed), bucket, text)
    for positive in bucket_texts(phrase, Bucket.POSITIVE, 80, seed):
        assert contains_phrase(positive.phonemes, phrase)


def test_phrase_sounds_find_what_contains_phrase_finds() -> None:
    phrase = parse_phrase("car park")
    for said in ("car park", "a car, um, park", "the car uh park gate", "carpark", "a cat park"):
        for british in (False, True):
            sounds = pronunciation.phonemes(said, british=british)
            heard = "".join(without_final_r(split_phonemes(sounds)))
            found = any(sound in heard for sound in phrase_sounds(phrase.words))
            assert found is contains_phrase(sounds, phrase) is (said != "a cat park"), said


def test_what_is_swallowed_makes_no_distance() -> None:
    mirror = parse_phrase("smart mirror")
    assert distance_to_phrase("smˈɑɹ mˈɪɹəɹ", mirror) == 0
    assert distance_to_phrase("smˈɑɹt ˈɪɹəɹ", mirror) > 0.4
    texts = bucket_texts(mirror, Bucket.CONFUSER, 800, 3)
    assert not any(split_phonemes(t.phonemes) == tuple("smɑɹmɪɹəɹ") for t in texts)


def test_made_up_words_can_be_said() -> None:
    rng = random.Random(0)
    kinds = Counter[int]()
    for word in ("stˈɑp", "mˈɪɹəɹ", "ʤˈɑɹvɪs", "ɡlˈæs", "kəmpjˈuTəɹ"):
        before = split_phonemes(word)
        for _ in range(300):
            after = split_phonemes(edited(word, rng))
            kinds[len(after) - len(before)] += 1
            assert phoneme_distance(before, after) <= 1.0
            assert set(after) & VOWELS
            assert all(a != b for a, b in pairwise(after))
            onset = "".join(takewhile(CONSONANTS.__contains__, after))
            assert onset not in {"dt", "pɡ", "fʤ", "sʃ", "tl", "mɹ"}, after
    assert set(kinds) == {-1, 0, 1}
    assert min(kinds.values()) > 100
