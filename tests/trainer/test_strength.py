"""How strong a phrase is: what must be stronger than what, and what is said of it."""

import itertools
import json
import os
import random
import subprocess
import sys

import pytest

from trainer import chance, pronunciation
from trainer.articulation import phoneme_distance, split_phonemes
from trainer.chance import (
    TOLERANCE,
    WORDS_PER_HOUR,
    chance_matches,
    nearness,
    phoneme_shares,
)
from trainer.confusers import confusers
from trainer.everyday import everyday_words
from trainer.phrases import parse_phrase
from trainer.strength import POINTS_PER_DECADE, often, phrase_strength

PHRASES = ["sea", "go", "yes", "alexa", "computer", "view glass", "hey jarvis", "smart mirror"]


def strength(text):
    return phrase_strength(parse_phrase(text))


def sounds(text):
    return split_phonemes("".join(parse_phrase(text).phonemes))


STRONGER = [
    ("sea", "hey sea"),
    ("hey", "hey jarvis"),
    ("jarvis", "hey jarvis"),
    ("yes", "smart mirror"),
    ("go", "go purple"),
    ("computer", "hey computer"),
    ("glass", "view glass"),
    ("the press", "stop the press"),
    # As many sounds, rarer words.
    ("see", "zoo"),
    ("people", "purple"),
    ("in the house", "on a zigzag"),
    ("what is it", "yacht gizmo"),
]


@pytest.mark.parametrize(("weaker", "stronger"), STRONGER)
def test_longer_and_rarer_is_stronger(weaker, stronger):
    assert strength(weaker).per_hour > strength(stronger).per_hour
    assert strength(weaker).score <= strength(stronger).score


@pytest.mark.parametrize("text", ["sea", "go", "yes", "art", "mama"])
def test_short_common_words_are_weak(text):
    assert strength(text).word == "weak"
    assert strength(text).score < 40


@pytest.mark.parametrize("text", ["smart mirror", "turn on the lights", "stop the press"])
def test_long_phrases_are_strong(text):
    assert strength(text).word == "strong"
    assert strength(text).score >= 60


@pytest.mark.parametrize("text", [*PHRASES, "the quick brown fox jumps over the lazy dog"])
def test_the_parts_add_up_to_the_score(text):
    found = strength(text)
    assert [part.name for part in found.parts] == ["length", "sounds", "neighbours", "said"]
    points = sum(part.points for part in found.parts)
    assert found.score == round(min(100, max(0, points)))
    assert found.parts[-1].points <= 0


@pytest.mark.parametrize("text", [*PHRASES, "good morning", "turn on the lights", "hey sea"])
def test_every_reason_is_a_sentence(text):
    reasons = strength(text).reasons
    assert reasons
    for reason in reasons:
        assert reason[0].isupper() or reason[0] == '"'
        assert reason.endswith(".")
        assert "  " not in reason
    assert len(set(reasons)) == len(reasons)


def test_what_sounds_the_same_is_named_and_counted():
    found = strength("sea")
    same = next(n for n in found.neighbours if n.text == "see")
    assert same.distance == 0
    assert not same.inside
    assert found.per_hour > same.per_hour
    assert any('"sea" sounds like "see", said ' in reason for reason in found.reasons)


def test_what_is_close_is_named():
    assert {"commuter", "computing"} <= {n.text for n in strength("computer").neighbours}
    inside = {n.text for n in strength("art").neighbours if n.inside}
    assert "part" in inside
    assert all("smart mirror" not in n.text for n in strength("smart mirror").neighbours)


def test_a_word_more_is_worth_what_the_advice_says():
    advice = strength("sea").reasons[0]
    assert advice == f'Add a word: "hey sea" would have {strength("hey sea").score} points of 100.'


def test_ten_times_as_often_costs_a_decade_of_points():
    some, others = strength("view glass"), strength("alexa")
    ratio = others.per_hour / some.per_hour
    points = [sum(part.points for part in s.parts) for s in (some, others)]
    assert 10 ** ((points[0] - points[1]) / POINTS_PER_DECADE) == pytest.approx(ratio, rel=1e-6)


def test_a_word_that_only_it_can_match_counts_as_it_is_said():
    """Nothing is near ten odd sounds but the word itself, so that the sum is known."""
    word = "jurisdictional"
    near = chance_matches(sounds(word)).near_per_hour
    assert near < 1
    assert strength(word).per_hour == pytest.approx(
        near + WORDS_PER_HOUR * pronunciation.word_probability(word), rel=1e-3
    )


TINY = {"see": ("s", "i"), "tea": ("t", "i"), "east": ("i", "s", "t"), "moo": ("m", "u")}
TINY_SHARES = {"see": 0.4, "tea": 0.3, "east": 0.2, "moo": 0.1}


