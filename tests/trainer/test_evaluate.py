"""The measurement itself: a detector that hears loud tones, on files whose truth is known."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from trainer.evaluate import evaluate, score_positives, with_noise
from trainer.evaluation.det_plot import det_plot, save_det_plot
from trainer.evaluation.excerpts import ExcerptFolderError, FalseAccept, save_excerpts
from trainer.evaluation.groups import SpeakerTableError, read_labels
from trainer.evaluation.operating_rows import MissRate
from trainer.evaluation.scores import in_room, padded
from trainer.evaluation.surroundings import Surroundings, open_surroundings
from trainer.progress import Stage, silent
from trainer.recordings import RecordingError, find_recordings, read_recording
from trainer.speech import active_span

STEP = 480  # samples, 30 ms
RATE = 16_000


class LoudnessStream:
    """Scores a step by its peak, from 0 to 1; stands in for a detector's stream."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.rest = np.zeros(0, np.int16)

    def scores(self, pcm):
        pcm = np.concatenate([self.rest, pcm])
        steps = len(pcm) // STEP
        self.rest = pcm[steps * STEP :]
        peaks = np.abs(pcm[: steps * STEP].astype(np.float32)).reshape(steps, STEP).max(axis=1)
        return (peaks / 32768).astype(np.float32)


@pytest.fixture
def detector():
    points = [
        SimpleNamespace(false_accepts_per_hour=rate, threshold=threshold)
        for rate, threshold in ((2.0, 0.15), (0.5, 0.75), (0.1, 0.95))
    ]
    return SimpleNamespace(
        manifest=SimpleNamespace(
            phrase="loud",
            operating_points=tuple(points),
        ),
        warmup_steps=3,
        stream=LoudnessStream,
        step_s=STEP / RATE,
        threshold=0.75,
        file="loud.onnx",
        engine_name="test",
    )


