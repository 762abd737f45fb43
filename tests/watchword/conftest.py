"""A home of its own for each module, and one tiny training that several tests look at."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from db.connection import open_database
from exporters import verify
from tests.watchword.tiny_preset import TINY
from trainer.presets import PRESETS
from watchword.cli import main
from watchword.console import ConsoleReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trainer.progress import Progress


@pytest.fixture(autouse=True, scope="session")
def verification_is_short() -> Iterator[None]:
    """Ten minutes of sound and an hour of stream are for real exports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "SOUND_S", 60.0)
        patch.setattr(verify, "DRIFT_S", 60.0)
        yield


@dataclass
class Place:
    """A home folder and where bundles go; runs commands in this process."""

    home: Path
    outs: Path
    stages: list[str] = field(default_factory=list)
    """Of the last command, in order."""
    stop_at: Callable[[Progress], bool] | None = None
    """Raises KeyboardInterrupt, as Ctrl-C does, at the first report for which it is true."""

    def run(self, *arguments: object) -> int:
        """Run a command and return its exit code."""
        self.stages.clear()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        assert isinstance(left.value.code, int)
        return left.value.code

    def train(self, name: str, *more: object, phrase: str = "smart mirror") -> int:
        """Run `watchword train` with the tiny preset."""
        return self.run("train", phrase, "--preset", "quick", "--out", self.outs / name, *more)

    def clips(self) -> int:
        """Return how many clips there are."""
        if not (self.home / "watchword.sqlite3").is_file():
            return 0
        with closing(open_database(f"sqlite:///{self.home}/watchword.sqlite3")) as connection:
            return int(connection.execute("SELECT count(*) FROM clip").fetchone()[0])

    def leftovers(self) -> list[Path]:
        """Return files that were begun and not finished."""
        return [path for top in (self.home, self.outs) for path in top.rglob("*.part*")]


@pytest.fixture(scope="module")
def module_patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, module_patch: pytest.MonkeyPatch) -> Place:
    """An empty home without fetched voices, and presets so small that a training takes seconds."""
    folder = tmp_path_factory.mktemp("place")
    place = Place(folder / "home", folder / "out")
    place.outs.mkdir()
    module_patch.setenv("WATCHWORD_HOME", str(place.home))
    module_patch.setitem(PRESETS, "quick", TINY)
    shown = ConsoleReport.__call__

    def watched(self: ConsoleReport, progress: Progress) -> None:
        if progress.stage not in place.stages:
            place.stages.append(progress.stage)
        shown(self, progress)
        if place.stop_at is not None and place.stop_at(progress):
            raise KeyboardInterrupt

    module_patch.setattr(ConsoleReport, "__call__", watched)
    return place
