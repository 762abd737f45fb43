"""What the composition itself refuses; messages are for the person who asked."""

from __future__ import annotations


class OutTakenError(FileExistsError):
    """The folder for the bundle holds something that is no detector."""


class TrainingMissingError(ValueError):
    """A folder holds no finished training, or a damaged one."""


class NoMaterialError(RuntimeError):
    """There is nothing to learn phonemes from."""


class OptionError(ValueError):
    """Options of a command do not go together; the message says what to add."""
