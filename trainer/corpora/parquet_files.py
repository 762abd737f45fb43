"""A folder, or a dataset of the Hub, in; Parquet files that can be read piece by piece out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeVar

from trainer.corpora.base import CorpusError, CorpusPartMissingError, CorpusUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")
SUFFIX = ".parquet"
EVALUATION = ("test", "validation", "dev")
"""How files begin that are kept for evaluation; they are read only where one is named."""
PATIENCE_S = (1.0, 4.0, 15.0)
"""Waits between attempts to reach the Hub."""
BLOCK_BYTES = 2**20
"""Read ahead at a time: a footer or the texts of a row group fit."""


class ParquetFiles(Protocol):
    """Where Parquet files are."""

    @property
    def near(self) -> bool:
        """Whether opening each of them costs next to nothing."""
        ...

    def names(self) -> list[str]:
        """Return the files in order, with the folders that say what they are."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open one of them for reading here and there; call it through `patiently`."""
        ...

    def patiently(self, read: Callable[[], T]) -> T:
        """Read something out of an open file, once more if need be."""
        ...


@dataclass(frozen=True)
class LocalFiles:
    """A folder with Parquet files, at any depth, or one file."""

    path: Path
    near: bool = True

    def names(self) -> list[str]:
        """Return the files in order, as they are below the folder's parent.

        Raises:
            CorpusError: There is none.
        """
        path = self.path.resolve()
        if path.is_file():
            return ["/".join(path.parts[-2:])]
        found = [
            "/".join((path.name, *child.relative_to(path).parts))
            for child in sorted(path.rglob(f"*{SUFFIX}"))
            if not any(p.startswith(EVALUATION) for p in child.relative_to(path).parts)
        ]
        if not found:
            raise CorpusError(
                f"{self.path} holds no {SUFFIX} file for training: name the folder of the export. "
                "test and validation files are read only where they are named themselves."
            )
        return found

    def open(self, name: str) -> BinaryIO:
        """Open a file of `names`.

        Raises:
            CorpusError: It cannot be opened.
        """
        try:
            path = self.path.resolve()
            above = path.parents[1] if path.is_file() else path.parent
            return (above / name).open("rb")
        except OSError as error:
            raise CorpusError(f"{name} cannot be opened: {error.strerror}.") from error

    def patiently(self, read: Callable[[], T]) -> T:
        """Read once: a disk does not answer better later."""
        return read()


@dataclass(frozen=True)
class HubFiles:
    """The training files of one subset of a dataset, read over HTTPS a range at a time.

    `HF_ENDPOINT` and `HF_TOKEN` are respected, as in every program that uses the Hub.
    """

    dataset: str
    """`OWNER/NAME`."""
    subset: str
    endpoint: str | None = None
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)
    near: bool = False

    def names(self) -> list[str]:
        """Return the files in order, `SUBSET/FILE`.

        Raises:
            CorpusError: There is no such dataset or subset, or it is not open to everybody.
            CorpusUnreachableError: The Hub does not answer.
            CorpusPartMissingError: huggingface_hub is not installed.
        """
        folder = f"datasets/{self.dataset}/{self.subset}"
        found = self.patiently(lambda: self._system().ls(folder, detail=False))
        names = [f"{self.subset}/{str(path).rsplit('/', 1)[-1]}" for path in sorted(found)]
        names = [name for name in names if name.endswith(SUFFIX)]
        train = [n for n in names if not n.rsplit("/", 1)[-1].startswith(EVALUATION)]
        if not train:
            raise CorpusError(f"{self.dataset}/{self.subset} holds no {SUFFIX} file for training.")
        return train

    def open(self, name: str) -> BinaryIO:
        """Open a file of `names`; nothing is kept on the disk."""
        path = f"datasets/{self.dataset}/{name}"
        file: BinaryIO = self._system().open(path, block_size=BLOCK_BYTES)
        return file

    def patiently(self, read: Callable[[], T]) -> T:
        """Read, waiting longer and longer when the Hub does not answer.

        Raises:
            CorpusError: It has no such thing.
            CorpusUnreachableError: It did not answer at all, or refuses.
        """
        from huggingface_hub.errors import (  # noqa: PLC0415 - optional
            HfHubHTTPError,
            RepositoryNotFoundError,
        )

        # Whichever HTTP client this version of the library uses, its errors are among the bases.
        unreachable: tuple[type[Exception], ...] = (OSError, *HfHubHTTPError.__bases__)
        for wait_s in (*PATIENCE_S, None):
            try:
                return read()
            except (FileNotFoundError, RepositoryNotFoundError) as error:
                raise CorpusError(
                    f"The Hub has no {self.subset} in {self.dataset}: check the names; a dataset "
                    "with conditions needs HF_TOKEN."
                ) from error
            except unreachable as error:
                if wait_s is None or _is_refusal(error):
                    raise CorpusUnreachableError(
                        f"The Hub does not give {self.dataset}: {_first_line(error)} What was "
                        "imported is kept; run the same command again to go on."
                    ) from error
                self.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    def _system(self) -> Any:
        try:
            from huggingface_hub import HfFileSystem  # noqa: PLC0415 - optional
        except ImportError as error:
            raise CorpusPartMissingError(
                'The Hub is read by huggingface_hub: pip install "watchword[hub]".'
            ) from error
        return HfFileSystem(endpoint=self.endpoint)


def _first_line(error: BaseException) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"{line.rstrip('.')}."


def _is_refusal(error: BaseException) -> bool:
    """Whether the Hub answered that this is not for us, so that waiting does not help."""
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return 400 <= status < 500 and status != 429
