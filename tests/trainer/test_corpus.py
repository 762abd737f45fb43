"""From texts to clips to features with the engines that need no download."""

import json
from contextlib import closing
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile

from db.clips import ClipStore, NewClip
from db.connection import open_database
from tests.trainer.corpora.conftest import audio_bytes
from trainer import casting, corpus
from trainer.casting import NoVoicesError
from trainer.corpora.feedback import Kind, add_feedback
from trainer.corpus import gather
from trainer.dataset import OWN_VOICE_WEIGHT, SplitError, build_dataset, sides
from trainer.fitting import Finder, planned_texts, span_of
from trainer.fragments import FragmentPlan, Fragments
from trainer.phrases import Bucket, contains_phrase, parse_phrase
from trainer.presets import BucketPlan, Preset
from trainer.progress import CancelledError, silent
from trainer.split import Side, side_of, split_people

TINY = Preset(
    name="tiny",
    about="for tests",
    positive=BucketPlan(texts=4, clips_per_text=14, growth=2),
    confuser=BucketPlan(texts=6, clips_per_text=1, growth=2),
    in_between=BucketPlan(texts=4, clips_per_text=1, growth=1),
    plain=BucketPlan(texts=10, clips_per_text=1, growth=2),
    positive_variants=2,
    confuser_variants=1,
    plain_variants=1,
    ambient_hours=0.02,
    rooms=4,
    steps=10,
)


DESCRIBED = (
    *("rate_hz", "text", "text_normalised", "phonemes", "engine", "voice", "speaker"),
    *("source", "licence"),
)
"""What a clip is stored with, besides its sound."""


@pytest.fixture(scope="module")
def phrase():
    return parse_phrase("smart mirror")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    connection = open_database(f"sqlite:///{folder}/clips.sqlite3")
    yield ClipStore(connection, folder / "clips")
    connection.close()


@pytest.fixture(scope="module")
def two_runs(phrase, store, tmp_path_factory):
    nowhere = tmp_path_factory.mktemp("no-voices")
    return [gather(phrase, TINY, store, nowhere, seed=seed, report=silent) for seed in (0, 1)]


def test_the_first_run_makes_every_target(two_runs):
    first = two_runs[0]
    for bucket in Bucket:
        plan = getattr(TINY, bucket.value)
        made = first.buckets[bucket]
        assert made.reused == 0
        assert made.generated + made.rejected <= plan.texts * plan.clips_per_text
        assert made.generated >= 0.8 * plan.texts * plan.clips_per_text, bucket


def test_the_second_run_makes_only_the_growth(two_runs):
    first, second = two_runs
    for bucket in Bucket:
        plan = getattr(TINY, bucket.value)
        before, after = first.buckets[bucket], second.buckets[bucket]
        assert after.reused == len(before.clips)
        target = plan.texts * plan.clips_per_text
        wanted = max(plan.growth, target - after.reused)
        assert after.generated + after.rejected == wanted


def test_a_bucket_without_texts_is_left_empty(phrase, store, tmp_path, monkeypatch):
    texts = planned_texts(phrase, TINY) | {Bucket.IN_BETWEEN: []}
    monkeypatch.setattr(corpus, "planned_texts", lambda *_: texts)
    none = gather(phrase, TINY, store, tmp_path, seed=2, report=silent).buckets[Bucket.IN_BETWEEN]
    assert none.clips.empty
    assert none.generated == none.rejected == 0


def test_positives_say_the_phrase_and_negatives_do_not(two_runs, phrase):
    buckets = two_runs[1].buckets
    said = set(buckets[Bucket.POSITIVE].clips["text_normalised"])
    assert phrase.text in said
    assert all(phrase.text in text for text in said)
    for bucket in (Bucket.CONFUSER, Bucket.IN_BETWEEN, Bucket.PLAIN):
        for phonemes in buckets[bucket].clips["phonemes"]:
            assert not contains_phrase(phonemes, phrase)


def test_clips_carry_speaker_and_licence(two_runs):
    clips = two_runs[1].buckets[Bucket.POSITIVE].clips
    assert (clips["licence"].str.len() > 2).all()
    assert (clips["rate_hz"] == 16_000).all()
    assert clips["speaker"].str.contains(":").all()


