"""A home of its own for each test, and a phrase check that answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from db.connection import open_database
from page import check

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

APP = Path(__file__).parents[2] / "streamlit_app.py"


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "home"))
    connection = open_database()
    yield connection
    connection.close()


@pytest.fixture(autouse=True)
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the command line's check; return the phrases that it was asked about."""
    asked: list[str] = []

    def answer(phrase: str) -> check.PhraseCheck:
        asked.append(phrase)
        if phrase == "broken":
            raise check.CheckError("The phrase could not be checked: no dictionary.")
        if phrase == "xq":
            return check.PhraseCheck("", reason="Nobody can say this: write it as words.")
        weak = ("One syllable is easily mistaken.",) if phrase == "go" else ()
        strength = check.Strength(
            6 if weak else 75,
            "weak" if weak else "strong",
            (("length", 99.6, "10 sounds"), ("neighbours", -24.9, "few")),
            ("smarter",),
            ('Add a word: "hey go" would have 25 points of 100.',) if weak else ("It is long.",),
        )
        return check.PhraseCheck(phrase, "", ("smɑɹt", "mɪɹɚ"), 3, 0.9, weak, strength)

    monkeypatch.setattr(check, "check_phrase", answer)
    monkeypatch.setattr(check.checker, "warm_up", lambda: None)
    st.cache_data.clear()
    return asked


@pytest.fixture
def open_page(connection: sqlite3.Connection) -> Callable[..., AppTest]:
    """Return a function that opens a page by its file, with the address's parameters."""

    def open_it(page: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=20).run()
        app.switch_page(f"page/{page}.py")
        app.query_params.update(query)
        return app.run()

    return open_it
