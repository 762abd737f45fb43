"""`python -m trainer.render_benchmark`: how many examples a second one core makes, and what costs.

Processor time of one thread, so that the numbers are those of one core even on a busy machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np
import soundfile

from trainer.augment import change_speed, equalise, limit_band, reverberate
from trainer.codecs import CODECS, code
from trainer.noise import WEIGHTS
from trainer.recipe import RECORDED, TRAINING, Band, NoiseRecipe
from trainer.render import AmbientTask, Renderer, RenderTask, SceneTask, StreamTask
from trainer.sounds import sounds_folder
from trainer.speech import read_speech
from trainer.surroundings import Surroundings, open_surroundings
from trainer.warp import Utterance, Warp
from watchword_runtime.frontend import SAMPLE_RATE_HZ, features

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TEXTS = (
    "smart mirror",
    "view glass",
    "turn on the kitchen light please",
    "what is the weather like tomorrow morning in town",
    "hey there computer",
)
CLIPS = 16
CLIPS_PER_STREAM = 8
VARIANTS = 12
ROOMS = 40
STEP_S = 4.0
STEP_REPEATS = 10


def speak_clips(folder: Path, count: int = CLIPS) -> list[Path]:
    """Speak short clips by nanotts, which is installed with Watchword."""
    from trainer.tts.nanotts import NanoTtsEngine  # noqa: PLC0415 - only measuring speaks

    engine = NanoTtsEngine()
    voices = engine.voices()
    paths = []
    for number in range(count):
        text, voice = TEXTS[number % len(TEXTS)], voices[number % len(voices)]
        speech = engine.synthesize(text, voice, speed=0.8 + 0.02 * number, seed=number)
        paths.append(folder / f"{number:02d}.flac")
        soundfile.write(paths[-1], speech.waveform, speech.rate_hz, subtype="PCM_16")
    return paths


def _cpu_s(work: Callable[[], object], repeats: int = 1) -> float:
    started_s = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - started_s) / repeats


def _throughput(
    out: TextIO, name: str, renderer: Renderer, tasks: Sequence[RenderTask], examples: int
) -> None:
    """Print one line: the same tasks with and without the front end.

    Args:
        out: where to.
        name: of the line.
        renderer: does the tasks.
        tasks: what to make.
        examples: how many clips or streams that makes.
    """

    def everything() -> None:
        for task in tasks:
            renderer.render(task)

    everything()
    both_s = _cpu_s(everything)
    takes = [
        renderer.take(task, renderer.draw(task, variant)).pcm
        for task in tasks
        for variant in range(task.variants if isinstance(task, SceneTask) else 1)
    ]
    seconds = sum(map(len, takes)) / SAMPLE_RATE_HZ
    features_s = _cpu_s(lambda: [features(pcm) for pcm in takes])
    alone_s = both_s - features_s
    out.write(
        f"| {name} | {examples / alone_s:.0f} | {examples / both_s:.0f} | "
        f"{seconds / alone_s:.0f} | {seconds / both_s:.0f} |\n"
    )


def _steps(out: TextIO, clip: Path, surroundings: Surroundings) -> None:
    """Print what each step costs for a scene of four seconds."""
    rng = np.random.default_rng(0)
    samples = int(STEP_S * SAMPLE_RATE_HZ)
    scene = (0.1 * rng.standard_normal(samples)).astype(np.float32)
    pcm = (3000 * scene).astype(np.int16)
    speech = read_speech(clip)
    utterance = Utterance(speech)
    steps: dict[str, Callable[[], object]] = {
        "another throat, first time of a clip": lambda: Utterance(speech).warped(Warp(1.2, 1.1)),
        "another throat, later": lambda: utterance.warped(Warp(1.2, 1.1)),
        "speed": lambda: change_speed(speech, 1.1),
        "room": lambda: reverberate(scene, surroundings.rooms[1].response),
        "equaliser": lambda: equalise(scene, (3.0, 1.0, -4.0, 2.0, 0.0)),
        "band limit": lambda: limit_band(scene, Band(3800.0, 5, 150.0)),
    }
    kinds = [*WEIGHTS, *(RECORDED + sound.name for sound in surroundings.noises[:1])]
    for kind in kinds:
        recipes = [NoiseRecipe(kind, seed, 0.0) for seed in range(STEP_REPEATS)]
        steps[f"noise: {kind.partition(':')[0]}"] = _each(surroundings, recipes, samples)
    steps |= {f"codec: {name}": partial(code, scene, name) for name in CODECS}
    steps["front end"] = lambda: features(pcm)
    utterance.warped(Warp(1.1))
    for name, work in steps.items():
        work()
        repeats = 1 if name.startswith("noise") else STEP_REPEATS
        divisor = STEP_REPEATS if name.startswith("noise") else 1
        out.write(f"| {name} | {1000 * _cpu_s(work, repeats) / divisor:.1f} |\n")


def _each(
    surroundings: Surroundings, recipes: Sequence[NoiseRecipe], samples: int
) -> Callable[[], object]:
    return lambda: [surroundings.noise(recipe, samples) for recipe in recipes]


def run_benchmark(out: TextIO, clips: Sequence[Path], sounds: Path | None) -> None:
    """Print both tables.

    Args:
        out: where to.
        clips: files at 16 kHz.
        sounds: folder of recorded noise and measured rooms; None for none.
    """
    surroundings = open_surroundings(ROOMS, 0, clips, sounds)
    renderer = Renderer(surroundings)
    plain = Renderer(surroundings, replace(TRAINING, warp_share=0.0))
    scenes = [SceneTask(path, n, VARIANTS, (0, n)) for n, path in enumerate(clips)]
    groups = [clips[n : n + CLIPS_PER_STREAM] for n in range(0, len(clips), CLIPS_PER_STREAM)]
    streams = [
        StreamTask(tuple(group), tuple(range(len(group))), (1, n, again))
        for n, group in enumerate(groups)
        for again in range(3)
    ]
    ambient = [AmbientTask(30.0, (2, n)) for n in range(12)]
    out.write(
        f"{len(surroundings.rooms)} rooms, {len(surroundings.noises)} recorded noises, "
        f"{len(clips)} clips; one thread\n\n"
        "| examples | per second, without features | per second | times real time, without "
        "features | times real time |\n|---|---|---|---|---|\n"
    )
    made = len(scenes) * VARIANTS
    _throughput(out, "positive scenes", renderer, scenes, made)
    _throughput(out, "the same without WORLD", plain, scenes, made)
    _throughput(out, "clips in streams", renderer, streams, 3 * len(clips))
    _throughput(out, "streams of noise, 30 s", renderer, ambient, len(ambient))
    out.write("\n| step, for a scene of 4 s | ms |\n|---|---|\n")
    _steps(out, clips[0], surroundings)


def main() -> None:
    """Print how fast examples are made here."""
    parser = argparse.ArgumentParser(prog="python -m trainer.render_benchmark", description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS, help="how many clips to speak first")
    parser.add_argument("--made-only", action="store_true", help="leave recorded sounds out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = speak_clips(Path(folder), options.clips)
        run_benchmark(sys.stdout, clips, None if options.made_only else sounds_folder())


if __name__ == "__main__":
    main()