def test_another_phrase_reuses_the_sentences(two_runs, store, tmp_path):
    other = gather(parse_phrase("open sesame"), TINY, store, tmp_path, seed=0, report=silent)
    assert other.buckets[Bucket.PLAIN].reused >= 10
    assert other.buckets[Bucket.PLAIN].generated <= TINY.plain.growth
    assert other.buckets[Bucket.POSITIVE].reused == 0


def test_features_are_split_by_speaker(two_runs, store):
    buckets = {bucket: clips.clips for bucket, clips in two_runs[1].buckets.items()}
    dataset = build_dataset(buckets, store.folder, TINY, seed=0, report=silent)
    rows = buckets[Bucket.POSITIVE].set_index("id")
    people = {
        side: {
            person
            for scene in getattr(dataset, side.value).positives
            for person in split_people(rows.loc[scene.clip_id, "speaker"])
        }
        for side in Side
    }
    assert people[Side.TRAIN]
    assert people[Side.VALIDATION]
    assert not people[Side.TRAIN] & people[Side.VALIDATION]
    assert all(side_of([p]) is side for side, names in people.items() for p in names)
    scene = dataset.train.positives[0]
    assert scene.features.shape[1] == 40
    assert 190 < scene.start_frame < scene.end_frame < len(scene.features)
    spans = dataset.train.near[0].spans
    assert (np.diff(spans.ravel()) >= 0).all()
    assert dataset.train.negative_hours > 0.005
    voices = buckets[Bucket.POSITIVE]["voice"].nunique()
    scenes = len(dataset.train.positives) + len(dataset.validation.positives)
    assert voices < dataset.throats <= scenes


def test_rendering_is_deterministic(two_runs, store):
    buckets = {bucket: clips.clips for bucket, clips in two_runs[0].buckets.items()}
    twice = [build_dataset(buckets, store.folder, TINY, seed=4, report=silent) for _ in range(2)]
    for one, other in zip(*(d.train.positives for d in twice), strict=True):
        assert np.array_equal(one.features, other.features)
    for one, other in zip(*(d.validation.plain for d in twice), strict=True):
        assert np.array_equal(one.features, other.features)


def test_the_age_of_clips_decides_nothing(two_runs, phrase, store, tmp_path):
    """Processes hand clips over as they get ready, and an import keeps no order."""
    with closing(open_database(f"sqlite:///{tmp_path}/clips.sqlite3")) as connection:
        other = ClipStore(connection, tmp_path / "clips")
        for row in reversed(store.find().to_dict("records")):
            described = {field: row[field] for field in DESCRIBED}
            content = (store.folder / row["path"]).read_bytes()
            waveform, _ = soundfile.read(store.folder / row["path"], dtype="int16")
            settings = json.loads(row["settings"])
            other.add_many([NewClip(waveform, flac=content, settings=settings, **described)])
        datasets = []
        for which in (store, other):
            finder = Finder(which, phrase, planned_texts(phrase, TINY), plain_target=10)
            buckets = {bucket: finder.find(bucket, seed=0) for bucket in Bucket}
            datasets.append(build_dataset(buckets, which.folder, TINY, seed=4, report=silent))
        assert other.find()["sha256"].tolist() == store.find()["sha256"].tolist()[::-1]
    for half in (0, 1):
        halves = [dataset.validation.half(half) for dataset in datasets]
        for kind in ("positives", "near", "plain"):
            for one, same in zip(*(getattr(part, kind) for part in halves), strict=True):
                assert np.array_equal(one.features, same.features)
    for one, same in zip(*(dataset.train.positives for dataset in datasets), strict=True):
        assert np.array_equal(one.features, same.features)


def test_a_cancelled_run_keeps_what_it_made(phrase, tmp_path):
    connection = open_database(f"sqlite:///{tmp_path}/clips.sqlite3")
    store = ClipStore(connection, tmp_path / "clips")

    def stop(progress):
        if progress.fraction > 0.2:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        gather(phrase, TINY, store, tmp_path / "voices", seed=0, report=stop)
    kept = store.find()
    report = store.verify(hashes=True)
    connection.close()
    assert len(kept) > 0
    assert report.healthy
    assert not report.orphans
    assert not report.leftovers


