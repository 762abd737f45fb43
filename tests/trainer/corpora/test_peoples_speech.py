"""The People's Speech from Parquet files in a folder and from a hub on the loopback."""

from __future__ import annotations

import io
import json

import pytest

from tests.trainer.corpora.conftest import audio_bytes
from tests.trainer.corpora.hub_server import serve
from trainer.corpora import importing
from trainer.corpora.base import CorpusError, CorpusUnreachableError
from trainer.corpora.parquet_files import PATIENCE_S, HubFiles, LocalFiles
from trainer.corpora.peoples_speech import PeoplesSpeech

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
DATASET = "MLCommons/peoples_speech"


def piece(number: int, document: str = "Talk_SLASH_one_DOT_mp3", **change: object) -> dict:
    content = audio_bytes(number, ".flac")
    row = {
        "id": f"{document}_{number:05}.flac",
        "audio": {"bytes": content, "path": f"{number}.flac"},
        "duration_ms": 1000,
        "text": f"this is piece number {number}",
    }
    return row | change


def parquet(rows: list[dict], *, row_group_size: int = 2) -> bytes:
    target = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, target, row_group_size=row_group_size, compression="none")
    return target.getvalue()


@pytest.fixture
def export(tmp_path):
    """Two documents in two files, and files that are for evaluation."""
    folder = tmp_path / "peoples_speech" / "clean"
    folder.mkdir(parents=True)
    first = [piece(n) for n in range(3)]
    second = [piece(n, "Council_DOT_mp4") for n in range(10, 12)]
    (folder / "train-00000-of-00002.parquet").write_bytes(parquet(first))
    (folder / "train-00001-of-00002.parquet").write_bytes(parquet(second))
    (folder / "test-00000-of-00001.parquet").write_bytes(parquet([piece(20)]))
    return folder


def test_an_export_comes_in(export, bring, store):
    source = PeoplesSpeech(LocalFiles(export))
    assert source.count() == 5
    report = bring(source)
    assert (report.source, report.imported, report.refused) == ("peoples-speech", 5, {})
    clips = store.find()
    assert set(clips["speaker"]) == {
        "peoples-speech:Talk_SLASH_one_DOT_mp3",
        "peoples-speech:Council_DOT_mp4",
    }
    assert set(clips["licence"]) == {"CC BY"}
    assert clips.iloc[0].text == "this is piece number 0"
    assert json.loads(clips.iloc[0].settings) == {
        "container": "clean/train-00000-of-00002.parquet",
        "file": "Talk_SLASH_one_DOT_mp3_00000.flac",
    }
    assert bring(PeoplesSpeech(LocalFiles(export.parent))).known == 5


def test_the_licence_goes_by_the_subset_or_is_given(export, bring, store):
    share_alike = export.rename(export.parent / "dirty_sa")
    bring(PeoplesSpeech(LocalFiles(share_alike)), limit=1)
    assert store.find().iloc[0].licence == "CC BY-SA"
    unknown = share_alike.rename(export.parent.parent / "export")
    with pytest.raises(CorpusError, match="--licence"):
        bring(PeoplesSpeech(LocalFiles(unknown)))
    bring(PeoplesSpeech(LocalFiles(unknown), licence="CC BY 4.0"))
    assert set(store.find()["licence"]) == {"CC BY 4.0"}


def test_a_file_that_is_named_is_read(export, bring):
    report = bring(PeoplesSpeech(LocalFiles(export / "test-00000-of-00001.parquet")))
    assert report.imported == 1


