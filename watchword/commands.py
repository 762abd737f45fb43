"""Parsed arguments in, exit code out: one function a command, named as the command is."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from db.connection import home
from watchword.console import ConsoleReport, open_console, say

if TYPE_CHECKING:
    import argparse

OK = 0
WORK_FAILED = 1
BAD_INPUT = 2
SOMETHING_MISSING = 3

console = open_console()
VOICES_FOLDER = "voices"


def check(options: argparse.Namespace) -> int:
    """Say how a phrase is read, whether it can work and how well."""
    from trainer.phrases import PhraseError, parse_phrase
    from trainer.strength import phrase_strength
    from watchword.errors import OptionError
    from watchword.phrase_answer import answer_lines, phrase_answer
    from watchword.strength import strength_summary

    if options.lines:
        answer_lines(sys.stdin, sys.stdout, options.language)
        return OK
    if options.phrase is None:
        raise OptionError('Name a phrase, e.g. watchword check "smart mirror".')
    if options.json:
        answer = phrase_answer(options.phrase, options.language)
        print(json.dumps(answer))
        return OK if answer["ok"] else BAD_INPUT
    try:
        phrase = parse_phrase(options.phrase, options.language)
    except PhraseError as error:
        print(f"watchword: {error}", file=sys.stderr)
        return BAD_INPUT
    strength = phrase_strength(phrase)
    say(console, f" /{' '.join(phrase.phonemes)}/", label=phrase.text, style="bold")
    plural = "" if phrase.syllables == 1 else "s"
    say(console, f"{phrase.syllables} syllable{plural}, about {phrase.seconds:.1f} s")
    for warning in phrase.warnings:
        say(console, warning, label="warning:")
    strength_summary(strength, console)
    return OK


def texts(options: argparse.Namespace) -> int:
    """Show the texts of each bucket."""
    from trainer.phrases import bucket_report, parse_phrase

    print(bucket_report(parse_phrase(options.phrase), options.count, options.seed))
    return OK


def train(options: argparse.Namespace) -> int:
    """Make a detector, showing its progress, and say how good it is."""
    from db.clips import CLIP_FOLDER, ClipStore
    from db.connection import open_database
    from trainer.phrases import parse_phrase
    from trainer.sounds import sounds_folder
    from watchword.pipeline import Library, Request, run
    from watchword.summary import training_summary

    phrase = parse_phrase(options.phrase, options.language)  # refuse before anything is opened
    for warning in phrase.warnings:
        say(console, warning, label="warning:")
    out = options.out
    if out.name in {"", ".."}:  # "." or "..": its zip and its .work need a name to go by
        out = out.resolve()
    with closing(open_database()) as connection, ConsoleReport(console) as report:
        result = run(
            Request(
                options.phrase,
                options.preset,
                options.seed,
                options.language,
                options.engines,
                options.allow_paid,
                options.from_nothing,
            ),
            out,
            out.with_name(out.name + ".work"),
            Library(
                ClipStore(connection, home() / CLIP_FOLDER), home() / VOICES_FOLDER, sounds_folder()
            ),
            report,
        )
    training_summary(result, console)
    return OK


def evaluate(options: argparse.Namespace) -> int:
    """Measure a bundle on recordings and print the table."""
    from watchword.evaluation import evaluate as measure

    return measure(options, console)


def benchmark(options: argparse.Namespace) -> int:
    """Train a fixed list of phrases and print how good they are."""
    from watchword.benchmark import benchmark as compare

    return compare(options)


def speed(options: argparse.Namespace) -> int:
    """Print what listening costs, beside other projects' packages."""
    from watchword.speed_cli import speed as measure

    return measure(options)


def export(options: argparse.Namespace) -> int:
    """Write the artifacts of a finished training again."""
    from watchword.exporting import export_training
    from watchword.summary import training_summary

    with ConsoleReport(console) as report:
        result = export_training(options.training, options.out, report, options.audio)
    training_summary(result, console)
    return OK


