"""Names of clip files come in, a note of them on the disk goes out, until rows and files agree.

A file and a row cannot change in one step. So a writer first notes the files that it is about to
place or remove, and forgets the note when it is done. The note of a process that was killed is
found by the next one that opens the store, which removes the files that got no row.

`clips/unfinished/<name>/` is one writer's batch: its note and its unfinished files. The lock on
`<name>.lock` beside it goes when its process dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from db.clip_files import sync_folder, write_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

UNFINISHED = "unfinished"
_LOCK = ".lock"
_NOTE = "note"


class Batch:
    """The clip files that one writer is about to place or remove."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Where unfinished files may be written."""

    def note(self, paths: Iterable[str]) -> None:
        """Write down the files, paths relative to the clip folder, and wait for the disk.

        Raises:
            ClipWriteError: It could not be written; then nothing may be placed or removed.
        """
        part = self.folder / (_NOTE + ".part")
        try:
            with part.open("w", encoding="utf-8") as file:
                file.writelines(f"{path}\n" for path in paths)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.folder / _NOTE)
        except OSError as error:
            raise write_error(self.folder, error) from error
        sync_folder(self.folder)

    def noted(self) -> list[str]:
        """Return the paths of the note, none when there is none yet."""
        with suppress(FileNotFoundError):
            return (self.folder / _NOTE).read_text(encoding="utf-8").splitlines()
        return []

    def forget(self) -> None:
        """Remove the note and the unfinished files: rows and files agree."""
        shutil.rmtree(self.folder)


@contextmanager
def new_batch(clip_folder: Path) -> Iterator[Batch]:
    """Open a batch and hold its lock for the block, which ends with `forget`.

    A batch that was not forgotten, because the block raised or its process was killed, is left
    to `abandoned_batches`.

    Raises:
        ClipWriteError: The folder cannot be written.
    """
    folder = clip_folder / UNFINISHED / uuid.uuid4().hex
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = _new_lock(folder.with_suffix(_LOCK))
        try:
            folder.mkdir()
        except OSError:
            os.close(lock)
            raise
    except OSError as error:
        raise write_error(clip_folder, error) from error
    try:
        yield Batch(folder)
    finally:
        if not folder.exists():
            folder.with_suffix(_LOCK).unlink()
        os.close(lock)


def abandoned_batches(clip_folder: Path) -> Iterator[Batch]:
    """Yield the batches whose writers are dead; each is locked while it is looked at."""
    folder = clip_folder / UNFINISHED
    for name in sorted(folder.glob(f"*{_LOCK}")):
        try:
            lock = os.open(name, os.O_RDWR)
        except (FileNotFoundError, PermissionError):
            continue  # its writer has just finished; or the folder is another user's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            batch = Batch(name.with_suffix(""))
            if batch.folder.exists():
                yield batch
            if not batch.folder.exists():
                name.unlink(missing_ok=True)
        except BlockingIOError:
            continue  # its writer is at work
        finally:
            os.close(lock)


def _new_lock(path: Path) -> int:
    """Return the descriptor of a new file, locked and still there.

    Between making it and locking it, somebody who clears up may take it for abandoned.
    """
    while True:
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        os.close(lock)
