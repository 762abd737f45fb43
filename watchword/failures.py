"""An exception in, a sentence for the person who asked and an exit code out."""

from __future__ import annotations

import errno
import sqlite3

from db.clip_files import ClipMissingError, ClipReadError, ClipWriteError
from db.clip_import import ArchiveError
from db.connection import (
    DatabaseFullError,
    DatabaseOpenError,
    DatabaseUrlError,
    DatabaseVersionError,
)
from exporters.errors import ConverterMissingError, ExportError
from trainer.benchmark.hold_out import HoldOutError
from trainer.benchmark.results import ResultsError
from trainer.benchmark.rivals import RivalMissingError
from trainer.casting import NoVoicesError
from trainer.corpora.base import CorpusError, CorpusPartMissingError, CorpusUnreachableError
from trainer.ctc import AcousticModelUnavailableError
from trainer.dataset import SplitError
from trainer.phrases import PhraseError
from trainer.recordings import RecordingError
from trainer.sounds import SoundError
from trainer.tts.base import EngineUnavailableError
from trainer.tts.paid import CostError
from trainer.tts.voices import FetchBusyError
from watchword.errors import NoMaterialError, OptionError, OutTakenError, TrainingMissingError
from watchword.speed import SpeedError
from watchword_runtime import AudioError, BundleError, NoEngineError

WORK_FAILED = 1
BAD_INPUT = 2
SOMETHING_MISSING = 3
NO_SPACE = 4

_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (PhraseError, BAD_INPUT),
    (RecordingError, BAD_INPUT),
    (CorpusError, BAD_INPUT),
    (BundleError, BAD_INPUT),
    (AudioError, BAD_INPUT),
    (ArchiveError, BAD_INPUT),
    (TrainingMissingError, BAD_INPUT),
    (DatabaseUrlError, BAD_INPUT),
    (OutTakenError, BAD_INPUT),
    (OptionError, BAD_INPUT),
    (ResultsError, BAD_INPUT),
    (FileExistsError, BAD_INPUT),
    (PermissionError, BAD_INPUT),
    (NotADirectoryError, BAD_INPUT),
    (IsADirectoryError, BAD_INPUT),
    (NoVoicesError, SOMETHING_MISSING),
    (CostError, SOMETHING_MISSING),
    (EngineUnavailableError, SOMETHING_MISSING),
    (SplitError, SOMETHING_MISSING),
    (NoMaterialError, SOMETHING_MISSING),
    (NoEngineError, SOMETHING_MISSING),
    (HoldOutError, SOMETHING_MISSING),
    (RivalMissingError, SOMETHING_MISSING),
    (CorpusPartMissingError, SOMETHING_MISSING),
    (AcousticModelUnavailableError, SOMETHING_MISSING),
    (DatabaseFullError, NO_SPACE),
    (ConverterMissingError, SOMETHING_MISSING),
    (CorpusUnreachableError, WORK_FAILED),
    (ExportError, WORK_FAILED),
    (ClipWriteError, WORK_FAILED),
    (ClipReadError, WORK_FAILED),
    (ClipMissingError, WORK_FAILED),
    (DatabaseOpenError, WORK_FAILED),
    (DatabaseVersionError, WORK_FAILED),
    (FetchBusyError, WORK_FAILED),
    (SoundError, WORK_FAILED),
    (SpeedError, WORK_FAILED),
)
"""Errors that are foreseen: their message, or the system's with the path, says what to do."""


def _full_disk(error: BaseException | None) -> BaseException | None:
    """Return the error that says so, however deep in the causes, or None."""
    while error is not None:
        if isinstance(error, DatabaseFullError):
            return error
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return error
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return error
        error = error.__cause__ or error.__context__
    return None


def explain(error: Exception) -> str:
    """Return what happened and what to do, in plain words."""
    if (full := _full_disk(error)) is not None:
        where = getattr(full, "filename", None)
        return (
            f"The disk is full{f' ({where})' if where else ''}. Nothing that was finished is lost "
            "and nothing half-written is left: free some space, or choose a disk with room for the "
            "output or, with WATCHWORD_HOME, for everything, and start again."
        )
    if is_foreseen(error):
        if isinstance(error, OSError) and error.strerror and error.filename:  # the system's words
            return f"{error.filename}: {error.strerror}. Choose another place, or change that one."
        return str(error)
    return (
        f"Something went wrong that Watchword did not foresee: {type(error).__name__}: {error}. "
        "Please report it with the log. What was finished is kept; starting again goes on from it."
    )


def exit_code(error: Exception) -> int:
    """Return the exit code of the command that raised it."""
    if _full_disk(error) is not None:
        return NO_SPACE
    return next((code for kind, code in _CODES if isinstance(error, kind)), WORK_FAILED)


def is_foreseen(error: Exception) -> bool:
    """Whether the message alone says all there is to say."""
    return _full_disk(error) is not None or isinstance(error, tuple(kind for kind, _ in _CODES))
