"""A number of rows comes in; how long a database of that size takes to answer goes out, and why.

    python -m db.benchmark --rows 1000000

The rows are made of an invented language and have no files: nothing here looks at files. One row
in a hundred is the phrase, one in a thousand has it among other words, and one in ten thousand has
a rarer phrase.
"""
# ruff: noqa: T201 - a command

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import tempfile
import time
from contextlib import closing
from functools import partial
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from db.clip_repair import fill_indices, stale_indices
from db.clip_search import ClipFilter, ClipSearch
from db.connection import migrations, open_database, transaction
from db.sounds import heard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

T = TypeVar("T")
PHRASE = ("smart mirror", "smˈɑɹt mˈɪɹəɹ")
FILLERS = ("", "ʌm", "ʌ", "ɜ", "ɜɹ", "ə", "əm", "ɜm")
SOUNDS = tuple(heard(f"smɑɹt{filler}mɪɹəɹ") for filler in FILLERS)
"""As a search looks for the phrase: hesitations included."""
RARE_SOUNDS = (heard("vjˈu ɡlˈæs"), heard("vjˈu ɡlˈɑːs"))
RARE = ("view glass", "vjˈu ɡlˈæs")
TEXTS = [f"w{n} w0 w1 w2" for n in range(300)]
LEXICON = 5000
BATCH = 1000
RUNS = 5
_ONSETS = "pbtdkɡʧʤfvθðszʃʒhmnlɹjw"
_NUCLEI = "iɪɛæɑɔʊuʌəAIOYW"
_CODAS = ("", "", "t", "n", "ɹ", "s", "l", "d", "ŋ")
_INSERT = (
    "INSERT INTO clip (sha256, path, text, text_normalised, phonemes, engine, voice, speaker,"
    " settings, source, licence, seconds, rate_hz, created)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{}', 'synthetic', 'CC0-1.0', ?, 16000, 0)"
)


class Question(NamedTuple):
    """Something that is asked of the clips."""

    name: str
    ask: Callable[[ClipSearch], pd.DataFrame | int]


QUESTIONS = (
    Question("clips in which the rarer phrase is heard", lambda s: s.containing(RARE_SOUNDS)),
    Question("clips in which the phrase is heard", lambda s: s.containing(SOUNDS)),
    Question("how many they are", lambda s: s.count(ClipFilter(with_sounds=SOUNDS))),
    Question(
        "transcripts that have its words",
        lambda s: s.select(ClipFilter(with_words=PHRASE[0], engines=["engine 1"])),
    ),
    Question(
        "clips of 300 texts", lambda s: s.find(texts=[f"text {n}" for n in range(299)] + ["a"])
    ),
    Question(
        "5000 drawn that do not have it",
        lambda s: s.not_containing(SOUNDS, min_words=4, limit=5000, seed=1),
    ),
    Question("how many do not have it", lambda s: s.count_not_containing(SOUNDS, min_words=4)),
    Question(
        "500 of a rare engine drawn that do not have it",
        lambda s: s.sample(ClipFilter(without_sounds=SOUNDS, engines=["rare"]), limit=500, seed=1),
    ),
    Question("clips with a part of two sounds", lambda s: s.count(ClipFilter(with_sounds=["ʒW"]))),
    Question("totals by engine", lambda s: s.totals(by=["engine"])),
)
SCANS = (
    ("LIKE '%…%' on phonemes", "SELECT count(*) FROM clip WHERE phonemes LIKE ?"),
    ("LIKE '%…%' on sounds", "SELECT count(*) FROM clip WHERE sounds LIKE ?"),
)