@pytest.fixture
def tiny_language(monkeypatch):
    """Speech of four words, each as likely whatever went before."""
    monkeypatch.setattr(chance, "everyday_words", lambda: TINY)
    monkeypatch.setattr(pronunciation, "word_probability", TINY_SHARES.__getitem__)
    monkeypatch.setattr(pronunciation, "sequence_probability", lambda _words: 0.0)
    chance._speech.cache_clear()
    yield
    chance._speech.cache_clear()


def test_what_ordinary_speech_holds_is_counted(tiny_language, monkeypatch):
    monkeypatch.setattr(chance, "TOLERANCE", 0.01)  # so narrow that only the same sounds count

    def near(sounds):
        return chance_matches(tuple(sounds)).near_per_hour

    assert near("st") == pytest.approx(WORDS_PER_HOUR * 0.2), "inside east"
    assert near("is") == pytest.approx(WORDS_PER_HOUR * (0.2 + 0.7 * 0.4)), "east; tea see, see see"
    assert near("im") == pytest.approx(WORDS_PER_HOUR * 0.7 * 0.1), "only over a border: tea moo"
    assert near("imus") == pytest.approx(WORDS_PER_HOUR * 0.7 * 0.1 * 0.4), "tea moo see"
    assert near("simu") == pytest.approx(0, abs=1e-6), "see moo is the phrase, not its neighbour"


@pytest.mark.parametrize("phrase", ["si", "tum", "ist"])
def test_nearness_is_summed_as_by_hand(tiny_language, phrase):
    def weigh(part, cut):
        """Return the sum over words of the best that `cut` leaves of them."""
        return sum(
            TINY_SHARES[word] * nearness(min(phoneme_distance(part, left) for left in cut(said)))
            for word, said in TINY.items()
        )

    def whole(said):
        return [said]

    def ends(said):
        return [said[i:] for i in range(len(said))]

    def starts(said):
        return [said[:i] for i in range(1, len(said) + 1)]

    def parts(said):
        return [part for end in ends(said) for part in starts(end)]

    cuts = range(1, len(phrase))
    total = weigh(phrase, parts)
    total += sum(weigh(phrase[:i], ends) * weigh(phrase[i:], starts) for i in cuts)
    total += sum(
        weigh(phrase[:i], ends) * weigh(phrase[i:j], whole) * weigh(phrase[j:], starts)
        for i, j in itertools.combinations(cuts, 2)
    )
    same = sum(TINY_SHARES[word] for word, said in TINY.items() if said == tuple(phrase))
    found = chance_matches(tuple(phrase)).near_per_hour
    assert found == pytest.approx(WORDS_PER_HOUR * (total - same), rel=1e-4)


def test_the_tolerance_accepts_as_many_near_misses_as_the_bar_allows():
    """On the confusers that detectors are trained on, the mean is below 5 %, not far."""
    drawn = [
        confuser.distance
        for text in ("view glass", "computer")
        for confuser in itertools.islice(confusers(parse_phrase(text), random.Random(0)), 60)
    ]
    assert 0.02 < sum(map(nearness, drawn)) / len(drawn) < 0.05
    assert nearness(0.0) == 1.0
    assert nearness(1.0) == pytest.approx(1 / 20)
    assert nearness(TOLERANCE) == pytest.approx(0.368, abs=1e-3)


@pytest.mark.parametrize(
    ("word", "said"),
    [("lights", "lIts"), ("sees", "siz"), ("glasses", "ɡlæsɪz"), ("tried", "tɹId"), ("i", "I"),
     ("stopped", "stɑpt"), ("wanted", "wɑntɪd"), ("making", "mAkɪŋ"), ("cities", "sɪtiz"),
     ("it's", "ɪts"), ("don't", "dOnt"), ("the", "ðə"), ("mirror", "mɪɹəɹ")],
)  # fmt: skip
def test_everyday_words_have_their_forms(word, said):
    assert "".join(everyday_words()[word]) == said


def test_most_of_what_is_said_is_among_the_everyday_words():
    """The rest is mostly the end of the sentence, which the model counts as a word (0.075)."""
    assert sum(map(pronunciation.word_probability, everyday_words())) > 0.87


def test_ordinary_speech_has_every_phoneme():
    shares = phoneme_shares()
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) > 0
    assert shares["ə"] > shares["ʒ"]


def test_it_is_the_same_in_every_process():
    script = (
        "import json\nfrom trainer.phrases import parse_phrase\n"
        "from trainer.strength import phrase_strength\n"
        "print(json.dumps(phrase_strength(parse_phrase('computer')).to_dict()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout == json.dumps(strength("computer").to_dict()) + "\n"


@pytest.mark.parametrize(
    ("per_hour", "words"),
    [
        (832.6, "833 times an hour"),
        (2.57, "2.6 times an hour"),
        (1.0, "once an hour"),
        (0.186, "once in 5.4 hours"),
        (0.0031, "once in 320 hours"),
        (0.001, "once in 1,000 hours"),
        (1e-9, "less than once in 1,000 hours"),
    ],
)
def test_how_often_in_words(per_hour, words):
    assert often(per_hour) == words