def test_speech_goes_on_from_voices_to_what_people_said(phrase, tmp_path, monkeypatch):
    def cut(plan, _store, tell, **_):
        for done in (1, 2, 3):
            tell(done, f"{done} recordings")
        return Fragments(pd.DataFrame({"id": [], "sha256": []}), 0)

    plan = FragmentPlan(pd.DataFrame(), (), dict.fromkeys("abc", ()))
    monkeypatch.setattr(corpus, "plan_fragments", lambda *_: plan)
    monkeypatch.setattr(corpus, "cut_fragments", cut)
    seen = []
    with closing(open_database(f"sqlite:///{tmp_path}/clips.sqlite3")) as connection:
        store = ClipStore(connection, tmp_path / "clips")
        gather(phrase, TINY, store, tmp_path / "voices", seed=0, report=seen.append)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    voices = [p for p in seen if p.detail.endswith("clips made")]
    assert [p.fraction < 1 for p in voices] == [True]
    assert seen[-1].detail == "3 recordings"


def test_no_engine_at_all_says_what_is_missing(phrase, store, tmp_path, monkeypatch):
    monkeypatch.setattr(
        casting, "available_engines", lambda *_a: ({}, {"kokoro": "no voices fetched"})
    )
    with pytest.raises(NoVoicesError, match="kokoro: no voices fetched"):
        gather(phrase, TINY, store, tmp_path, seed=0, report=silent)


def test_too_few_voices_for_a_split_is_said(two_runs, store):
    buckets = {bucket: clips.clips for bucket, clips in two_runs[0].buckets.items()}
    one_voice = buckets[Bucket.POSITIVE]
    speakers = one_voice["speaker"]
    buckets[Bucket.POSITIVE] = one_voice[speakers.map(lambda s: side_of(s.split("+"))) == "train"]
    with pytest.raises(SplitError, match="Add voices"):
        build_dataset(buckets, store.folder, TINY, seed=0, report=silent)


def test_near_misses_and_a_persons_few_words_are_in_scenes_of_their_own(two_runs, store):
    """On the training side; what a detector got wrong is in streams alone, as it was heard."""
    buckets = {bucket: clips.clips for bucket, clips in two_runs[0].buckets.items()}
    confusers, plain = buckets[Bucket.CONFUSER], buckets[Bucket.PLAIN]
    fragments = plain.iloc[1:].assign(engine="cut", source="corpus")
    wrong = plain.iloc[:1].assign(engine="recording", source="feedback")
    buckets[Bucket.CONFUSER] = pd.concat([confusers, fragments, wrong])
    dataset = build_dataset(buckets, store.folder, TINY, seed=0, report=silent)
    trained = [clips[sides(clips) == Side.TRAIN]["id"] for clips in (fragments, confusers)]
    assert 0 < len(trained[0]) < len(fragments)
    assert len(trained[1]) > 0
    assert sorted(scene.clip_id for scene in dataset.train.alone) == sorted(pd.concat(trained))
    assert dataset.validation.alone == ()
    near = [*dataset.train.near, *dataset.validation.near]
    assert not {n for stream in near for n in stream.clip_ids.tolist()} & set(fragments["id"])


def test_others_begin_to_speak_where_fragments_are_wanting(two_runs, store):
    buckets = {bucket: clips.clips for bucket, clips in two_runs[0].buckets.items()}
    cuts = buckets[Bucket.PLAIN].assign(engine="cut", source="corpus")
    cuts["id"] += 1_000_000
    there = (sides(cuts) == Side.TRAIN).sum()
    buckets[Bucket.IN_BETWEEN] = pd.concat([buckets[Bucket.IN_BETWEEN], cuts])
    without, with_others = (
        build_dataset(buckets, store.folder, replace(TINY, fragments=wanted), seed=0, report=silent)
        for wanted in (0, there + 5)
    )
    others = with_others.train.alone[len(without.train.alone) :]
    assert len(others) == 5
    plain = {int(clip) for stream in without.train.plain for clip in stream.clip_ids}
    assert {scene.clip_id for scene in others} <= plain
    assert with_others.validation.alone == ()


