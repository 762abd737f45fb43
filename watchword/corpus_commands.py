"""Parsed arguments in, exit code out: one function a verb of `watchword corpus`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

VERBS: dict[str, Callable[[argparse.Namespace], int]] = {}
"""Each verb as it is typed → what it does. Its page is docs/commands/watchword-corpus-VERB.md."""
