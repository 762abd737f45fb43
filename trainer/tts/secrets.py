"""A name in, the secret of that name out: from the environment or a `secrets.toml`.

A secret is read where it is used, in the process that uses it. It goes into no job, row, setting,
message or pickle.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from db.connection import home

if TYPE_CHECKING:
    from collections.abc import Sequence

SECRETS_FILE = "secrets.toml"
HIDDEN = "***"


class SecretError(ValueError):
    """A file of secrets cannot be read, or what it holds is no secret; the message names it."""


class Secret:
    """A text that shows itself only when it is asked to."""

    __slots__ = ("_text", "origin")

    def __init__(self, text: str, origin: str) -> None:
        """Keep a secret.

        Raises:
            SecretError: it is empty or has characters that no header of a request may have.
        """
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise SecretError(
                f"The key in {origin} is empty, or holds spaces, line breaks or letters that no "
                f"key has: copy it again."
            )
        self._text = text
        self.origin = origin
        """Where it was found, for messages."""

    def reveal(self) -> str:
        """Return the secret itself, to be handed to the service that it is for."""
        return self._text

    def hide_in(self, text: str) -> str:
        """Return a text of others, such as a server's answer, without the secret."""
        return text.replace(self._text, HIDDEN)

    def __repr__(self) -> str:
        return f"Secret({HIDDEN} from {self.origin})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not handed on: the other process reads it for itself.")


def secret_files() -> list[Path]:
    """Return where secrets are looked for: Streamlit's two places, then Watchword's home."""
    streamlit = Path(".streamlit") / SECRETS_FILE
    return [streamlit, Path.home() / streamlit, home() / SECRETS_FILE]


def find_secret(name: str, files: Sequence[Path] | None = None) -> Secret | None:
    """Look a secret up.

    Args:
        name: the environment's variable, and the key at the top of a `secrets.toml`; the
            environment comes first.
        files: where to look after it, first one first; `secret_files()` by default.

    Raises:
        SecretError: a file is no TOML, cannot be read, or holds something else than a text there.
    """
    if text := os.environ.get(name, "").strip():
        return Secret(text, f"the environment's {name}")
    for path in secret_files() if files is None else files:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            # Their messages, and the text that they carry along, may show what the file holds.
            raise SecretError(
                f'{path} is no TOML file: write each secret as {name} = "…" in quotes.'
            ) from None
        except OSError as error:
            raise SecretError(f"{path} cannot be read ({error.strerror}).") from error
        if name in values:
            text = values[name]
            if not isinstance(text, str):
                raise SecretError(f'{path} holds no text for {name}: write {name} = "…" in quotes.')
            return Secret(text.strip(), str(path))
    return None