def test_damage_in_an_export_is_refused_with_its_place(export, bring):
    rows = [
        piece(1, audio={"bytes": b"", "path": "1.flac"}),
        piece(2, audio={"bytes": b"no audio", "path": "2.flac"}),
        piece(3, id=""),
        piece(4, duration_ms=9000),
        piece(5),
    ]
    (export / "train-00000-of-00002.parquet").write_bytes(parquet(rows))
    whole = (export / "train-00001-of-00002.parquet").read_bytes()
    (export / "train-00001-of-00002.parquet").write_bytes(whole[: len(whole) // 2])
    pq.write_table(pa.table({"id": ["x"], "sound": [b""]}), export / "train-00002.parquet")
    plain = pa.table({"id": [1], "audio": [b"x"], "duration_ms": [1], "text": ["x"]})
    pq.write_table(plain, export / "train-00003.parquet")
    report = bring(PeoplesSpeech(LocalFiles(export)))
    assert report.imported == 1
    assert report.refused == {
        "the audio cannot be read": 2,
        "the Parquet file cannot be read": 3,
        "the row has no id or no text": 1,
        "the audio lasts otherwise than the corpus says": 1,
    }
    assert report.examples["the audio cannot be read"][0].startswith(
        "clean/train-00000-of-00002.parquet row group 0 row 0"
    )
    cut, odd, plain = report.examples["the Parquet file cannot be read"]
    assert cut.startswith("clean/train-00001-of-00002.parquet: it is damaged")
    assert "no column duration_ms, text, audio" in odd
    assert "audio is binary" in plain


def test_a_row_group_damaged_inside_is_refused_and_the_others_are_taken(export, bring):
    path = export / "train-00000-of-00002.parquet"
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(4)}
    content = bytearray(path.read_bytes())
    start = columns["audio.bytes"].data_page_offset
    content[start : start + 20] = b"\xff" * 20
    path.write_bytes(content)
    report = bring(PeoplesSpeech(LocalFiles(export)))
    assert report.refused == {"the audio cannot be read": 2}
    assert report.imported == 3


def test_a_folder_without_an_export_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(CorpusError, match=r"no \.parquet file"):
            PeoplesSpeech(LocalFiles(path)).count()


@pytest.fixture
def hub(export):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    files = {f"clean/{path.name}": path.read_bytes() for path in export.iterdir()}
    with serve(DATASET, files) as hub:
        yield hub


@pytest.fixture
def waits():
    return []


@pytest.fixture
def streamed(hub, waits):
    return PeoplesSpeech(HubFiles(DATASET, "clean", endpoint=hub.endpoint, sleep=waits.append))


def test_a_subset_is_streamed(streamed, bring, store, hub):
    assert streamed.count() == 6, "two files like the first"
    report = bring(streamed)
    assert (report.imported, report.refused) == (5, {})
    assert set(store.find()["licence"]) == {"CC BY"}
    assert {name for name, _ in hub.served} == {
        "clean/train-00000-of-00002.parquet",
        "clean/train-00001-of-00002.parquet",
    }


def test_streamed_and_exported_are_the_same_recordings(streamed, export, bring):
    assert bring(PeoplesSpeech(LocalFiles(export))).imported == 5
    report = bring(streamed)
    assert (report.imported, report.known) == (0, 5)


def test_no_audio_is_fetched_that_is_not_wanted(hub, waits, bring, monkeypatch):
    monkeypatch.setattr("trainer.corpora.parquet_files.BLOCK_BYTES", 1024)
    large = parquet([piece(n) for n in range(40)], row_group_size=4)
    hub.files = {"clean/train-0.parquet": large}
    monkeypatch.setattr(importing, "BATCH", 4)
    source = PeoplesSpeech(HubFiles(DATASET, "clean", endpoint=hub.endpoint, sleep=waits.append))
    assert bring(source, limit=4).imported == 4
    assert sum(size for _, size in hub.served) < len(large) / 2, "of one row group in ten"
    bring(source)
    hub.served.clear()
    assert bring(source).known == 40
    assert sum(size for _, size in hub.served) < len(large) / 4


def test_a_hub_that_stumbles_is_asked_again(streamed, bring, hub, waits):
    streamed.files.names()
    hub.failures = [500, 429]
    assert bring(streamed).imported == 5
    assert waits == list(PATIENCE_S[: len(waits)])
    assert not hub.failures


def test_a_hub_that_is_away_is_said_and_what_came_is_kept(streamed, bring, store, hub, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)

    def go_away(progress):
        hub.failures = [403] * 99

    with pytest.raises(CorpusUnreachableError, match="run the same command again"):
        bring(streamed, go_away)
    assert len(store.find()) == 2
    hub.failures = []
    report = bring(streamed)
    assert (report.imported, report.known) == (3, 2)


def test_nobody_there_is_said(waits):
    files = HubFiles(DATASET, "clean", endpoint="http://127.0.0.1:9", sleep=waits.append)
    with pytest.raises(CorpusUnreachableError, match=DATASET):
        files.names()
    assert waits == list(PATIENCE_S)


def test_a_subset_that_is_not_there_is_said(hub, waits):
    for dataset, subset in ((DATASET, "cleanest"), ("someone/else", "clean")):
        files = HubFiles(dataset, subset, endpoint=hub.endpoint, sleep=waits.append)
        with pytest.raises(CorpusError, match=f"no {subset} in {dataset}"):
            files.names()
    assert waits == []
