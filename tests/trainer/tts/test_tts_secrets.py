import pytest

from trainer.tts.secrets import HIDDEN, Secret, SecretError, find_secret, secret_files

NAME = "WATCHWORD_TEST_KEY"


@pytest.fixture(autouse=True)
def _unset(monkeypatch):
    monkeypatch.delenv(NAME, raising=False)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_the_environment_comes_first_then_the_files_in_order(tmp_path, monkeypatch):
    first = write(tmp_path / "a.toml", "OTHER = 1\n")
    second = write(tmp_path / "b.toml", f'{NAME} = "from_b"\n')
    third = write(tmp_path / "c.toml", f'{NAME} = "from_c"\n')
    files = [tmp_path / "missing.toml", first, second, third]
    found = find_secret(NAME, files)
    assert found.reveal() == "from_b"
    assert found.origin == str(second)
    monkeypatch.setenv(NAME, " from_environment\n")
    assert find_secret(NAME, files).reveal() == "from_environment"


def test_nothing_is_none(tmp_path):
    assert find_secret(NAME, [tmp_path / "missing.toml"]) is None
    assert find_secret(NAME, []) is None


def test_the_places_are_streamlits_and_the_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "home"))
    for number, place in enumerate(reversed(secret_files())):
        place.parent.mkdir(parents=True)
        write(place, f'{NAME} = "key{number}"\n')
        assert find_secret(NAME).reveal() == f"key{number}"
    folders = [path.resolve().parent for path in secret_files()]
    assert folders == [
        tmp_path / ".streamlit", tmp_path / "user" / ".streamlit", tmp_path / "home",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        f"{NAME} = hush_no_quotes",
        f'{NAME} = "hush_no_end',
        f"{NAME} = 42",
        f'[{NAME}]\nkey = "hush_nested"',
        f'{NAME} = "hush two"',
        f'{NAME} = "hush\\nsecond line"',
        f'{NAME} = ""',
        f'{NAME} = "hush–dash"',
    ],
)
def test_a_damaged_secret_is_said_without_showing_it(tmp_path, text):
    path = write(tmp_path / "secrets.toml", text)
    with pytest.raises(SecretError) as refused:
        find_secret(NAME, [path])
    assert "secrets.toml" in str(refused.value)
    cause = refused.value
    while cause is not None:
        assert "hush" not in repr(cause)
        cause = cause.__cause__


def test_bytes_that_are_no_text_are_said(tmp_path):
    (tmp_path / "secrets.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SecretError, match="no TOML"):
        find_secret(NAME, [tmp_path / "secrets.toml"])
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(SecretError, match="cannot be read"):
        find_secret(NAME, [tmp_path / "folder.toml"])


def test_a_secret_shows_itself_only_when_asked():
    secret = Secret("hush", "the test")
    assert "hush" not in f"{secret} {secret!r} {[secret]}"
    assert secret.hide_in("it is hush, hush") == f"it is {HIDDEN}, {HIDDEN}"
    assert secret.reveal() == "hush"
