"""A checkpoint, a manifest and features in; a verified bundle folder and zip for devices out."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import logging
import shutil
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exporters.archive import write_zip
from exporters.errors import ConverterMissingError, ExportError
from exporters.golden import check_features, golden
from exporters.micro_artifact import MICRO, MicroArtifact, micro_artifact
from exporters.model_card import model_card
from exporters.onnx import convert_onnx, embed_onnx
from exporters.quantize import quantize_onnx
from exporters.recipes import INT8_BUDGET_BYTES, SHIPPED, Recipe, slug
from exporters.step import step_spec
from exporters.tflite import convert_tflite, embed_tflite, missing_converter
from exporters.verify import verification_sound, verify
from trainer.model import TinyCRNN, load_checkpoint
from watchword_runtime.manifest import (
    EMBED_KEY,
    GOLDEN_FILE,
    MANIFEST_FILE,
    MEMBER,
    Manifest,
    ModelFile,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from exporters.measure import Pcm
    from exporters.report import VerificationReport
    from exporters.step import Floats

    Progress = Callable[[float, str], None]

logger = logging.getLogger(__name__)

VERIFICATION_FILE = "verification.json"
CARD_FILE = "README.md"
CONVERTED, VERIFIED = 0.25, 0.98
"""Where the progress stands when the files are made, and when they are verified."""


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote and showed."""

    folder: Path
    zip: Path
    files: tuple[ModelFile, ...]
    """In a device's order of preference."""
    skipped: dict[str, str]
    """Format → why it was left out and what to install."""
    verification: VerificationReport
    convert_s: float
    verify_s: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "folder": str(self.folder),
            "zip": str(self.zip),
            "files": [file.to_dict() for file in self.files],
            "skipped": dict(self.skipped),
            "verification": self.verification.to_dict(),
            "convert_s": round(self.convert_s, 2),
            "verify_s": round(self.verify_s, 2),
        }


def export_bundle(
    checkpoint: Path,
    out: Path,
    *,
    manifest: Manifest,
    calibration: Floats,
    sound: Pcm,
    formats: Sequence[str] = tuple(SHIPPED),
    progress: Progress | None = None,
) -> ExportReport:
    """Export a checkpoint as a bundle folder and, beside it, the same as `<out>.zip`.

    Both appear when everything is verified and not before; an older bundle of that name gives way.
    The same checkpoint, manifest, features and program versions give the same bytes.

    Args:
        checkpoint: folder that `trainer.model.save_checkpoint` wrote.
        out: the bundle folder to make.
        manifest: with no files yet, and the step of the checkpoint's configuration.
        calibration: float32 [frames, 40] of at least 60 s, speech with and without the phrase; its
            most certain seconds become the golden vectors.
        sound: int16 [samples] at 16 kHz of at least 60 s, with and without the phrase, on which the
            files are verified.
        formats: names in `exporters.recipes.SHIPPED`, all of them by default.
        progress: called with a share from 0 to 1 and a line of text.

    Raises:
        ExportError: a file missed its bar or could not be made; nothing is left behind.
        ConverterMissingError: none of the formats asked for can be made here.
        FileExistsError: `out` holds something other than a bundle.
        ValueError: unknown format, features or sound that do not do, a manifest of another network.
        CheckpointError: the checkpoint cannot be read.
        OSError: the disk is full or not writable; nothing is left behind.
    """
    tell = progress or (lambda _share, _text: None)
    recipes = _recipes(formats)
    stream = check_features(calibration)
    heard = verification_sound(sound)
    _check_target(out)
    model, _ = load_checkpoint(checkpoint)
    if manifest.files or manifest.step != step_spec(model.config):
        raise ValueError(
            "The manifest must have no files, and the step of this checkpoint: "
            "build it with exporters.step.step_spec(model.config)."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.parent / f".{out.name}.{uuid.uuid4().hex[:8]}.part"
    aside_zip = aside.with_suffix(".zip.part")
    try:
        aside.mkdir()
        started = time.monotonic()
        tell(0.0, "Converting")
        contents, skipped = _convert(model, recipes, manifest, tell)
        names = {recipe: f"{slug(manifest.phrase)}.{recipe.suffix}" for recipe in contents}
        for recipe, content in contents.items():
            _write(aside / names[recipe], content)
        converted = time.monotonic()
        report = verify(
            {aside / name: recipe for recipe, name in names.items()},
            model,
            heard,
            manifest.decision,
            lambda share, text: tell(CONVERTED + share * (VERIFIED - CONVERTED), text),
        )
        verified = time.monotonic()
        tell(VERIFIED, "Writing the bundle")
        files = tuple(
            ModelFile(
                file=names[recipe],
                format=recipe.format,
                precision=recipe.precision,
                bytes=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
            )
            for recipe, content in contents.items()
        )
        whole = dataclasses.replace(manifest, files=files)
        micro = _micro(model, manifest, stream, recipes, skipped)
        checks = report.to_dict(with_times=False)
        if micro is not None:
            checks[MICRO] = micro.to_dict()
            for name, content in micro.files().items():
                _write(aside / name, content)
        _write(aside / MANIFEST_FILE, whole.to_json().encode())
        _write(aside / GOLDEN_FILE, golden(model, stream))
        _write(aside / VERIFICATION_FILE, (json.dumps(checks, indent=2) + "\n").encode())
        _write(aside / CARD_FILE, model_card(whole, report, micro).encode())
        with aside_zip.open("xb") as target:
            write_zip(
                target,
                {f"{out.name}/{file.name}": file.read_bytes() for file in aside.iterdir()},
            )
        target_zip = out.with_name(f"{out.name}.zip")
        _replace(aside, out)
        aside_zip.replace(target_zip)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            errno.ENOSPC, "The disk is full. Free some MB and export again", str(out)
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        aside_zip.unlink(missing_ok=True)
    tell(1.0, "Done")
    return ExportReport(
        folder=out,
        zip=target_zip,
        files=files,
        skipped=skipped,
        verification=report,
        convert_s=converted - started,
        verify_s=verified - converted,
    )


def _recipes(formats: Sequence[str]) -> list[Recipe]:
    """Return the recipes asked for, in order of preference."""
    unknown = sorted(set(formats) - set(SHIPPED))
    if unknown or not formats:
        raise ValueError(
            f"There is no format {', '.join(unknown) or 'asked for'}: choose from "
            f"{', '.join(SHIPPED)}."
        )
    return [recipe for name, recipe in SHIPPED.items() if name in formats]


def _check_target(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST_FILE).is_file()):
        raise FileExistsError(
            f"{out} exists and is no bundle: an export would replace it. Choose another folder."
        )


