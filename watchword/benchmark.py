"""Phrases and seeds in, a trained, exported and measured detector for each out, none made twice."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from db.clips import CLIP_FOLDER
from db.connection import home, open_database
from exporters.errors import ConverterMissingError
from trainer.benchmark.exam import Exam, open_exam
from trainer.benchmark.hold_out import (
    StoreWithout,
    check_held_out,
    heard_by_backbone,
    people_behind,
    training_engines,
)
from trainer.benchmark.measure import Field, measure, open_field
from trainer.benchmark.phrases import folder_name
from trainer.benchmark.results import (
    OURS,
    Result,
    Settings,
    finished,
    read_results,
    write_result,
)
from trainer.benchmark.rivals import rivals_of
from trainer.ctc import acoustic_model
from trainer.evaluation.second_opinion import second_opinion
from trainer.listening import why_deaf
from trainer.phrases import Phrase, parse_phrase
from trainer.recordings import RecordingError
from trainer.sounds import sounds_folder
from watchword.benchmark_table import print_results, summary
from watchword.console import ConsoleReport, open_console, say
from watchword.pipeline import VOICES_FOLDER, Library, Request, run
from watchword.summary import write_json
from watchword_runtime import Detector
from watchword_runtime.manifest import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from trainer.benchmark.measure import Figures
    from trainer.evaluation.second_opinion import Opinion
    from trainer.progress import Report

OK = 0
TRAINING_FILE = "training.json"
"""In a detector's work folder: what the training said of itself, once it was exported."""


@dataclass(frozen=True)
class Bench:
    """Everything that one run of the benchmark has at hand."""

    out: Path
    settings: Settings
    field: Field
    store: StoreWithout
    voices_dir: Path
    hidden_people: frozenset[str]
    also_fp32: bool = False

    def library(self, exam: Exam) -> Library:
        """Return what a training may have: nothing that the exam asks for."""
        return Library(self.store.hiding(exam.near_texts), self.voices_dir, sounds_folder())


def benchmark(options: argparse.Namespace) -> int:
    """Run what is not there yet, then print what is there."""
    console = open_console()
    if not options.report:
        if options.negatives is None:
            raise RecordingError(
                "Thresholds are set on recordings without the phrases: give their folder with "
                "--negatives."
            )
        settings = Settings(options.preset, options.hold_out, options.from_nothing)
        phrases = [parse_phrase(text) for text in options.phrases]
        field = open_field(options.negatives, options.recordings, options.noise)
        voices_dir = home() / VOICES_FOLDER
        people = people_behind(settings.hold_out, voices_dir)
        with closing(open_database()) as connection:
            store = StoreWithout(connection, home() / CLIP_FOLDER, settings.hold_out, people)
            bench = Bench(options.out, settings, field, store, voices_dir, people, options.fp32)
            for seed in options.seeds:
                for phrase in phrases:
                    say(console, f"seed {seed}", label=f"{phrase.text}:", style="bold")
                    with ConsoleReport(console) as report:
                        train_and_measure(bench, phrase, seed, report)
            for phrase in phrases if options.rivals else ():
                with ConsoleReport(console) as report:
                    measure_rivals(bench, phrase, report)
    results = read_results(options.report or options.out)
    print_results(results, console)
    if options.json:
        write_json(summary(results), options.json)
        say(console, f"Everything measured is in {options.json}.")
    return OK


