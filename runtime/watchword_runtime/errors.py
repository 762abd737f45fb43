"""The faults a detector can meet, as named errors; each is also the builtin a caller expects."""

from __future__ import annotations


class BundleError(ValueError):
    """A bundle or model file that cannot be used; the message names the file and the way out."""


class BundleNotFoundError(BundleError, FileNotFoundError):
    """The bundle, or a file that its manifest lists, is missing."""


class DamagedBundleError(BundleError):
    """A file is truncated or its SHA-256 differs from the manifest's."""


class NotABundleError(BundleError):
    """The path holds something other than a Watchword bundle or model file."""


class ManifestError(BundleError):
    """A manifest with an unknown, missing, ill-typed or impossible value; the message names it."""


class ModelError(BundleError):
    """A model file that its engine refuses, or that does not fit the manifest's step signature."""


class SignatureError(BundleError):
    """A public key was given and the bundle was not signed with it, or changed since."""


class SignatureUnavailableError(SignatureError, ImportError):
    """A public key was given and the package that checks signatures is not installed."""


class NoEngineError(RuntimeError):
    """No installed engine can run any of the bundle's files; the message says what to install."""


class AudioError(ValueError):
    """Audio that cannot be read; the message names the file and the way out."""


class MicrophoneError(OSError):
    """A microphone that cannot be opened or has gone; the message says what to do."""
