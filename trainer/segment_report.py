"""A table of recordings in, how well phrases are cut out of its sentences out.

    python -m trainer.segment_report RECORDINGS.tsv --where kind=speech

The sentences are imported into a database of their own and cut as `watchword corpus cut` does.
PocketSphinx is the judge, twice: it aligns the whole sentence, which says when the phrase really
is, and it hears each cut alone and chooses between the phrases and the table's commonest words; so
it does with its own cut of the same words, which says how much of what it misses is its own fault.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from db.clips import ClipStore
from db.connection import open_database
from db.recordings import CUT, RECORDING
from trainer.align import PocketAligner
from trainer.corpora.base import Recording
from trainer.corpora.folder_tsv import TableSource
from trainer.corpora.importing import import_recordings
from trainer.cutting import MARGIN_S, CutReport, cut_phrase
from trainer.phrases import normalise_text, parse_phrase
from trainer.progress import silent
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainer.corpora.base import Refusal

PHRASES = (
    "going to", "look at", "no one", "need to", "something",
    "nothing", "people", "better", "little", "three",
)  # fmt: skip
"""Ten words and phrases that occur in many sentences of SpeechOcean762."""
logger = logging.getLogger(__name__)

OTHER_WORDS = 50
"""Common words that the recogniser may choose instead of a phrase."""
WHOLE_S = 0.05
"""A cut holds the phrase if no more than this of it, by the judge's alignment, lies outside."""


@dataclass
class Judged:
    """What the judge says of the cuts of one phrase; errors are ours minus the judge's."""

    phrase: str
    report: CutReport
    aligned: int = 0
    whole: int = 0
    heard_alone: int = 0
    own_heard_alone: int = 0
    """The same of the judge's own cuts, of those that it could align."""
    start_errors_s: list[float] = field(default_factory=list)
    end_errors_s: list[float] = field(default_factory=list)

    def row(self) -> str:
        """One line of the table."""
        cuts = self.report.cuts
        return " | ".join((
            f"| {self.phrase:<10}", f"{self.report.found:5d}", f"{cuts:4d}",
            f"{_share(self.whole, self.aligned):>14}", f"{_share(self.heard_alone, cuts):>14}",
            f"{_share(self.own_heard_alone, self.aligned):>14}",
            f"{_errors(self.start_errors_s):>14}", f"{_errors(self.end_errors_s):>14} |",
        ))  # fmt: skip


HEADER = (
    "| phrase | sentences | cuts | hold the phrase | heard alone | judge's own cut | start, ms "
    "| end, ms |\n|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class _Subset:
    """Those recordings of a table that have one of the phrases, a few of each."""

    name: str
    rows: tuple[Recording, ...]

    def count(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Recording | Refusal]:
        return iter(self.rows)


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} {part / whole:.0%}" if whole else "-"


def _errors(errors_s: Sequence[float]) -> str:
    if not errors_s:
        return "-"
    ms = np.array(errors_s) * 1000
    return f"{np.median(ms):+.0f}, {np.quantile(np.abs(ms), 0.9):.0f}"


def _subset(source: TableSource, phrases: Sequence[str], limit: int) -> _Subset:
    taken: Counter[str] = Counter()
    rows = []
    for row in source:
        if not isinstance(row, Recording):
            continue
        text = f" {normalise_text(row.text)} "
        wanted = [p for p in phrases if f" {p} " in text and taken[p] < limit]
        if wanted:
            taken.update(wanted)
            rows.append(row)
    return _Subset(source.name, tuple(rows))


@dataclass(frozen=True)
class Judge:
    """PocketSphinx, what it may choose between, and where the audio is."""

    store: ClipStore
    aligner: PocketAligner
    choices: Sequence[str]


def judge_cuts(phrase: str, report: CutReport, pairs: Iterator[Any], judge: Judge) -> Judged:
    """Let PocketSphinx judge the cuts of one phrase.

    Args:
        phrase: what was cut.
        report: what `cut_phrase` says of it.
        pairs: rows of the table `clip`: each cut and what it was cut out of.
        judge: who judges.
    """
    store, aligner, choices = judge.store, judge.aligner, judge.choices
    judged = Judged(phrase, report)
    said = tuple(phrase.split())
    for cut, parent in pairs:
        settings = json.loads(cut.settings)
        judged.heard_alone += aligner.recognise(store.read(cut)[0], choices) == phrase
        words = tuple(parent.text_normalised.split())
        if not all(map(aligner.knows, words)):
            continue
        sentence = store.read(parent)[0]
        heard = aligner.align(sentence, words)
        if heard is None:
            continue
        places = [
            (heard[i].start_s, heard[i + len(said) - 1].end_s)
            for i in range(len(words))
            if words[i : i + len(said)] == said
        ]
        if not places:  # the cut is of a homophone, spelled otherwise
            continue
        # A sentence may have the phrase twice: the cut is of the nearer one.
        start_s, end_s = min(places, key=lambda place: abs(place[0] - settings["start_s"]))
        before_s, after_s = settings[MARGIN_S]
        own = sentence[
            max(0, round((start_s - WHOLE_S) * SAMPLE_RATE_HZ)) : round(
                (end_s + WHOLE_S) * SAMPLE_RATE_HZ
            )
        ]
        judged.own_heard_alone += aligner.recognise(own, choices) == phrase
        judged.aligned += 1
        judged.whole += (
            settings["start_s"] - before_s <= start_s + WHOLE_S
            and settings["end_s"] + after_s >= end_s - WHOLE_S
        )
        judged.start_errors_s.append(settings["start_s"] - start_s)
        judged.end_errors_s.append(settings["end_s"] - end_s)
    return judged


