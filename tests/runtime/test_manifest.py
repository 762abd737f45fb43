from __future__ import annotations

import json
from dataclasses import replace

import pytest

from watchword_runtime.manifest import (
    Decision,
    Manifest,
    ManifestError,
    ModelFile,
    OperatingPoint,
    StateSpec,
    StepSpec,
)


@pytest.fixture
def manifest(tiny) -> Manifest:
    return replace(
        tiny.manifest,
        files=(ModelFile("tiny.onnx", "onnx", "fp32", 10, "0" * 64),),
        operating_points=(
            OperatingPoint(0.5, 0.9, 0.7, 0.03, "speech", 12.5),
            OperatingPoint(2.0, 2.9, 0.6, None, "speech", 12.5),
        ),
    )


def test_json_round_trip(manifest):
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert Manifest.from_json(manifest.embedded().to_json()) == replace(manifest, files=())


def places(values: object, where: tuple = ()) -> list[tuple]:
    """Every key of the nested objects, except inside the free-form provenance."""
    found = []
    if isinstance(values, dict):
        for key, value in values.items():
            found.append((*where, key))
            if key != "provenance":
                found += places(value, (*where, key))
    elif isinstance(values, list):
        for index, value in enumerate(values):
            found += places(value, (*where, index))
    return found


def change(values: dict, place: tuple, action: str) -> dict:
    values = json.loads(json.dumps(values))
    inner = values
    for key in place[:-1]:
        inner = inner[key]
    if action == "remove":
        del inner[place[-1]]
    elif action == "add":
        inner[f"{place[-1]}_more"] = 1
    else:
        inner[place[-1]] = {"set": "of a wrong type"} if place[-1] != "provenance" else 5
    return values


@pytest.mark.parametrize("action", ["remove", "add", "retype"])
def test_every_missing_unknown_or_ill_typed_key_is_named(manifest, action):
    values = manifest.to_dict()
    for place in places(values):
        named = f"{place[-1]}_more" if action == "add" else str(place[-1])
        with pytest.raises(ManifestError, match=named):
            Manifest.from_dict(change(values, place, action))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "5", '{"format_version": 1}'])
def test_other_json_is_refused(text):
    with pytest.raises(ManifestError):
        Manifest.from_json(text)


def test_a_newer_format_asks_for_an_update(manifest):
    values = {"format_version": 2, "something": "new"}
    with pytest.raises(ManifestError, match="update watchword-runtime"):
        Manifest.from_dict(values)


@pytest.mark.parametrize("name", ["../evil.onnx", "/etc/passwd", "a\\b.onnx", "..", "c:x.onnx", ""])
def test_a_file_name_is_never_a_path(name):
    with pytest.raises(ManifestError, match=r"files\.file"):
        ModelFile(name, "onnx", "fp32", 10, "0" * 64)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Decision(threshold=1.5), "threshold"),
        (lambda: Decision(threshold=float("nan")), "threshold"),
        (lambda: Decision(threshold=0.5, smoothing_steps=0), "smoothing_steps"),
        (lambda: Decision(threshold=0.5, refractory_s=-1), "refractory_s"),
        (lambda: Decision(threshold=0.5, warmup_steps=True), "warmup_steps"),
        (lambda: StepSpec(0, "x", "y", ()), "frames"),
        (lambda: StepSpec(3, "x", "y", (StateSpec("x", (1,)),)), "twice"),
        (lambda: StateSpec("x", (1, 0)), "shape"),
        (lambda: ModelFile("a.onnx", "pickle", "fp32", 1, "0" * 64), "format"),
        (lambda: ModelFile("a.onnx", "onnx", "fp32", 1, "zz"), "sha256"),
    ],
)
def test_impossible_values_are_named(make, named):
    with pytest.raises(ManifestError, match=named):
        make()
