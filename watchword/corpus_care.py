"""Parsed arguments in; what the clip database holds, its health or its archive out."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from db.clip_archive import export_clips
from db.clip_import import import_clips
from db.clip_repair import StoreReport, repair
from db.clips import CLIP_FOLDER, ClipFilter, ClipStore
from db.connection import home, open_database
from trainer.hearing import phrase_sounds
from trainer.phrases import parse_phrase
from trainer.presets import PRESETS
from trainer.progress import Stage
from trainer.stock import BucketStock, bucket_filters, stock
from watchword.console import ConsoleReport, open_console, say
from watchword.failures import WORK_FAILED

if TYPE_CHECKING:
    import argparse
    import sqlite3
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from watchword.console import ConsoleReport as Report

NAMED = 10
"""How many paths of each kind of fault are printed; `--json` has them all."""
FAULTS = {
    "missing": "rows without a file",
    "damaged": "files with other bytes than their hash says",
    "orphans": "clip files without a row",
    "leftovers": "files that are no clips",
    "stale": "search indices that do not say what the rows say",
}


def show_stats(options: argparse.Namespace) -> int:
    """Say what the database holds; for a phrase, per bucket."""
    console = open_console()
    with closing(open_database()) as connection:
        store = _store(connection)
        if options.phrase is None:
            _show_everything(store, console, as_json=options.json)
        else:
            phrase = parse_phrase(options.phrase)
            buckets = stock(phrase, PRESETS[options.preset], store)
            if options.json:
                answer: dict[str, object] = {
                    "phrase": phrase.text,
                    "buckets": [bucket.to_dict() for bucket in buckets],
                }
                if options.filters:
                    filters = bucket_filters(phrase, PRESETS[options.preset], store)
                    answer["filters"] = {b.value: asdict(f) for b, f in filters.items()}
                print(json.dumps(answer))
            else:
                _show_buckets(buckets, console)
    return 0


def verify(options: argparse.Namespace) -> int:
    """Compare rows, files and indices; mend what differs when asked."""
    console = open_console()
    with closing(open_database()) as connection:
        store = _store(connection)
        report = store.verify(hashes=options.hashes)
        faults: dict[str, tuple[str, ...]] = {name: getattr(report, name) for name in FAULTS}
        clips = store.count(ClipFilter())
        if options.json:
            print(json.dumps({"clips": clips, **faults}))
        else:
            _show_faults(faults, clips, console, hashes=options.hashes)
        if report.clean:
            return 0
        if not options.repair:
            if not options.json:
                say(console, "Mend it with: watchword corpus verify --repair")
            return WORK_FAILED
        _mend(store, connection, report, console, quiet=options.json)
        return 0 if store.verify(hashes=options.hashes).clean else WORK_FAILED


def export(options: argparse.Namespace) -> int:
    """Write clips into an archive."""
    console = open_console()
    sounds = phrase_sounds(parse_phrase(options.phrase).words) if options.phrase else ()
    wanted = ClipFilter(with_sounds=sounds, sources=options.source)
    with closing(open_database()) as connection, ConsoleReport(console) as report:
        store = _store(connection)
        if not store.count(wanted):
            say(console, "No clip fits: nothing was written.")
            return WORK_FAILED
        done = export_clips(
            store, connection, options.out, wanted, progress=_progress(report, "export")
        )
        licences = store.totals(wanted, by=["licence"])
    say(console, f"{done.clips} clips, {done.bytes / 2**20:.1f} MiB, are in {options.out}.")
    say(console, "Their licences, if you pass them on:")
    for row in licences.itertuples():
        say(console, f"  {row.licence}: {row.clips} clips")
    return 0


def import_archive(options: argparse.Namespace) -> int:
    """Add an archive's clips."""
    console = open_console()
    with closing(open_database()) as connection, ConsoleReport(console) as report:
        done = import_clips(
            _store(connection), connection, options.archive, progress=_progress(report, "import")
        )
    say(console, f"{done.added} clips added, {done.known} were there before.")
    return 0


def _store(connection: sqlite3.Connection) -> ClipStore:
    return ClipStore(connection, home() / CLIP_FOLDER)


def _progress(report: Report, name: str) -> Callable[[int, int], None]:
    stages: list[Stage] = []

    def tell(done: int, total: int) -> None:
        if not stages:
            stages.append(Stage(report, name, total))
        stages[0].at(done, f"{done} of {total} clips")

    return tell


def _show_everything(store: ClipStore, console: Console, *, as_json: bool) -> None:
    total = store.totals().to_dict("records")[0]
    groups = store.totals(by=["source", "engine", "licence"]).to_dict("records")
    if as_json:
        print(json.dumps({"total": total, "groups": groups}))
        return
    if not total["clips"]:
        say(console, "There are no clips yet: watchword train, or watchword corpus add.")
        return
    table = Table("source", "engine", "licence", show_footer=True)
    table.columns[0].footer = "all"
    for column in ("clips", "hours", "texts", "speakers"):
        table.add_column(column, _number(total[column]), justify="right")
    for row in groups:
        table.add_row(
            *(escape(row[column]) for column in ("source", "engine", "licence")),
            *(_number(row[column]) for column in ("clips", "hours", "texts", "speakers")),
        )
    console.print(table)


def _number(value: float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _show_buckets(buckets: list[BucketStock], console: Console) -> None:
    table = Table("bucket")
    for column in ("clips", "hours", "speakers", "target", "growth", "to make"):
        table.add_column(column, justify="right")
    table.add_column("engines")
    table.add_column("licences")
    for row in buckets:
        made = row.target is not None
        table.add_row(
            row.bucket.replace("_", "-") + ("" if made else ", people"),
            str(row.clips),
            f"{row.hours:.2f}",
            str(row.speakers),
            *(str(n) if made else "-" for n in (row.target, row.growth, row.to_make)),
            _listed(row.engines),
            _listed(row.licences),
        )
    console.print(table)


def _listed(counts: Mapping[str, int]) -> str:
    return escape(", ".join(f"{name} {count}" for name, count in counts.items()))


def _show_faults(
    faults: Mapping[str, tuple[str, ...]], clips: int, console: Console, *, hashes: bool
) -> None:
    looked = "rows, files, hashes and indices" if hashes else "rows, files and indices"
    say(console, f"{clips} clips: {looked} compared.")
    for name, what in FAULTS.items():
        if found := faults[name]:
            say(console, f"{what}: {len(found)}", label=name)
            for path in found[:NAMED]:
                say(console, f"  {path}")
            if len(found) > NAMED:
                say(console, f"  and {len(found) - NAMED} more")
    if not any(faults.values()):
        say(console, "All is well.")


def _mend(
    store: ClipStore,
    connection: sqlite3.Connection,
    report: StoreReport,
    console: Console,
    *,
    quiet: bool,
) -> None:
    done = repair(store, connection, report)
    if quiet:
        return
    say(
        console,
        f"Mended: {done.rows_deleted} rows deleted, {done.files_set_aside} files set aside, "
        f"{done.indices_filled} indices filled again.",
    )
    if done.files_set_aside:
        say(console, f"What was set aside is in {done.set_aside}; remove it when you are sure.")
