import numpy as np
import pytest

from tests.trainer.known_model import FRAME_SAMPLES, RATE_HZ, KnownModel, say
from trainer.phrases import parse_phrase
from trainer.segment import (
    LEAST_SPOKEN_SCORE,
    Place,
    SegmentError,
    Transcript,
    phrase_span,
    place_spans,
    read_transcript,
    spoken_score,
)

TURN_ON = Transcript(("turn", "on", "lights"), ("tɜn", "ɑn", "lIts"))


@pytest.fixture(autouse=True)
def _needs_ctc_segmentation():
    pytest.importorskip("ctc_segmentation", reason="the extra ctc is not installed")


def test_the_span_is_where_the_words_were_written():
    waveform = say(10, "tɜn", 5, "ɑn", 7, "lIts", 10)
    # turn: frames 10 to 18; 5 of silence; on: first frame 24, n from 27; 7 more; lights from 37.
    span = phrase_span(waveform, TURN_ON, Place(1, 2), KnownModel())
    assert span.start_s == pytest.approx(24 * 0.02 - 0.04)
    assert span.end_s == pytest.approx(29 * 0.02)  # n is written in 27 and sounds in 28, too
    assert span.free_before_s == pytest.approx(24 * 0.02 - 0.04 - (16 * 0.02 + 0.04))
    assert span.free_after_s == pytest.approx(37 * 0.02 - 0.04 - 29 * 0.02)


def test_a_last_sound_that_is_drawn_out_belongs_to_the_span():
    drawl = np.repeat(say("ɑ")[:1], 10 * FRAME_SAMPLES)
    waveform = np.concatenate([say(10, "tɜ"), drawl, say(9, "ɑn", "lIts")])
    # o is written in frame 16 and goes on to frame 26; what follows comes after a rest.
    transcript = Transcript(("toe", "on", "lights"), ("tɜɑ", "ɑn", "lIts"))
    span = phrase_span(waveform, transcript, Place(0, 1), KnownModel())
    assert span.end_s == pytest.approx(26 * 0.02)
    # Where the next word begins at once, it ends there.
    waveform = np.concatenate([say(10, "tɜ"), drawl, say("n", "lIts")])
    transcript = Transcript(("toe", "n", "lights"), ("tɜɑ", "n", "lIts"))
    span = phrase_span(waveform, transcript, Place(0, 1), KnownModel())
    assert span.end_s == pytest.approx(26 * 0.02 - KnownModel.lead_s)


def test_several_words_and_the_ends_of_the_recording():
    waveform = say(1, "tɜn", "ɑn", "lIts")
    model = KnownModel()
    model.lead_s = 0.2
    span = phrase_span(waveform, TURN_ON, Place(0, 3), model)
    assert span.start_s == 0.0  # the sound begins before the recording: it is not cut before that
    assert span.free_before_s == 0.0
    assert span.end_s == pytest.approx(27 * 0.02)
    assert span.free_after_s == pytest.approx(len(waveform) / RATE_HZ - span.end_s)


def test_what_was_said_scores_well_and_what_was_not_scores_badly():
    model = KnownModel()
    waveform = say(5, "tɜn", 5, "ɑn", 5, "lIts", 5)
    said = phrase_span(waveform, TURN_ON, Place(1, 2), model)
    other = Transcript(("turn", "off", "lights"), ("tɜn", "ʃʊʃ", "lIts"))
    unsaid = phrase_span(waveform, other, Place(1, 2), model)
    assert said.score > -1 > LEAST_SPOKEN_SCORE > unsaid.score
    assert spoken_score(waveform, "tɜn ɑn lIts", model) > -1
    assert spoken_score(waveform, "tɜn ɑn", model) < LEAST_SPOKEN_SCORE  # more was said
    assert spoken_score(waveform, "tɜn ɑn lIts ðə bˈʊk", model) < -2  # less was


def test_neighbours_do_not_spoil_the_score():
    model = KnownModel()
    joined = phrase_span(say(5, "tɜn", "ɑn", "lIts", 5), TURN_ON, Place(1, 2), model)
    apart = phrase_span(say(5, "tɜn", 9, "ɑn", 9, "lIts", 5), TURN_ON, Place(1, 2), model)
    assert joined.score == pytest.approx(apart.score, abs=0.2)


