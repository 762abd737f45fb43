"""An import that is killed again and again ends with every recording once, whole and known."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from db.clips import ClipStore
from db.connection import open_database
from trainer.corpora.folder_tsv import TableSource
from trainer.corpora.importing import import_recordings
from trainer.progress import silent

ROOT = Path(__file__).parents[3]
RECORDINGS = 400
KILLS = 4

IMPORT = """
import sys
from pathlib import Path
from db.clips import ClipStore
from db.connection import open_database
from trainer import pronunciation
from trainer.corpora import importing
from trainer.corpora.folder_tsv import TableSource
from trainer.progress import silent
importing.BATCH = 4
folder = Path(sys.argv[1])
pronunciation.phonemes("loads the dictionaries")
print("ready", flush=True)
connection = open_database(f"sqlite:///{folder}/a.sqlite3")
source = TableSource("village", folder / "list.tsv", speaker="p", licence="CC0-1.0")
importing.import_recordings(
    source, connection, ClipStore(connection, folder / "clips"), report=silent, workers=1
)
"""


def test_kill_9_loses_nothing_that_was_stored(tmp_path, record):
    lines = ["file\ttext\n"]
    for number in range(RECORDINGS):
        record(tmp_path / f"{number}.wav", number, seconds=0.25)
        lines.append(f"{number}.wav\tsentence {number}\n")
    (tmp_path / "list.tsv").write_text("".join(lines))
    url = f"sqlite:///{tmp_path}/a.sqlite3"
    counts = []
    for number in range(KILLS):
        importer = subprocess.Popen(
            [sys.executable, "-c", IMPORT, str(tmp_path)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": f"{ROOT}/runtime"},
        )  # fmt: skip
        with importer, closing(open_database(url)) as connection:
            assert importer.stdout.readline() == "ready\n"
            query = "SELECT count(*) FROM clip"
            start = connection.execute(query).fetchone()[0]
            deadline_s = time.monotonic() + 30
            while connection.execute(query).fetchone()[0] <= start:
                assert time.monotonic() < deadline_s
                time.sleep(0.001)
            time.sleep(0.003 * number)  # another place of a batch each time
            importer.send_signal(signal.SIGKILL)
            importer.wait()
            store = ClipStore(connection, tmp_path / "clips")
            assert store.verify(hashes=True).healthy
            clips = store.find()
            assert len(clips) % 4 == 0, "whole batches"
            assert clips["text"].is_unique
            counts.append(len(clips))
    assert counts == sorted(set(counts)), "each run went on"
    assert counts[-1] < RECORDINGS, "none of the runs came to its end"
    with closing(open_database(url)) as connection:
        store = ClipStore(connection, tmp_path / "clips")
        source = TableSource("village", tmp_path / "list.tsv", speaker="p", licence="CC0-1.0")
        report = import_recordings(source, connection, store, report=silent)
        assert report.known == counts[-1]
        assert report.imported == RECORDINGS - counts[-1]
        assert store.find()["text"].nunique() == len(store.find()) == RECORDINGS
        assert store.verify(hashes=True).healthy