def test_a_clip_says_where_the_phrase_is_in_it():
    assert span_of('{"phrase_s": [0.4, 1.2]}', 3.0) == (0.4, 1.2)
    assert span_of('{"margin_s": [0.1, 0.2]}', 1.5) == pytest.approx((0.1, 1.3))
    assert span_of("{}", 1.5) is None


def test_own_voice_is_held_out_by_recording():
    clips = pd.DataFrame(
        {
            "speaker": ["own-voice:me"] * 4 + ["flite:kal"],
            "source": ["own-voice"] * 4 + ["synthetic"],
            "settings": [f'{{"recording": {n}}}' for n in (1, 2, 3, 4)] + ["{}"],
        }
    )
    found = sides(clips)
    assert list(found[:4]) == [Side.TRAIN, Side.TRAIN, Side.VALIDATION, Side.TRAIN]
    assert found[4] == side_of(["flite:kal"])


def test_what_a_detector_got_wrong_is_in_the_next_dataset_with_its_label(
    two_runs, phrase, store, tmp_path
):
    files = {
        kind: [tmp_path / f"{kind}{n}.wav" for n in range(3)]
        for kind in (Kind.FALSE_WAKE, Kind.MISSED)
    }
    for seed, path in enumerate([*files[Kind.FALSE_WAKE], *files[Kind.MISSED]]):
        path.write_bytes(audio_bytes(seed, ".wav", seconds=2))
    sent = {
        kind: {
            one.clip_id
            for one in add_feedback(
                phrase, kind, files[kind], store._connection, store, name="Anna"
            )
        }
        for kind in files
    }
    corpus = gather(phrase, TINY, store, tmp_path, seed=2, report=silent)
    buckets = {bucket: clips.clips for bucket, clips in corpus.buckets.items()}
    dataset = build_dataset(buckets, store.folder, TINY, seed=0, report=silent)

    positives = [scene.clip_id for scene in dataset.train.positives]
    near = [int(clip) for stream in dataset.train.near for clip in stream.clip_ids]
    plain = {int(clip) for stream in dataset.train.plain for clip in stream.clip_ids}
    for clip in sent[Kind.MISSED]:
        assert positives.count(clip) == OWN_VOICE_WEIGHT * TINY.positive_variants
    for clip in sent[Kind.FALSE_WAKE]:
        assert near.count(clip) == OWN_VOICE_WEIGHT * TINY.confuser_variants
    both = sent[Kind.MISSED] | sent[Kind.FALSE_WAKE]
    assert not sent[Kind.MISSED] & (set(near) | plain)
    assert not sent[Kind.FALSE_WAKE] & (set(positives) | plain)
    validation = dataset.validation
    held_out = {scene.clip_id for scene in validation.positives} | {
        int(clip) for stream in (*validation.near, *validation.plain) for clip in stream.clip_ids
    }
    assert not both & held_out

    other = gather(parse_phrase("open sesame"), TINY, store, tmp_path, seed=0, report=silent)
    assert not any(both & set(bucket.clips["id"]) for bucket in other.buckets.values())


def test_a_cut_with_an_in_between_text_has_a_scene_too_and_only_one(two_runs, store):
    buckets = {bucket: clips.clips for bucket, clips in two_runs[0].buckets.items()}
    cuts = buckets[Bucket.PLAIN].assign(engine="cut", source="corpus")
    buckets[Bucket.IN_BETWEEN] = pd.concat([buckets[Bucket.IN_BETWEEN], cuts])
    buckets[Bucket.CONFUSER] = pd.concat([buckets[Bucket.CONFUSER], cuts.iloc[::2]])
    dataset = build_dataset(buckets, store.folder, TINY, seed=0, report=silent)
    alone = [scene.clip_id for scene in dataset.train.alone]
    assert len(alone) == len(set(alone))
    assert set(cuts[sides(cuts) == Side.TRAIN]["id"]) <= set(alone)
