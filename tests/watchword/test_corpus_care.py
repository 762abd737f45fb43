"""The commands that look after the clip database, run as somebody types them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from db.clips import CLIP_FOLDER, ClipStore, NewClip
from db.connection import open_database
from trainer.phrases import normalise_text
from trainer.pronunciation import phonemes
from watchword.cli import main

TEXTS = (
    "Smart mirror!",
    "smart mirror",
    "A tall tree stood beside the river.",
    "We heard the smart mirror on the wall.",
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def store(home):
    connection = open_database()
    store = ClipStore(connection, home / CLIP_FOLDER)
    store.add_many(
        [
            NewClip(
                np.random.default_rng(number).uniform(-0.5, 0.5, 800).astype(np.float32), 16000,
                text, normalise_text(text), phonemes(text), "flite", "kal", "flite:kal",
                "synthetic", "MIT-Festival",
            )
            for number, text in enumerate(TEXTS)
        ]
    )  # fmt: skip
    yield store
    connection.close()


@pytest.fixture
def run(capsys):
    def command(*arguments):
        with pytest.raises(SystemExit) as left:
            main(["corpus", *map(str, arguments)])
        shown = capsys.readouterr()
        return left.value.code, shown.out, shown.err

    return command


def test_stats_of_an_empty_database(run, home):
    code, out, _ = run("stats")
    assert code == 0
    assert "no clips yet" in out
    code, out, _ = run("stats", "smart mirror", "--preset", "quick", "--json")
    buckets = json.loads(out)["buckets"]
    assert [bucket["clips"] for bucket in buckets] == [0] * 5
    assert all(bucket["to_make"] == bucket["target"] for bucket in buckets)


def test_stats_of_everything(run, store):
    code, out, _ = run("stats")
    assert code == 0
    assert "MIT-Festival" in out
    _, out, _ = run("stats", "--json")
    answer = json.loads(out)
    assert answer["total"]["clips"] == 4
    assert answer["groups"][0]["engine"] == "flite"
    assert answer["groups"][0]["texts"] == 3


def test_stats_of_a_phrase_count_each_clip_where_it_belongs(run, store):
    code, out, _ = run("stats", "smart mirror")
    assert code == 0
    assert "plain, people" in out
    _, out, _ = run("stats", "smart mirror", "--preset", "quick", "--json")
    buckets = {bucket["bucket"]: bucket for bucket in json.loads(out)["buckets"][:4]}
    assert {name: bucket["clips"] for name, bucket in buckets.items()} == {
        "positive": 2,
        "confuser": 0,
        "in_between": 0,
        "plain": 1,
    }
    assert buckets["positive"]["engines"] == {"flite": 2}
    assert buckets["plain"]["licences"] == {"MIT-Festival": 1}
    assert all(b["to_make"] == max(b["growth"], b["target"] - b["clips"]) for b in buckets.values())
    assert run("stats", "???")[0] == 2


def test_verify_says_what_is_wrong_and_mends_it_when_asked(run, store, home):
    assert run("verify", "--hashes")[:2] == (
        0,
        "4 clips: rows, files, hashes and indices compared.\nAll is well.\n",
    )
    (store.folder / store.find().path[0]).unlink()
    (store.folder / "stray.txt").write_text("mine")
    code, out, _ = run("verify")
    assert code == 1
    assert "rows without a file: 1" in out
    assert "--repair" in out
    code, out, _ = run("verify", "--json")
    assert code == 1
    assert json.loads(out)["leftovers"] == ["stray.txt"]
    assert (store.folder / "stray.txt").exists()
    code, out, _ = run("verify", "--repair")
    assert code == 0
    assert "1 rows deleted, 1 files set aside" in out
    assert (home / "clips-set-aside" / "stray.txt").read_text() == "mine"
    assert run("verify", "--hashes")[0] == 0


def test_clips_travel_to_another_home(run, store, tmp_path, monkeypatch):
    code, out, _ = run("export", tmp_path / "a.tar", "smart mirror")
    assert code == 0
    assert "3 clips" in out
    assert "MIT-Festival: 3 clips" in out
    assert run("export", tmp_path / "a.tar")[0] == 2
    assert run("export", tmp_path / "b.tar", "--source", "own-voice")[0] == 1
    assert not (tmp_path / "b.tar").exists()
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "elsewhere"))
    code, out, _ = run("import", tmp_path / "a.tar")
    assert code == 0
    assert out.endswith("3 clips added, 0 were there before.\n")
    assert run("import", tmp_path / "a.tar")[1].endswith("0 clips added, 3 were there before.\n")
    (tmp_path / "bad.tar").write_bytes(b"no archive")
    code, _, err = run("import", tmp_path / "bad.tar")
    assert code == 2
    assert "bad.tar" in err
    assert run("verify", "--hashes")[0] == 0