def segment_report(source: TableSource, phrases: Sequence[str], limit: int, folder: Path) -> str:
    """Import, cut and judge; return the table in Markdown and what it leaves out.

    Args:
        source: sentences with transcripts.
        phrases: words or phrases.
        limit: sentences of each.
        folder: for the database and its clips; emptied by the caller.
    """
    subset = _subset(source, phrases, limit)
    words = Counter(word for row in subset.rows for word in normalise_text(row.text).split())
    aligner = PocketAligner()
    others = [
        word for word, _ in words.most_common() if word not in phrases and aligner.knows(word)
    ]
    choices = [*phrases, *others[:OTHER_WORDS]]
    judged: list[Judged] = []
    with closing(open_database(f"sqlite:///{folder / 'report.sqlite3'}")) as connection:
        store = ClipStore(connection, folder / "clips")
        import_recordings(subset, connection, store, report=silent)
        recordings: Iterator[Any] = store.find(engines=[RECORDING]).itertuples()
        parents = {row.sha256: row for row in recordings}
        judge = Judge(store, aligner, choices)
        spent_s = 0.0
        for text in phrases:
            begun_s = time.process_time()
            report = cut_phrase(parse_phrase(text), connection, store, report=silent)
            spent_s += time.process_time() - begun_s
            made: Iterator[Any] = store.find(
                texts=[normalise_text(text)], engines=[CUT]
            ).itertuples()
            pairs = ((cut, parents[json.loads(cut.settings)["of"]]) for cut in made)
            judged.append(judge_cuts(text, report, pairs, judge))
            logger.info("%s", judged[-1].row())
    rows = [HEADER, *(item.row() for item in judged), _total(judged).row()]
    return "\n".join([*rows, "", _summary(judged, spent_s)])


def _total(judged: Sequence[Judged]) -> Judged:
    total = Judged("all", CutReport(0, 0, 0, 0.0, 0, {}))
    found = cuts = 0
    refused: Counter[str] = Counter()
    for item in judged:
        found += item.report.found
        cuts += item.report.cuts
        refused.update(item.report.refused)
        total.aligned += item.aligned
        total.whole += item.whole
        total.heard_alone += item.heard_alone
        total.own_heard_alone += item.own_heard_alone
        total.start_errors_s += item.start_errors_s
        total.end_errors_s += item.end_errors_s
    total.report = CutReport(found, 0, cuts, 0.0, 0, dict(refused.most_common()))
    return total


def _summary(judged: Sequence[Judged], spent_s: float) -> str:
    total = _total(judged)
    refused = ", ".join(f"{why}: {count}" for why, count in total.report.refused.items())
    cuts = total.report.cuts
    start_s, end_s = np.abs(total.start_errors_s), np.abs(total.end_errors_s)
    return (
        f"Start and end: median error, 90th percentile of its size; ours minus the judge's.\n"
        f"Refused: {refused or 'none'}.\n"
        f"Not judged by alignment: {cuts - total.aligned} "
        "(a word is not in CMUdict, a homophone, or no path).\n"
        f"Boundaries off by more than 0.3 s: {np.mean(start_s > 0.3):.1%} of the starts, "
        f"{np.mean(end_s > 0.3):.1%} of the ends.\n"
        f"{total.report.found} sentences took {spent_s:.1f} s of one core: "
        f"{spent_s / max(1, total.report.found):.3f} s each."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `python -m trainer.segment_report`."""
    parser = argparse.ArgumentParser(prog="python -m trainer.segment_report", description=__doc__)
    parser.add_argument("table", type=Path, help="a .tsv or .csv of recordings with transcripts")
    parser.add_argument("--use", default="train", help="only rows whose column use says this")
    parser.add_argument("--where", action="append", default=[], metavar="COLUMN=VALUE")
    parser.add_argument("--limit", type=int, default=40, help="sentences of each phrase (40)")
    parser.add_argument("--phrases", default=",".join(PHRASES), help="separated by commas")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    where = dict(pair.split("=", 1) for pair in options.where)
    source = TableSource("report", options.table, where=where, use=options.use)
    with tempfile.TemporaryDirectory() as folder:
        phrases = [text.strip() for text in options.phrases.split(",")]
        sys.stdout.write(segment_report(source, phrases, options.limit, Path(folder)) + "\n")


if __name__ == "__main__":
    main()