def main() -> None:
    """Make a database, ask it, print times and query plans."""
    parser = argparse.ArgumentParser(prog="python -m db.benchmark", description=main.__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="how many clips (1000000)")
    parser.add_argument("--folder", type=Path, help="keep the database here (a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        path = (folder / "benchmark.sqlite3").resolve()
        url = f"sqlite:///{path}"
        print(f"SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores")
        if not path.exists():
            _fill(url, path, options.rows)
        with closing(open_database(url)) as connection:
            _report_size(connection)
            for question in QUESTIONS:
                _report(connection, url, question)
            _report_scans(connection)
            _report_upkeep(connection)


def _fill(url: str, path: Path, rows: int) -> None:
    """Make a database of version 1, without indices for a search, and let it be brought up."""
    rng = random.Random(0)
    words = list(_lexicon(rng))
    # As words are frequent: Zipf.
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(migrations()[0] + "PRAGMA user_version = 1;")
        for first in range(0, rows, BATCH):
            batch = [_row(rng, words, weights, n) for n in range(first, min(first + BATCH, rows))]
            with transaction(connection):
                connection.executemany(_INSERT, batch)
    spent_s, connection = _timed(lambda: open_database(url))
    connection.close()
    print(f"{rows} rows of version 1 brought to the current version: {spent_s:.0f} s")


def _lexicon(rng: random.Random) -> Iterator[tuple[str, str]]:
    for number in range(LEXICON):
        syllables = [
            rng.choice(_ONSETS) + rng.choice(_NUCLEI) + rng.choice(_CODAS)
            for _ in range(rng.choice((1, 1, 2, 2, 3)))
        ]
        yield f"w{number}", "ˈ" + "".join(syllables)


def _row(
    rng: random.Random, words: list[tuple[str, str]], weights: list[float], number: int
) -> tuple[str | float, ...]:
    said = rng.choices(words, cum_weights=weights, k=rng.randint(4, 12))
    if number % 1000 == 0:
        said.insert(rng.randrange(len(said)), PHRASE)
    elif number % 10_000 == 2:
        said.insert(rng.randrange(len(said)), RARE)
    elif number % 100 == 1:
        said = [PHRASE]
    text = " ".join(word for word, _ in said)
    phonemes = " ".join(sounds for _, sounds in said)
    sha256 = f"{rng.getrandbits(256):064x}"
    speaker = f"speaker {number % 997}"
    engine = "rare" if number % 500 == 3 else f"engine {number % 7}"
    return (
        sha256, f"{sha256[:2]}/{sha256}.flac", text, text, phonemes, engine,
        speaker, speaker, len(said) * 0.4,
    )  # fmt: skip


def _report_size(connection: sqlite3.Connection) -> None:
    clips = connection.execute("SELECT count(*) FROM clip").fetchone()[0]
    sizes = connection.execute(
        "SELECT name, sum(pgsize) / 1e6 AS megabytes FROM dbstat GROUP BY name"
        " HAVING megabytes >= 1 ORDER BY megabytes DESC"
    )
    print(
        f"{clips} rows: " + ", ".join(f"{row['name']} {row['megabytes']:.0f} MB" for row in sizes)
    )


def _report(connection: sqlite3.Connection, url: str, question: Question) -> None:
    with closing(open_database(url)) as fresh:
        first_s, answer = _timed(lambda: question.ask(ClipSearch(fresh)))
    search = ClipSearch(connection)
    times_s = [_timed(lambda: question.ask(search))[0] for _ in range(RUNS)]
    amount = answer if isinstance(answer, int) else f"{len(answer)} rows"
    print(
        f"\n{question.name}: {amount}; {1000 * median(times_s):.1f} ms, "
        f"{1000 * first_s:.1f} ms on a new connection"
    )
    queries: list[str] = []
    connection.set_trace_callback(queries.append)
    question.ask(search)
    connection.set_trace_callback(None)
    for query in queries:
        if query.startswith("SELECT"):
            for step in connection.execute(f"EXPLAIN QUERY PLAN {query}"):
                print(f"    {step['detail']}")


def _report_scans(connection: sqlite3.Connection) -> None:
    print("\nFor comparison, without an index:")
    for name, query in SCANS:
        ask = partial(connection.execute, query, (f"%{SOUNDS[0]}%",))
        times_s = [_timed(lambda ask=ask: ask().fetchone())[0] for _ in range(RUNS)]  # type: ignore[misc]
        print(f"{name}: {1000 * median(times_s):.0f} ms")


def _report_upkeep(connection: sqlite3.Connection) -> None:
    rng = random.Random(1)
    words = list(_lexicon(rng))
    batch = [_row(rng, words, list(range(1, LEXICON + 1)), n) for n in range(256)]

    def change(query: str, rows: list[tuple[str | float, ...]]) -> None:
        with transaction(connection):
            connection.executemany(query, rows)

    added_s, _ = _timed(lambda: change(_INSERT, batch))
    deleted_s, _ = _timed(
        lambda: change("DELETE FROM clip WHERE sha256 = ?", [row[:1] for row in batch])
    )
    print(f"\n256 more rows: {1000 * added_s:.0f} ms; deleted: {1000 * deleted_s:.0f} ms")
    checked_s, _ = _timed(lambda: list(stale_indices(connection)))
    print(f"both search indices compared with the rows: {checked_s:.0f} s")
    filled_s, _ = _timed(lambda: fill_indices(connection))
    print(f"both search indices filled again: {filled_s:.0f} s")


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    start_s = time.perf_counter()
    result = work()
    return time.perf_counter() - start_s, result


if __name__ == "__main__":
    main()
