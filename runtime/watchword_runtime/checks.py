"""A value out of JSON in, the same value of the expected type out, or a `ManifestError`."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from watchword_runtime.errors import ManifestError


def refuse(where: str, problem: str) -> ManifestError:
    """Return the error that says what is wrong with the value at `where`."""
    return ManifestError(f"Manifest: {where} {problem}.")


def check_keys(cls: Any, values: Any, where: str) -> dict[str, Any]:
    """Return `values` if it is an object with exactly the fields of the dataclass `cls`."""
    if not isinstance(values, dict):
        raise refuse(where, f"must be an object, not {type(values).__name__}")
    names = [item.name for item in dataclasses.fields(cls)]
    for name in names:
        if name not in values:
            raise refuse(where, f"has no '{name}'")
    for name in values:
        if name not in names:
            raise refuse(where, f"has an unknown key '{name}'")
    return values


def text(value: Any, where: str) -> str:
    """Return `value` if it is a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise refuse(where, f"must be a text that is not empty, not {value!r}")
    return value


def whole(value: Any, where: str, least: int) -> int:
    """Return `value` if it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(where, f"must be a whole number, not {value!r}")
    if value < least:
        raise refuse(where, f"must be at least {least}, not {value}")
    return value


def number(value: Any, where: str, least: float = 0.0, most: float = math.inf) -> float:
    """Return `value` as a float if it is finite and from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise refuse(where, f"must be a finite number, not {value!r}")
    if not least <= value <= most:
        raise refuse(where, f"must be from {least:g} to {most:g}, not {value:g}")
    return float(value)


def items(value: Any, where: str) -> list[Any]:
    """Return `value` as a list if it is one, or a tuple."""
    if not isinstance(value, (list, tuple)):
        raise refuse(where, f"must be a list, not {type(value).__name__}")
    return list(value)