def train_and_measure(bench: Bench, phrase: Phrase, seed: int, report: Report) -> None:
    """Train, export and measure one detector, going on from what a stopped run left.

    Raises:
        ResultsError: there is a result with other settings.
        HoldOutError: held-out voices were heard in training, or cannot speak here.
        ConverterMissingError: no int8 artifact could be made here.
    """
    if finished(bench.out, phrase.text, f"seed-{seed}", bench.settings):
        return
    exam = _exam(bench, phrase, report)
    bundle = bench.out / folder_name(phrase.text) / f"seed-{seed}"
    minutes = _train(bench, phrase, seed, bundle, bench.library(exam), report)
    manifest = Manifest.from_json((bundle / MANIFEST_FILE).read_text("utf-8"))
    check_held_out(manifest.provenance, bench.settings.hold_out, bench.hidden_people)
    started_s = time.monotonic()
    int8 = _file(manifest, "int8")
    detector = Detector.load(bundle, file=int8)
    figures = _measure(bench, phrase, detector, exam, report)
    if bench.also_fp32:
        fp32 = _file(manifest, "fp32", int8.rpartition(".")[2])
        full = _measure(bench, phrase, Detector.load(bundle, file=fp32), exam, report)
        figures |= {f"fp32_{name}": full[name] for name in full if "_miss" in name}
    minutes["measuring"] = round((time.monotonic() - started_s) / 60, 2)
    notes = {
        "file": detector.file,
        "engine": detector.engine_name,
        "heard_by_backbone": heard_by_backbone(manifest.provenance, bench.settings.hold_out),
    }
    write_result(
        bench.out, Result(phrase.text, seed, OURS, bench.settings, figures, minutes, notes)
    )


def _measure(
    bench: Bench, phrase: Phrase, detector: Detector, exam: Exam, report: Report
) -> Figures:
    return measure(
        detector,
        exam,
        bench.field,
        bench.field.positives(folder_name(phrase.text)),
        report=report,
        opinion=_opinion(phrase),
    )


def _opinion(phrase: Phrase) -> Opinion | None:
    """Return who says whether the phrase itself is said in the negatives; None without ears."""
    if why_deaf():
        return None
    return partial(second_opinion, phrase=phrase, model=acoustic_model())


def measure_rivals(bench: Bench, phrase: Phrase, report: Report) -> None:
    """Measure what others ship for a phrase, where they know it, on the same material.

    Raises:
        RivalMissingError: their packages are not installed.
        ResultsError: there is a result with other settings.
    """
    for name, rival in rivals_of(phrase.text).items():
        if finished(bench.out, phrase.text, f"rival-{name}", bench.settings):
            continue
        exam = _exam(bench, phrase, report)
        recorded = bench.field.positives(folder_name(phrase.text))
        figures = measure(
            rival.open(phrase.text),
            exam,
            bench.field,
            recorded,
            report=report,
            opinion=_opinion(phrase),
        )
        write_result(bench.out, Result(phrase.text, None, name, bench.settings, figures))


def _exam(bench: Bench, phrase: Phrase, report: Report) -> Exam:
    folder = bench.out / folder_name(phrase.text) / "exam"
    return open_exam(folder, phrase, bench.settings.hold_out, bench.voices_dir, report=report)


def _train(  # noqa: PLR0917 - what a training needs
    bench: Bench, phrase: Phrase, seed: int, bundle: Path, library: Library, report: Report
) -> dict[str, float]:
    """Make the bundle unless it is there; return the minutes of each stage."""
    work = bundle.with_name(bundle.name + ".work")
    told = work / TRAINING_FILE
    if not told.is_file():
        engines = training_engines(bench.settings.hold_out)
        request = Request(
            phrase.text,
            bench.settings.preset,
            seed,
            engines=engines,
            from_nothing=bench.settings.from_nothing,
        )
        write_json(run(request, bundle, work, library, report).to_dict(), told)
    metrics: dict[str, Any] = json.loads(told.read_text("utf-8"))["metrics"]
    return dict(metrics["minutes"])


def _file(manifest: Manifest, precision: str, suffix: str = "") -> str:
    """Return the file of a precision, and of a format, that a device would prefer."""
    for file in manifest.files:
        if file.precision == precision and file.file.endswith(suffix):
            return file.file
    raise ConverterMissingError(
        f"No {precision} artifact was made: `watchword doctor` says what is missing."
    )