def write(path, level, seconds=1.0, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(int(seconds * rate)) / rate
    soundfile.write(path, level * np.sin(2 * np.pi * 300 * time_s), rate)


@pytest.fixture
def folders(tmp_path):
    for number, level in enumerate([0.9, 0.9, 0.9, 0.2]):
        write(tmp_path / "positives" / "by" / f"speaker{number % 2}" / f"{number}.wav", level)
    write(tmp_path / "negatives" / "1 quiet.wav", 0.1, 300)
    write(tmp_path / "negatives" / "2 loud.flac", 0.8, 0.5)
    write(tmp_path / "negatives" / "3 still.wav", 0.1, 300)
    write(tmp_path / "noise" / "hiss.wav", 0.5, 2)
    response = np.concatenate([np.zeros(800), 0.9 ** np.arange(400)])
    (tmp_path / "rooms").mkdir()
    soundfile.write(tmp_path / "rooms" / "small.wav", response, RATE)
    soundfile.write(tmp_path / "rooms" / "smaller.wav", response**2, RATE)
    return tmp_path


def measure(detector, folders, **more):
    positives = find_recordings(folders / "positives")
    return evaluate(detector, positives, find_recordings(folders / "negatives"), **more)


def everywhere(folders, *snrs_db):
    noise, rooms = find_recordings(folders / "noise"), find_recordings(folders / "rooms")
    return open_surroundings(noise, snrs_db, rooms)


def test_misses_and_false_accepts_are_counted_as_they_are(detector, folders):
    result = measure(detector, folders)
    assert result.shipped.false_accepts == 1
    assert result.shipped.miss["clean"] == MissRate(1, 4)
    hours = 600.5 / 3600
    assert result.negatives.hours == pytest.approx(hours, rel=1e-6)
    assert result.shipped.per_hour.value == pytest.approx(1 / hours)


def test_a_false_accept_names_its_file_and_time(detector, folders):
    (event,) = measure(detector, folders).false_accepts
    assert event.file.endswith("2 loud.flac")
    assert event.time_s < 0.1
    assert event.score == pytest.approx(0.8, abs=0.01)


def test_every_threshold_that_ships_is_measured(detector, folders):
    result = measure(detector, folders)
    assert result.shipped.rate_per_hour == 0.5
    assert [row.rate_per_hour for row in result.shipped_points] == [0.1, 0.5, 2.0]
    assert [row.miss["clean"].missed for row in result.shipped_points] == [4, 1, 0]
    assert [row.false_accepts for row in result.shipped_points] == [0, 1, 1]
    assert all(row.supported for row in result.shipped_points)


def test_a_rate_beyond_the_hours_is_a_bound_and_no_number(detector, folders):
    result = measure(detector, folders)
    assert [row.supported for row in result.rows] == [False] * 4
    assert all(row.false_accepts == 0 for row in result.rows)
    row = result.to_dict()["operating_points"][0]
    assert row["measured_per_hour"]["value"] is None
    assert row["measured_per_hour"]["high_95"] > 20
    miss = row["miss_rate"]["clean"]
    assert (miss["value"], miss["missed"], miss["high_95"]) == (None, 1, 1.0)
    assert 0 < miss["low_95"] < 0.25


def test_a_rate_that_the_hours_hold_is_a_number(detector, folders):
    for number in range(30):  # 0.25 s in 180 s, 20 of them in an hour
        write(folders / "negatives" / "4" / f"{number}.wav", 0.3 + number / 100, 0.25)
        write(folders / "negatives" / "4" / f"{number} then.wav", 0.05, 180)
    result = measure(detector, folders)
    assert [row.supported for row in result.rows] == [False, False, True, True]
    assert [row.false_accepts for row in result.rows] == [0, 0, 1, 3]
    assert result.to_dict()["operating_points"][3]["miss_rate"]["clean"]["value"] == 0.25
    curve = result.curve
    assert np.all(np.diff(curve.false_accepts) > 0)
    assert np.all(np.diff(curve.thresholds) < 0)
    assert np.all(np.diff(curve.missed["clean"]) <= 0)
    assert curve.false_accepts[0] == 0
    assert curve.per_hour[1] == pytest.approx(1 / result.negatives.hours)


def test_a_curve_of_many_events_stays_short(detector, tmp_path):
    write(tmp_path / "positives" / "a.wav", 0.9)
    rng = np.random.default_rng(0)
    levels = np.repeat(rng.uniform(0, 1, 18_000), RATE // 10)  # half an hour, restless
    (tmp_path / "negatives").mkdir()
    soundfile.write(tmp_path / "negatives" / "a.wav", levels, RATE)
    curve = measure(detector, tmp_path).curve
    assert 20 < len(curve.thresholds) <= 200
    assert 50 < curve.per_hour[-1] <= 110


def test_every_condition_is_heard(detector, folders):
    result = measure(detector, folders, surroundings=everywhere(folders, 20, 5, 5))
    names = ["clean", "20 dB noise", "5 dB noise"]
    names += ["in rooms", "rooms, 20 dB noise", "rooms, 5 dB noise"]
    assert [condition.name for condition in result.conditions] == names
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert list(values["shipped_threshold"]["miss_rate"]) == names
    assert list(values["curve"]["miss_rate"]) == names
    assert values["conditions"][-1] == {"name": names[-1], "snr_db": 5, "in_rooms": True}
    scores = [tuple(condition.scores) for condition in result.conditions]
    assert len(set(scores)) == len(scores)


def test_the_same_seed_gives_the_same_and_another_another(detector, folders):
    def scores(seed):
        found = measure(detector, folders, surroundings=everywhere(folders, 5), seed=seed)
        return {c.name: c.scores.tolist() for c in found.conditions}

    assert scores(0) == scores(0)
    assert scores(0)["clean"] == scores(1)["clean"]
    assert scores(0)["5 dB noise"] != scores(1)["5 dB noise"]
    assert scores(0)["rooms, 5 dB noise"] != scores(1)["rooms, 5 dB noise"]


def test_a_room_rings_on_and_changes_no_loudness(folders):
    pcm = padded(read_recording(find_recordings(folders / "positives")[0]))
    (room, _) = everywhere(folders, 10).rooms
    assert np.argmax(np.abs(room)) == 0  # the silence before the direct sound is cut off
    wet = in_room(pcm, room).astype(float)
    first, last = active_span(pcm.astype(np.float32))
    assert not np.any(wet[: first - 1])
    assert np.abs(wet[last : last + 100]).max() > 100
    dry = pcm[first:last].astype(float)
    assert np.mean(wet[first:last] ** 2) == pytest.approx(np.mean(dry**2), rel=0.02)


def test_each_recording_gets_a_room_of_its_own(detector, folders):
    files = find_recordings(folders / "positives") * 5
    rooms = [np.ones(1, np.float32), np.zeros(1, np.float32)]  # as it is, and in a vacuum
    scores = score_positives(detector, files, Stage(silent, "", 1), rooms=rooms)
    heard = scores > 0.1
    assert 0 < heard.sum() < len(files)
    again = score_positives(detector, files, Stage(silent, "", 1), rooms=rooms)
    assert np.array_equal(scores, again)


class FirstStream(LoudnessStream):
    """Hears the first loud moment and nothing for three seconds behind it."""

    def scores(self, pcm):
        scores = super().scores(pcm)
        loud = scores >= 0.5
        for step in np.flatnonzero(loud):
            if loud[step]:
                loud[step + 20 : step + 140] = False
        return np.where(loud, scores, 0).astype(np.float32)


def test_what_was_said_before_may_hide_the_phrase(detector, folders):
    talk = find_recordings(folders / "negatives")
    heard = Surroundings(talk=(talk[1],))
    named = measure(detector, folders, surroundings=heard).to_dict()["conditions"]
    assert [condition["name"] for condition in named] == ["clean", "after talk", "said again"]
    good = measure(detector, folders, surroundings=heard).shipped.miss
    assert good["after talk"] == good["said again"] == good["clean"] == MissRate(1, 4)
    detector.stream = FirstStream
    deaf = measure(detector, folders, surroundings=heard).shipped.miss
    assert deaf["clean"] == MissRate(1, 4)
    assert deaf["after talk"] == deaf["said again"] == MissRate(4, 4)


def test_silent_pieces_of_noise_are_passed_over():
    noise = np.zeros(10 * RATE, np.float32)
    noise[RATE : 2 * RATE] = 0.1
    pcm = np.full(RATE // 10, 5000, np.int16)
    for seed in range(5):
        mixed = with_noise(pcm, noise, 10, np.random.default_rng(seed))
        assert not np.array_equal(mixed, pcm)


def test_what_is_no_room_is_named(folders):
    soundfile.write(folders / "rooms" / "talk.wav", np.full(RATE, 0.5), RATE)
    with pytest.raises(RecordingError, match=r"talk\.wav does not decay"):
        everywhere(folders, 10)


def test_all_damaged_files_are_named_before_anything_is_heard(detector, folders):
    for name in ("positives/bad.wav", "negatives/worse.flac"):
        (folders / name).write_bytes(b"%PDF-1.7 not a song")
    with pytest.raises(RecordingError, match=r"^2 files .*bad\.wav, .*worse\.flac") as raised:
        measure(SimpleNamespace(), folders)
    assert "Remove" in str(raised.value)


TABLE = "path\tspeaker\tage\n"


def labels_of(folders, table, *columns):
    positives = find_recordings(folders / "positives")
    return read_labels(table, folders / "positives", positives, columns)


def test_a_table_beside_or_in_the_folder_says_who_spoke(folders):
    rows = [f"by/speaker{n % 2}/{n}.wav\tspeaker{n % 2}\t{'' if n else 'old'}" for n in range(3)]
    table = folders / "positives" / "who.tsv"
    table.write_text(TABLE + "\n".join([*rows, "gone.wav\tanna\told", ""]))
    labels = labels_of(folders, table, "speaker", "age")
    # sorted by path: 0 and 2 are of speaker0, 1 and 3 of speaker1
    assert labels.columns["speaker"] == ("speaker0", "speaker0", "speaker1", "unknown")
    assert labels.columns["age"] == ("old", "unknown", "unknown", "unknown")
    assert labels.missing == ("gone.wav",)
    assert labels.unlisted == 1
    elsewhere = folders / "who.tsv"
    elsewhere.write_text(TABLE + f"positives/{rows[0]}\nnegatives/1 quiet.wav\tbob\t\n")
    labels = labels_of(folders, elsewhere, "speaker")
    assert labels.columns["speaker"][0] == "speaker0"
    assert (labels.missing, labels.unlisted) == ((), 3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TABLE + "by/speaker0/0.wav\tanna\t\n", "no column 'accent': .*path, speaker, age"),
        ("file\tspeaker\n", "no column 'path'"),
        ("", "no column 'path'"),
        (b"\xff\xfe\x00", "cannot be read as a table"),
        ("path\taccent\ngone.wav\tirish\n", "names none of the recordings .*gone.wav"),
        ("path\taccent\n", "names none of the recordings"),
        ("path\taccent\n" + "by/speaker0/0.wav\tirish\n./by/speaker0/0.wav\tscots\n", "two"),
        (None, "cannot be read as a table"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(folders, content, said):
    table = folders / "who.tsv"
    if isinstance(content, bytes):
        table.write_bytes(content)
    elif content is not None:
        table.write_text(content)
    with pytest.raises(SpeakerTableError, match=rf"who\.tsv.*{said}"):
        labels_of(folders, table, "accent")


def test_groups_add_up_and_small_ones_are_gathered(detector, tmp_path):
    labels = []
    for speaker, level, size in (("anna", 0.9, 7), ("bob", 0.3, 5), ("eve", 0.3, 2)):
        for number in range(size):
            write(tmp_path / "positives" / f"{speaker}{number}.wav", level)
            labels.append(speaker)
    write(tmp_path / "negatives" / "a.wav", 0.1, 60)
    result = measure(detector, tmp_path, labels={"speaker": labels})
    groups = result.groups["speaker"]
    assert [(g.name, g.recordings) for g in groups] == [("anna", 7), ("bob", 5), ("others", 2)]
    assert [g.as_shipped["clean"] for g in groups] == [
        MissRate(0, 7), MissRate(5, 5), MissRate(2, 2),
    ]  # fmt: skip
    assert not groups[0].at_rate["clean"].exact
    first = result.to_dict()["groups"]["speaker"][1]
    assert first["group"] == "bob"
    assert first["miss_rate_as_shipped"]["clean"]["value"] == 1.0
    assert first["miss_rate_as_shipped"]["clean"]["low_95"] == pytest.approx(0.566, abs=0.001)


def test_excerpts_hold_what_was_heard_and_are_named_for_it(detector, folders):
    result = measure(detector, folders)
    saved = save_excerpts(result.false_accepts, result.negatives.files, folders / "deep" / "heard")
    (name,) = saved
    assert name.startswith("001_2_loud_at_0.0")
    assert name.endswith("s_score_0.800.wav")
    samples, rate = soundfile.read(folders / "deep" / "heard" / name)
    assert (rate, len(samples)) == (RATE, 3 * RATE)
    loud = np.flatnonzero(np.abs(samples) > 0.5)
    assert loud[0] == pytest.approx(2 * RATE, abs=1500)  # what came before is the file before
    assert loud[-1] - loud[0] == pytest.approx(RATE // 2, abs=100)
    assert np.abs(samples[:RATE]).max() == pytest.approx(0.1, abs=0.01)
    assert [path.name for path in (folders / "deep").iterdir()] == ["heard"]


def test_excerpts_at_the_ends_of_the_stream_are_shorter(folders):
    files = [str(path) for path in find_recordings(folders / "negatives")]
    events = [FalseAccept(files[0], 0.5, 0.9), FalseAccept(files[2], 299.5, 0.8)]
    saved = save_excerpts(events, files, folders / "heard")
    lengths = [soundfile.info(folders / "heard" / name).duration for name in saved]
    assert lengths == [1.5, 2.5]


def test_excerpts_of_two_runs_never_mix(folders):
    used = folders / "heard"
    used.mkdir()
    save_excerpts([], [], used)  # an empty folder will do
    (used / "001_old.wav").write_bytes(b"")
    with pytest.raises(ExcerptFolderError, match="heard holds something"):
        save_excerpts([], [], used)
    assert [path.name for path in used.iterdir()] == ["001_old.wav"]


def drawn(chart):
    """Return all rows that a plot draws, and its axes' domains."""
    layers = chart.to_dict()["layer"]
    return [row for layer in layers for row in layer["data"]["values"]]


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("html", b"<!DOCTYPE html>")]
)
def test_the_plot_is_written_whole(detector, folders, suffix, start):
    result = measure(detector, folders, surroundings=everywhere(folders, 10))
    path = folders / "plots" / f"det.{suffix}"
    save_det_plot(result, path)
    content = path.read_bytes()
    assert content.lstrip().startswith(start)
    assert [path.name for path in path.parent.iterdir()] == [path.name]
    if suffix != "png":
        assert b"rooms, 10 dB noise" in content
        assert b"false accepts per hour" in content
    if suffix == "html":
        assert b'src="http' not in content  # readable without a network


def test_the_plot_has_every_condition_and_says_what_is_unknown(detector, folders):
    result = measure(detector, folders, surroundings=everywhere(folders, 10))
    rows = drawn(det_plot(result))
    assert {row["condition"] for row in rows if "condition" in row} == {
        "clean", "10 dB noise", "in rooms", "rooms, 10 dB noise",
    }  # fmt: skip
    assert all(row["per_hour"] > 0 for row in rows)
    assert all(row["miss"] > 0 for row in rows if "miss" in row)
    labels = list(dict.fromkeys(row["label"] for row in rows if "label" in row))
    assert labels == ["shipped for 0.1/h", "shipped for 0.5/h (default), 2/h"]  # one event each
    unsupported = det_plot(result).to_dict()["layer"][0]["data"]["values"][0]
    assert unsupported["end"] == pytest.approx(1 / result.negatives.hours)


def test_a_plot_of_another_kind_is_refused(detector, folders):
    with pytest.raises(ValueError, match=r"\.html, \.svg, \.png"):
        save_det_plot(measure(detector, folders), folders / "det.bmp")


def test_noise_is_mixed_at_the_asked_level():
    time_s = np.arange(RATE) / RATE
    tone = (8000 * np.sin(2 * np.pi * 300 * time_s)).astype(np.int16)
    pcm = np.concatenate([np.zeros(RATE, np.int16), tone])
    noise = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    noisy = with_noise(pcm, noise, 10, np.random.default_rng(1)).astype(np.float64)
    heard = np.mean(noisy[: RATE - 100] ** 2)
    assert 10 * np.log10(np.mean(tone.astype(float) ** 2) / heard) == pytest.approx(10, abs=0.3)


def test_other_rates_and_channels_become_16_khz_mono(tmp_path):
    time_s = np.arange(44_100) / 44_100
    left = 0.5 * np.sin(2 * np.pi * 440 * time_s)
    soundfile.write(tmp_path / "a.wav", np.stack([left, left], axis=1), 44_100)
    pcm = read_recording(tmp_path / "a.wav")
    assert pcm.dtype == np.int16
    assert len(pcm) == 16_000
    assert np.abs(pcm).max() == pytest.approx(16_384, rel=0.03)


def test_what_is_no_audio_is_named(tmp_path):
    (tmp_path / "song.wav").write_bytes(b"%PDF-1.7 not a song")
    with pytest.raises(RecordingError, match=r"song\.wav"):
        read_recording(tmp_path / "song.wav")
    with pytest.raises(RecordingError, match="no folder"):
        find_recordings(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingError, match="no audio"):
        find_recordings(tmp_path / "empty")
