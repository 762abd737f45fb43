"""The ways an export can fail, as named errors."""

from __future__ import annotations


class ExportError(RuntimeError):
    """An artifact that could not be made or missed its bar; the message gives the numbers."""


class ConverterMissingError(ExportError, ImportError):
    """A converter that is not installed; the message says which extra brings it."""