def sign(options: argparse.Namespace) -> int:
    """Sign bundles, check their signatures, or make the keys for it."""
    from exporters.signing import new_key, read_private_key, sign_bundle
    from watchword.errors import OptionError
    from watchword_runtime import read_public_key
    from watchword_runtime.bundle import open_bundle

    if options.new_key is not None:
        if options.bundle:
            raise OptionError("--new-key makes keys and signs nothing: sign with --key afterwards.")
        public = new_key(options.new_key)
        say(console, "private: keep it to yourself, and keep it", label=str(options.new_key))
        say(console, "public: give it to the devices", label=str(public))
        return OK
    if not options.bundle:
        raise OptionError("Name the bundle folders and zips, e.g. watchword sign out/sm --key K.")
    if options.check is not None:
        public_key = read_public_key(options.check)
        for path in options.bundle:
            open_bundle(path, public_key)
            say(console, f"is as it was signed with the key of {options.check}", label=str(path))
        return OK
    key = read_private_key(options.key)
    for path in options.bundle:
        say(console, f"signed, {len(sign_bundle(path, key))} files", label=str(path))
    return OK


def corpus(options: argparse.Namespace) -> int:
    """Run one verb on the clip database."""
    from watchword.corpus_commands import VERBS

    return VERBS[options.verb](options)


def speak(options: argparse.Namespace) -> int:
    """Let a few voices say a phrase."""
    from watchword.speak import speak_phrase

    return speak_phrase(options)


def pretrain(options: argparse.Namespace) -> int:
    """Make the backbone that trainings start from."""
    from watchword.pretraining import pretrain as learn

    return learn(options)


def voices(options: argparse.Namespace) -> int:
    """Fetch the default voices, or list what is there."""
    from rich.console import Console

    from trainer.progress import silent
    from trainer.tts.voices import fetch_voices, installed
    from watchword.console import LinesReport

    folder = home() / VOICES_FOLDER
    if options.json:
        from watchword.engine_state import engine_states

        print(json.dumps({"engines": engine_states(folder)}))
        return OK
    if options.list:
        for title, there in installed(folder).items():
            say(console, f"{'there  ' if there else 'missing'}  {title}")
        return OK
    lines = LinesReport() if options.json_lines else None
    bars = Console(quiet=True) if lines else console
    report = fetch_voices(folder, console=bars, report=lines or silent)
    if lines:
        lines.result(asdict(report))
        return OK if any(report.usable.values()) else SOMETHING_MISSING
    for title in report.fetched:
        say(console, f"fetched  {title}")
    for title, reason in report.failed.items():
        say(console, f" {title}: {reason}", label="missing")
    usable = ", ".join(f"{name} ({count})" for name, count in report.usable.items() if count)
    say(console, f"Usable voices: {usable or 'none'}.")
    if not usable:
        print("watchword: no voice works here; run `watchword doctor`.", file=sys.stderr)
        return SOMETHING_MISSING
    return OK


def doctor(options: argparse.Namespace) -> int:
    """Let the voices speak and the engines infer; say what is missing and how to get it."""
    from trainer.tts.doctor import check_engines
    from watchword.parts import check_parts

    if options.json_lines:
        from watchword.doctor_lines import print_findings

        speaks = print_findings(home() / VOICES_FOLDER, thorough=options.thorough)
        return OK if speaks else SOMETHING_MISSING
    table = Table(
        "speech engine", "works", "voices", "speakers", "licence", "× real time", "detail"
    )
    checks = check_engines(home() / VOICES_FOLDER, thorough=options.thorough)
    for engine in checks:
        pace = engine.seconds_of_speech_per_second
        table.add_row(
            engine.name,
            "[green]yes[/]" if engine.ok else "[red]no[/]",
            str(engine.voices),
            str(engine.speakers),
            engine.licence,
            f"{pace:.1f}" if pace else "",
            escape(engine.detail if engine.ok else f"{engine.detail} {engine.how_to_get}".strip()),
        )
    console.print(table)
    parts = Table("part", "works", "detail")
    for part in check_parts():
        works = "[green]yes[/]" if part.ok else "[red]no[/]"
        parts.add_row(part.name, works, escape(part.detail))
    console.print(parts)
    return OK if any(engine.ok for engine in checks) else SOMETHING_MISSING


def app(options: argparse.Namespace) -> int:
    """Open the page and run its worker."""
    from watchword.app import serve

    return serve(options.port, options.address, options.workers)


def worker(options: argparse.Namespace) -> int:
    """Work on queued jobs."""
    from watchword.worker import work

    work(once=options.once, cores=options.cores)
    return OK
