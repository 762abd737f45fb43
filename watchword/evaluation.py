"""The arguments of `watchword evaluate` in; a table, JSON, a plot and excerpts out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trainer.ctc import acoustic_model
from trainer.evaluate import evaluate as measure
from trainer.evaluation.excerpts import check_folder, save_excerpts
from trainer.evaluation.groups import Labels, read_labels
from trainer.evaluation.second_opinion import second_opinion
from trainer.evaluation.surroundings import DEFAULT_SNR_DB, count, names, open_surroundings
from trainer.listening import why_deaf
from trainer.phrases import PhraseError, parse_phrase
from trainer.recordings import find_recordings
from watchword.console import ConsoleReport, say
from watchword.errors import OptionError
from watchword.evaluation_table import print_evaluation
from watchword.summary import write_json
from watchword_runtime import Detector

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from trainer.evaluate import Evaluation
    from trainer.progress import Report

OK = 0


def evaluate(options: argparse.Namespace, console: Console) -> int:
    """Measure a bundle on recordings, print the tables, write what was asked for."""
    _check_options(options)
    detector = Detector.load(options.bundle, engine=options.engine, file=options.file)
    positives = find_recordings(options.positives)
    negatives = find_recordings(options.negatives)
    both = sorted(set(positives) & set(negatives))
    if both:
        said = f"{count(len(both), 'file')} among the positives and the negatives: {names(both)}"
        say(console, said, label="warning:")
    labels = _labels(options, positives, console)
    surroundings = open_surroundings(
        find_recordings(options.noise) if options.noise else (),
        options.snr or (DEFAULT_SNR_DB,),
        find_recordings(options.rooms) if options.rooms else (),
        find_recordings(options.talk) if options.talk else (),
    )
    with ConsoleReport(console) as report:
        measured = measure(
            detector,
            positives,
            negatives,
            surroundings=surroundings,
            labels=labels.columns,
            seed=options.seed,
            report=report,
        )
        measured = _with_second_opinion(measured, report)
    print_evaluation(measured, console)
    _write(measured, labels, options, console)
    return OK


def _with_second_opinion(measured: Evaluation, report: Report) -> Evaluation:
    """Let an acoustic model say where false accepts may be the phrase itself, if it can."""
    if not measured.false_accepts or why_deaf():
        return measured
    try:
        phrase = parse_phrase(measured.phrase)
    except PhraseError:
        return measured
    events = second_opinion(
        measured.false_accepts, measured.negatives.files, phrase, acoustic_model(), report
    )
    return replace(measured, false_accepts=events)


def _check_options(options: argparse.Namespace) -> None:
    """Refuse what could not be done, before anything is measured."""
    if options.snr and not options.noise:
        raise OptionError("--snr says how loud noise is: name a folder of it with --noise.")
    if options.group_by and not options.manifest:
        raise OptionError("--group-by names columns of a table: name the table with --manifest.")
    if options.save_false_accepts:
        check_folder(options.save_false_accepts)


def _labels(options: argparse.Namespace, positives: Sequence[Path], console: Console) -> Labels:
    if not options.manifest:
        return Labels({})
    columns = tuple(dict.fromkeys(options.group_by or ("speaker",)))
    labels = read_labels(options.manifest, options.positives, positives, columns)
    if labels.missing:
        said = f"{options.manifest} names {count(len(labels.missing), 'file')} that"
        is_not = "is" if len(labels.missing) == 1 else "are"
        say(console, f"{said} {is_not} not there: {names(labels.missing)}", label="warning:")
    if labels.unlisted:
        said = f"{count(labels.unlisted, 'recording')} of {len(positives)} in {options.positives}"
        say(console, f"{said} not named in {options.manifest}: unknown.", label="warning:")
    return labels


def _write(
    measured: Evaluation, labels: Labels, options: argparse.Namespace, console: Console
) -> None:
    values = measured.to_dict()
    if options.manifest:
        values["manifest"] = {
            "file": str(options.manifest),
            "files_not_there": list(labels.missing),
            "recordings_not_named": labels.unlisted,
        }
    folder: Path | None = options.save_false_accepts
    if folder and measured.false_accepts:
        saved = save_excerpts(measured.false_accepts, measured.negatives.files, folder)
        for event, name in zip(values["false_accepts"], saved, strict=True):
            event["excerpt"] = str(folder / name)
        say(console, f"Listen to {count(len(saved), 'false accept')} in {folder}.")
    elif folder:
        say(console, f"No false accept as shipped: {folder} was not made.")
    if options.plot:
        from trainer.evaluation.det_plot import save_det_plot

        save_det_plot(measured, options.plot)
        say(console, f"The DET curve is in {options.plot}.")
    if options.json:
        write_json(values, options.json)
        say(console, f"Everything measured is in {options.json}.")
