"""Clip files in, scenes out: where the phrase is, after everything that happens to it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from trainer import augment, recipe, render, scene_recipe, speech
from trainer.recipe import Palette, Strength, VoiceRecipe
from trainer.sounds import SoundKind, add_sounds, list_sounds
from trainer.split import Side
from trainer.surroundings import SoundMissingError, Surroundings, open_surroundings
from trainer.warp import Utterance, Warp
from watchword_runtime.frontend import SAMPLE_RATE_HZ

FRAME = SAMPLE_RATE_HZ // 100
DRY = Strength(
    gate_share=0,
    room_share=0,
    noise_share=0,
    quiet_snr_db=(60, 60),
    band_share=0,
    equaliser_share=0,
    clip_share=0,
    codec_share=0,
    crop_share=0,
    hum_share=0,
    stress_share=0,
    trail_off_share=0,
)


def tone(seconds, hz=220.0, level=0.2):
    time_s = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    harmonics = sum(np.sin(2 * np.pi * hz * k * time_s) / k for k in range(1, 12))
    return (level * harmonics).astype(np.float32)


def carrier():
    """0.3 s of silence, a low tone as carrier, a loud high one as the phrase, the carrier again."""
    return np.concatenate(
        [
            np.zeros(int(0.3 * SAMPLE_RATE_HZ), np.float32),
            tone(0.5, 120, 0.05),
            tone(0.4, 400, 0.4),
            tone(0.6, 120, 0.05),
            np.zeros(int(0.2 * SAMPLE_RATE_HZ), np.float32),
        ]
    )


SPAN_S = (0.8, 1.2)


def stored(tmp_path, waveform, name="clip.flac"):
    path = tmp_path / name
    soundfile.write(path, waveform, SAMPLE_RATE_HZ, subtype="PCM_16")
    return path


def loud_part(waveform):
    """First and last 5 ms, in samples, of what is above half of the loudest."""
    power = np.square(waveform[: len(waveform) // 80 * 80]).reshape(-1, 80).mean(axis=1)
    loud = np.nonzero(power > 0.3 * np.quantile(power, 0.98))[0]
    return loud[0] * 80, (loud[-1] + 1) * 80


def test_reading_moves_the_span_by_what_was_trimmed(tmp_path):
    read = speech.read_speech(stored(tmp_path, carrier()), SPAN_S)
    assert read.span == (int(0.5 * SAMPLE_RATE_HZ), int(0.9 * SAMPLE_RATE_HZ))
    assert len(read.waveform) == pytest.approx(1.5 * SAMPLE_RATE_HZ, abs=FRAME)


def test_without_a_span_the_trimmed_clip_is_the_phrase(tmp_path):
    read = speech.read_speech(stored(tmp_path, carrier()))
    assert read.span == (0, len(read.waveform))


@pytest.mark.parametrize("span_s", [(0.0, 0.25), (1.9, 2.5), (1.0, 1.0), (1.2, 0.8)])
def test_a_span_without_sound_is_refused(tmp_path, span_s):
    with pytest.raises(ValueError, match="no sound there"):
        speech.read_speech(stored(tmp_path, carrier()), span_s)


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.0, 1.1, 1.25])
def test_the_span_follows_a_change_of_speed_within_a_frame(tmp_path, factor):
    clip = speech.read_speech(stored(tmp_path, carrier()), SPAN_S)
    varied = augment.vary_voice(Utterance(clip), VoiceRecipe(speed=factor))
    assert varied.span == pytest.approx(loud_part(varied.waveform), abs=FRAME)
    assert varied.span[0] == pytest.approx(0.5 / factor * SAMPLE_RATE_HZ, abs=FRAME)


@pytest.mark.parametrize("tempo", [0.6, 0.8, 1.0, 1.4])
def test_the_span_follows_a_warp_within_a_frame(tmp_path, tempo):
    clip = speech.read_speech(stored(tmp_path, carrier()), SPAN_S)
    varied = augment.vary_voice(Utterance(clip), VoiceRecipe(warp=Warp(tempo=tempo)))
    # The vocoder itself blurs an edge over one of its frames, which is longer when slower.
    blur = FRAME / min(tempo, 1)
    assert varied.span == pytest.approx(loud_part(varied.waveform), abs=blur)
    assert varied.span[1] - varied.span[0] == pytest.approx(0.4 / tempo * SAMPLE_RATE_HZ, abs=FRAME)


def test_trimming_clips_a_span_that_reaches_into_silence():
    silence = np.zeros(SAMPLE_RATE_HZ, np.float32)
    padded = np.concatenate([silence, tone(0.5), silence])
    trimmed = speech.trim_speech(speech.Speech(padded, (0, 3 * SAMPLE_RATE_HZ)))
    assert trimmed.span == (0, len(trimmed.waveform))


def test_trim_keeps_the_sound_and_nothing_else():
    silence = np.zeros(SAMPLE_RATE_HZ, np.float32)
    padded = np.concatenate([silence, tone(0.5), silence])
    start, stop = speech.active_span(padded)
    assert abs(stop - start - SAMPLE_RATE_HZ // 2) <= 2 * speech.TRIM_FRAME


def test_silence_has_no_active_part_to_cut():
    assert speech.active_span(np.zeros(1000, np.float32)) == (0, 1000)
    assert speech.active_span(np.zeros(0, np.float32)) == (0, 0)


def renderer(strength=recipe.TRAINING, **surroundings):
    return render.Renderer(Surroundings(**surroundings), strength)


def test_a_scene_says_in_which_frames_the_phrase_is(tmp_path):
    path = stored(tmp_path, carrier())
    scenes = renderer(DRY).render(render.SceneTask(path, 7, 4, (1, 2), SPAN_S))
    whole = renderer(DRY).render(render.SceneTask(path, 7, 4, (1, 2)))
    for scene, full in zip(scenes, whole, strict=True):
        kept = min(len(scene.features), len(full.features))
        assert np.array_equal(scene.features[-kept:], full.features[-kept:])
        assert 200 <= full.start_frame <= render.KEPT_FRAMES
        cut, said = len(full.features) - len(scene.features), scene.start_frame - full.start_frame
        length = full.end_frame - full.start_frame
        assert cut + said == pytest.approx(length / 3, abs=2)
        assert scene.end_frame - scene.start_frame == pytest.approx(length * 0.4 / 1.5, abs=2)
        assert scene.clip_id == 7


def test_the_phrase_is_in_the_audio_where_its_span_says(tmp_path):
    path = stored(tmp_path, carrier())
    task = render.SceneTask(path, 7, 6, (3,), SPAN_S)
    here = renderer(DRY)
    for variant in range(task.variants):
        take = here.take(task, here.draw(task, variant))
        ((start, end),) = take.spans
        loud = loud_part(take.pcm.astype(np.float32))
        assert (start, end) == pytest.approx(loud, abs=FRAME / 0.6)


def test_a_pause_between_words_makes_the_phrase_longer_by_itself(tmp_path):
    words = np.concatenate([tone(0.4), np.zeros(480, np.float32), tone(0.4, 300)])
    path = stored(tmp_path, words)
    always = replace(DRY, pause_share=1, warp_share=0, speed=(1, 1), pause_s=(0.3, 0.3001))
    task = render.SceneTask(path, 1, 1, (5,), boundaries_s=(0.415,))
    (scene,) = renderer(always).render(task)
    assert scene.recipe.voice.pauses_s == pytest.approx((0.3,), abs=1e-3)
    assert scene.end_frame - scene.start_frame == pytest.approx(83 + 30, abs=1)
    (flowing,) = renderer(always).render(replace(task, boundaries_s=()))
    assert flowing.end_frame - flowing.start_frame == pytest.approx(83, abs=1)


@pytest.fixture
def sounds(tmp_path):
    """Recorded noises and rooms of both sides, and where they are kept."""
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        stored(recordings, 0.1 * rng.standard_normal(SAMPLE_RATE_HZ), f"noise{number}.flac")
    add_sounds(tmp_path / "s", SoundKind.NOISE, recordings, licence="CC0", source="street")
    rooms = tmp_path / "responses"
    rooms.mkdir()
    for number in range(12):
        decay = np.exp(-np.arange(4000) / 400) * rng.standard_normal(4000) * 0.05
        decay[0] = 0.9
        stored(rooms, decay, f"room{number}.flac")
    add_sounds(tmp_path / "s", SoundKind.ROOMS, rooms, licence="CC0", source="halls")
    return tmp_path / "s"


def test_scenes_of_one_seed_are_the_same_in_every_byte(tmp_path, sounds):
    path = stored(tmp_path, carrier())
    task = render.SceneTask(path, 7, 12, (1, 2), SPAN_S, boundaries_s=(0.9,))
    first = render.Renderer(open_surroundings(4, 0, [path], sounds)).render(task)
    again = render.Renderer(open_surroundings(4, 0, [path], sounds)).render(task)
    assert [scene.features.tobytes() for scene in first] == [
        scene.features.tobytes() for scene in again
    ]
    assert [scene.recipe for scene in first] == [scene.recipe for scene in again]
    assert len({scene.features.tobytes() for scene in first}) == 12
    other = render.Renderer(open_surroundings(4, 0, [path], sounds)).render(
        replace(task, seed=(1, 3))
    )
    assert first[0].features.tobytes() != other[0].features.tobytes()


@pytest.mark.parametrize("kind", ["scene", "stream", "ambient"])
def test_an_example_is_made_again_from_its_written_recipe(tmp_path, sounds, kind):
    path = stored(tmp_path, carrier())
    task = {
        "scene": render.SceneTask(path, 7, 3, (1,), SPAN_S),
        "stream": render.StreamTask((path, path, path), (1, 2, 3), (1,)),
        "ambient": render.AmbientTask(3.0, (1,)),
    }[kind]
    kinds = {
        "scene": scene_recipe.SceneRecipe,
        "stream": scene_recipe.StreamRecipe,
        "ambient": scene_recipe.AmbientRecipe,
    }
    made = render.Renderer(open_surroundings(4, 0, [path], sounds)).render(task)[-1]
    written = json.loads(json.dumps(recipe.to_dict(made.recipe)))
    read = recipe.from_dict(kinds[kind], written)
    assert read == made.recipe
    take = render.Renderer(open_surroundings(4, 0, [path], sounds)).take(task, read)
    heard = render.features(take.pcm).astype(np.float16)[-len(made.features) :]
    assert heard.tobytes() == made.features.tobytes()


def test_a_recipe_with_unknown_or_missing_fields_is_refused():
    with pytest.raises(ValueError, match="speed"):
        recipe.from_dict(VoiceRecipe, {"warp": None, "crop_s": [0, 0], "pauses_s": []})
    with pytest.raises(ValueError, match="louder"):
        recipe.from_dict(Warp, {"pitch": 1.0, "formant": 1.0, "tempo": 1.0, "louder": 2})


def test_recorded_sounds_are_heard_on_their_own_side_alone(sounds):
    here = open_surroundings(3, 0, [], sounds)
    train, validation = here.palette(Side.TRAIN), here.palette(Side.VALIDATION)
    assert not set(train.noises) & set(validation.noises)
    assert not set(train.measured) & set(validation.measured)
    assert len(train.noises) + len(validation.noises) == 12
    assert len(train.measured) + len(validation.measured) == 12
    assert train.noises
    assert train.measured
    assert train.rooms == validation.rooms
    assert len(train.rooms) == 3
    rng = np.random.default_rng(0)
    drawn = [recipe.draw_recording(rng, validation) for _ in range(400)]
    kinds = {noise.kind for recording in drawn for noise in recording.noises}
    recorded = {kind.removeprefix(recipe.RECORDED) for kind in kinds if ":" in kind}
    assert recorded == set(validation.noises)
    rooms = {recording.room for recording in drawn} - {None}
    assert rooms == {*validation.measured, *validation.rooms}


def test_a_sound_that_was_deleted_is_named(sounds):
    train = open_surroundings(1, 0, [], sounds).palette(Side.TRAIN).noises[0]
    noise = recipe.NoiseRecipe(recipe.RECORDED + train, 0, 10.0)
    assert open_surroundings(1, 0, [], sounds).noise(noise, 100).shape == (100,)
    for sound in list_sounds(sounds, SoundKind.NOISE):
        sound.path.with_suffix(".json").unlink()
    with pytest.raises(SoundMissingError, match=train):
        open_surroundings(1, 0, [], sounds).noise(noise, 100)


@pytest.mark.parametrize("strength", [recipe.TRAINING, recipe.VALIDATION])
def test_noise_is_drawn_between_bounds_or_nearly_inaudible(strength):
    rng = np.random.default_rng(0)
    drawn = [recipe.draw_recording(rng, Palette(babble=True), strength) for _ in range(2000)]
    ratios = np.array([recording.noises[0].snr_db for recording in drawn])
    assert np.mean(ratios < 20) == pytest.approx(strength.noise_share, abs=0.04)
    least, most = strength.snr_db
    assert least <= ratios.min() < least + 0.5
    assert most - 0.5 < ratios[ratios < 20].max() <= most
    assert {recording.noises[0].kind for recording in drawn} == set(recipe.WEIGHTS)
    early = np.mean([recording.noises[0].early for recording in drawn])
    assert early == pytest.approx(recipe.TRAINING.early_noise_share, abs=0.04)
    assert {recording.codec for recording in drawn} == {None, *recipe.CODECS}


def test_training_is_noisier_than_validation():
    clips = renderer(strength=None)
    tasks = [render.AmbientTask(1.0, (number,), side) for side in Side for number in range(400)]
    ratios = [clips.draw(task).recording.noises[0].snr_db for task in tasks]
    assert min(ratios[400:]) >= recipe.VALIDATION.snr_db[0] > min(ratios[:400])


def test_voices_are_drawn_from_deep_to_a_childs_and_slow_to_fast():
    rng = np.random.default_rng(0)
    drawn = [recipe.draw_voice(rng, boundaries=2) for _ in range(3000)]
    warps = [voice.warp for voice in drawn if voice.warp]
    assert len(warps) == pytest.approx(1500, abs=100)
    tempos = np.array([warp.tempo for warp in warps])
    assert 0.6 <= tempos.min() < 0.61
    assert 1.38 < tempos.max() <= 1.4
    assert min(warp.pitch for warp in warps) < 0.65
    assert max(warp.pitch for warp in warps) > 1.6
    pauses = np.array([voice.pauses_s for voice in drawn])
    assert pauses.shape == (3000, 2)
    assert np.mean(pauses > 0) == pytest.approx(0.2, abs=0.02)
    assert pauses[pauses > 0].min() >= 0.06


def test_a_stream_says_where_its_clips_are(tmp_path):
    path = stored(tmp_path, tone(0.5))
    here = renderer(replace(DRY, warp_share=0, speed=(1, 1)))
    task = render.StreamTask((path,) * 4, (4, 5, 6, 7), (0,))
    (stream,) = here.render(task)
    assert stream.clip_ids.tolist() == [4, 5, 6, 7]
    assert (stream.spans[:, 1] - stream.spans[:, 0]).tolist() == pytest.approx([50] * 4, abs=1)
    assert (stream.spans[1:, 0] - stream.spans[:-1, 1]).min() >= 7
    heard = here.take(task, stream.recipe).pcm.astype(float)
    heard = np.square(heard[: len(heard) // FRAME * FRAME]).reshape(-1, FRAME).mean(axis=1)
    inside = np.zeros(len(heard), bool)
    for start, end in stream.spans:
        inside[start + 1 : end - 1] = True
        heard[[start - 1, start, end - 1, end]] = np.nan
    assert np.nanmin(heard[inside]) > 1000 * np.nanmax(heard[~inside])


def test_nobody_speaks_in_an_ambient_stream():
    (stream,) = renderer().render(render.AmbientTask(3.0, (0,)))
    assert stream.spans.shape == (0, 2)
    assert stream.clip_ids.shape == (0,)
    assert 295 <= len(stream.features) <= 300
