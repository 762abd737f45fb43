import errno
import hashlib

import pytest

from trainer.tts import download as download_module
from trainer.tts.download import DownloadError, download, trusted_certificates

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(download_module, "PAUSE_S", 0.0)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "voice.bin"


def test_a_file_arrives_with_progress_and_nothing_is_left_beside_it(shelf, target):
    shelf.files["/voice"] = CONTENT
    seen = []
    download(f"{shelf.url}/voice", target, SHA256, progress=seen.append)
    assert target.read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    assert [path.name for path in target.parent.iterdir()] == ["voice.bin"]


def test_what_is_there_is_not_asked_for(shelf, target):
    shelf.files["/voice"] = CONTENT
    download(f"{shelf.url}/voice", target, SHA256)
    download(f"{shelf.url}/voice", target, SHA256)
    assert len(shelf.asked) == 1


def test_a_transfer_that_breaks_off_goes_on_where_it_was(shelf, target):
    shelf.files["/voice"] = CONTENT
    shelf.cuts = [100_000, 50_000]
    download(f"{shelf.url}/voice", target, SHA256)
    assert target.read_bytes() == CONTENT
    assert [wanted for _, wanted in shelf.asked] == [None, "bytes=100000-", "bytes=150000-"]


def test_what_arrived_is_kept_for_the_next_call(shelf, target):
    shelf.files["/voice"] = CONTENT
    shelf.cuts = [100_000]
    with pytest.raises(DownloadError, match="100000 of 512000 bytes"):
        download(f"{shelf.url}/voice", target, SHA256, attempts=1)
    assert not target.exists()
    assert (target.parent / "voice.bin.part").stat().st_size == 100_000
    download(f"{shelf.url}/voice", target, SHA256)
    assert target.read_bytes() == CONTENT
    assert shelf.asked[-1][1] == "bytes=100000-"


def test_a_server_without_ranges_starts_from_the_beginning(shelf, target):
    shelf.files["/voice"] = CONTENT
    shelf.ranges = False
    shelf.cuts = [100_000]
    download(f"{shelf.url}/voice", target, SHA256)
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_whole_already_is_taken(shelf, target):
    shelf.files["/voice"] = CONTENT
    target.parent.mkdir()
    (target.parent / "voice.bin.part").write_bytes(CONTENT)
    download(f"{shelf.url}/voice", target, SHA256)
    assert target.read_bytes() == CONTENT


def test_the_beginning_of_another_file_is_thrown_away(shelf, target):
    shelf.files["/voice"] = CONTENT
    target.parent.mkdir()
    (target.parent / "voice.bin.part").write_bytes(b"?" * 1000)
    download(f"{shelf.url}/voice", target, SHA256)
    assert target.read_bytes() == CONTENT


def test_another_content_is_refused_and_deleted(shelf, target):
    shelf.files["/voice"] = CONTENT + b"!"
    with pytest.raises(DownloadError, match=f"instead of {SHA256}"):
        download(f"{shelf.url}/voice", target, SHA256)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(("status", "refused"), [(404, False), (401, True), (403, True)])
def test_a_refusal_is_told_apart(shelf, target, status, refused):
    shelf.statuses["/voice"] = status
    with pytest.raises(DownloadError, match=str(status)) as caught:
        download(f"{shelf.url}/voice", target, SHA256)
    assert caught.value.refused is refused
    assert len(shelf.asked) == 1


def test_a_server_in_trouble_is_asked_again(shelf, target):
    shelf.statuses["/voice"] = 503
    with pytest.raises(DownloadError, match="503"):
        download(f"{shelf.url}/voice", target, SHA256)
    assert len(shelf.asked) == 3


def test_an_unreachable_server_is_named(target):
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9/voice cannot be reached"):
        download("http://127.0.0.1:9/voice", target, SHA256)


def test_a_file_url_is_copied(tmp_path, target):
    source = tmp_path / "source.bin"
    source.write_bytes(CONTENT)
    download(source.as_uri(), target, SHA256)
    assert target.read_bytes() == CONTENT


def test_a_full_disk_is_said(shelf, target, monkeypatch):
    shelf.files["/voice"] = CONTENT

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download_module, "_copy", full)
    with pytest.raises(DownloadError, match=r"disk is full: .* needs 1 MB"):
        download(f"{shelf.url}/voice", target, SHA256)


def test_certificates_given_to_pip_are_trusted(tmp_path, monkeypatch):
    asked = []
    certificates = tmp_path / "company.pem"
    certificates.write_text("")
    monkeypatch.setenv("PIP_CERT", str(certificates))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    monkeypatch.setattr(
        "ssl.SSLContext.load_verify_locations", lambda _self, cafile: asked.append(cafile)
    )
    trusted_certificates()
    assert asked == [str(certificates)]