def test_places_of_one_recording_are_read_once():
    model = KnownModel()
    reads = []
    read = model.log_probs
    model.log_probs = lambda waveform: reads.append(1) or read(waveform)
    waveform = say(5, "tɜn", 5, "ɑn", 5, "lIts", 5)
    spans = place_spans(waveform, TURN_ON, [Place(0, 1), Place(2, 3)], model)
    assert len(reads) == 1
    assert spans[0].end_s <= spans[1].start_s


@pytest.mark.parametrize("place", [Place(0, 0), Place(2, 1), Place(-1, 1), Place(2, 4)])
def test_places_outside_the_transcript_are_refused(place):
    with pytest.raises(SegmentError, match="no words of a transcript of 3"):
        phrase_span(say(40), TURN_ON, place, KnownModel())


def test_audio_that_is_too_short_is_refused():
    with pytest.raises(SegmentError, match="too short for"):
        phrase_span(say("tɜ"), TURN_ON, Place(0, 1), KnownModel())
    with pytest.raises(SegmentError, match="too short for"):
        phrase_span(np.zeros(0, np.float32), TURN_ON, Place(0, 1), KnownModel())


def test_words_without_sound_are_passed_over_or_refused():
    transcript = Transcript(("turn", "…", "on"), ("tɜn", "…", "ɑn"))
    waveform = say(5, "tɜn", 5, "ɑn", 5)
    assert phrase_span(waveform, transcript, Place(0, 3), KnownModel()).score > -1
    with pytest.raises(SegmentError, match="no sound"):
        phrase_span(waveform, transcript, Place(1, 2), KnownModel())
    with pytest.raises(SegmentError, match="no sound"):
        spoken_score(waveform, "… ,", KnownModel())


def test_a_transcript_has_a_reading_for_each_word():
    with pytest.raises(SegmentError, match="2 words and 1 readings"):
        Transcript(("turn", "on"), ("tɜn",))
    with pytest.raises(SegmentError, match="empty"):
        read_transcript(" … ")
    read = read_transcript("Turn ON the lights!")
    assert read.words == ("turn", "on", "the", "lights")
    assert len(read.phonemes) == 4


@pytest.mark.parametrize(
    ("text", "phrase", "places"),
    [
        ("is the smart mirror on", "smart mirror", [Place(2, 4)]),
        ("smart mirror smart mirror", "smart mirror", [Place(0, 2), Place(2, 4)]),
        ("smart um mirror", "smart mirror", [Place(0, 3)]),
        ("we are going to see", "going to", [Place(2, 4)]),
        ("they see the sea", "sea", [Place(1, 2), Place(3, 4)]),  # homophones
        ("a smart glass and a mirror", "smart mirror", []),
        ("preview glasses", "view glass", []),  # heard, but in other words
    ],
)
def test_where_a_transcript_has_the_phrase(text, phrase, places):
    assert read_transcript(text).places_of(parse_phrase(phrase)) == places


def test_hama_tells_what_was_said_and_where():
    pytest.importorskip("hama", reason="the extra ctc is not installed")
    from trainer.tts.hibari import HibariEngine

    engine = HibariEngine()
    voice = engine.voices()[0]
    parts = [engine.synthesize(t, voice) for t in ("turn on the lights", "smart mirror", "please")]
    rate_hz = parts[0].rate_hz
    import soxr

    pieces = [soxr.resample(p.waveform, rate_hz, RATE_HZ).astype(np.float32) for p in parts]
    pause = np.zeros(RATE_HZ // 4, np.float32)
    waveform = np.concatenate([pieces[0], pause, pieces[1], pause, pieces[2]])
    transcript = read_transcript("turn on the lights smart mirror please")
    [place] = transcript.places_of(parse_phrase("smart mirror"))
    span = phrase_span(waveform, transcript, place)
    start_s = (len(pieces[0]) + len(pause)) / RATE_HZ
    assert span.start_s == pytest.approx(start_s + 0.03, abs=0.1)
    assert span.end_s == pytest.approx(start_s + len(pieces[1]) / RATE_HZ - 0.03, abs=0.12)
    assert span.score > LEAST_SPOKEN_SCORE
    assert spoken_score(pieces[1], "smˈɑɹt mˈɪɹəɹ") > -2
    assert spoken_score(pieces[1], "hˈA ʤˈɑɹvɪs") < LEAST_SPOKEN_SCORE