def _convert(
    model: TinyCRNN, recipes: Sequence[Recipe], manifest: Manifest, tell: Progress
) -> tuple[dict[Recipe, bytes], dict[str, str]]:
    """Return the files' bytes in order of preference, and what was left out and why."""
    missing = missing_converter()
    skipped = {
        recipe.suffix: missing
        for recipe in recipes
        if recipe.format == "tflite" and missing is not None
    }
    for name, reason in skipped.items():
        logger.warning("%s is left out. %s", name, reason)
    left = [recipe for recipe in recipes if recipe.suffix not in skipped]
    if not left:
        raise ConverterMissingError(f"{', '.join(skipped)} cannot be made here. {missing}")
    text = json.dumps(
        manifest.embedded().to_dict(), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    contents: dict[Recipe, bytes] = {}
    onnx_recipes = [recipe for recipe in left if recipe.format == "onnx"]
    if onnx_recipes:
        proto = convert_onnx(model)
        for recipe in onnx_recipes:
            contents[recipe] = embed_onnx(quantize_onnx(proto, recipe.scheme), EMBED_KEY, text)
    tflite_recipes = [recipe for recipe in left if recipe.format == "tflite"]
    if tflite_recipes:
        tell(0.1, "Converting to TFLite")
        models = convert_tflite(model, [recipe.scheme for recipe in tflite_recipes])
        for recipe in tflite_recipes:
            contents[recipe] = embed_tflite(models[recipe.scheme], MEMBER, text)
    for recipe, content in contents.items():
        if recipe.precision == "int8" and len(content) > INT8_BUDGET_BYTES:
            logger.warning(
                "%s weighs %d bytes, more than the %d that an int8 file may: a narrower network or "
                "a shorter provenance would fit.",
                recipe.suffix,
                len(content),
                INT8_BUDGET_BYTES,
            )
    return {recipe: contents[recipe] for recipe in left}, skipped


def _micro(
    model: TinyCRNN,
    manifest: Manifest,
    features: Floats,
    recipes: Sequence[Recipe],
    skipped: dict[str, str],
) -> MicroArtifact | None:
    """Make the microWakeWord model beside int8.tflite; note in `skipped` why not, if it fails.

    A bundle without it still does all that the runtime needs.
    """
    if "int8.tflite" in skipped or all(recipe.suffix != "int8.tflite" for recipe in recipes):
        return None
    try:
        return micro_artifact(model, manifest, features)
    except ExportError as error:
        skipped[MICRO] = str(error)
        logger.warning("%s is left out. %s", MICRO, error)
        return None


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    logger.debug("%s: %d bytes", path.name, len(content))


def _replace(aside: Path, out: Path) -> None:
    """Rename `aside` to `out`; an older bundle is moved away first and back if that fails."""
    if not out.exists():
        aside.rename(out)
        return
    old = aside.with_suffix(".old.part")
    out.rename(old)
    try:
        aside.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
