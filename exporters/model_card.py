"""A manifest and its verification in, the bundle's README out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporters.micro_card import micro_section

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporters.micro_artifact import MicroArtifact
    from exporters.report import VerificationReport
    from watchword_runtime.manifest import Manifest


def model_card(
    manifest: Manifest, report: VerificationReport, micro: MicroArtifact | None = None
) -> str:
    """Return Markdown: how to use the detector, what it measured, what it was made from."""
    title = (
        f"# {manifest.phrase}\n\nA wake-word detector for “{manifest.phrase}” "
        f"({manifest.language}), made with Watchword."
    )
    sections = [
        title,
        _usage(manifest),
        _files(manifest),
        _decision(manifest),
        *([] if micro is None else [micro_section(manifest, micro)]),
        _verification(report),
        _provenance(manifest.provenance),
    ]
    return "\n\n".join(sections) + "\n"


def _usage(manifest: Manifest) -> str:
    first = manifest.files[0].file
    return f"""## Use it

On a Raspberry Pi or any Linux machine with Python:

```sh
pip install "watchword-runtime[litert]"    # or [onnx], or [tflite] on Python 3.11 and older
watchword-listen .                         # the default microphone
watchword-listen . --wav recording.wav
watchword-listen . --self-test
```

`.` is this folder; the zip, or `{first}` alone, works as well. From Python:

```python
from watchword_runtime.detector import Detector

stream = Detector.load(".").stream()
for detection in stream.process(pcm):      # 16 kHz mono int16, chunks of any length
    print(detection.phrase, detection.time_s, detection.score)
```"""


def _files(manifest: Manifest) -> str:
    rows = [
        (f"`{file.file}`", file.format, file.precision, f"{file.bytes:,}", f"`{file.sha256}`")
        for file in manifest.files
    ]
    return (
        "## Files\n\nThe first that an installed engine can run is used. Each carries the manifest "
        "and works alone.\n\n" + _table(("file", "format", "precision", "bytes", "SHA-256"), rows)
    )


def _decision(manifest: Manifest) -> str:
    rule = manifest.decision
    steps = "step" if rule.smoothing_steps == 1 else "steps"
    text = (
        f"## Decision\n\nA score every {manifest.step.step_s * 1e3:.0f} ms, averaged over "
        f"{rule.smoothing_steps} {steps}. A detection is a score of at least {rule.threshold:.4g}, "
        f"not within {rule.refractory_s:g} s after the last one."
    )
    if not manifest.operating_points:
        return text + "\n\nNo operating points were measured."
    rows = [
        (
            f"{point.false_accepts_per_hour:.3g}",
            f"{point.upper_95:.3g}",
            f"{point.threshold:.4g}",
            "not measured" if point.miss_rate is None else f"{point.miss_rate:.1%}",
            f"{point.audio} ({point.hours:.3g} h)",
        )
        for point in manifest.operating_points
    ]
    heads = ("false accepts per hour", "at most (95 %)", "threshold", "miss rate", "measured on")
    return text + "\n\n" + _table(heads, rows)


def _verification(report: VerificationReport) -> str:
    rows = [
        (
            f"`{check.file}`",
            check.engine,
            f"{check.max_error:.2g}",
            f"{check.p99_error:.2g}",
            f"{check.max_bar:.2g}",
            f"{check.score_error:.2g}",
            str(check.changed),
            f"{check.drift:.2g}",
        )
        for check in report.checks
    ]
    heads = (
        *("file", "engine", "max error", "p99 error", "allowed"),
        *("score error", "detections that differ", "drift"),
    )
    text = (
        "## Verification\n\nEach file on each engine against PyTorch, over "
        f"{report.stream_s:.0f} s of sound in chunks of odd lengths ({report.steps:,} steps, "
        f"{report.detections} detections). Errors are in logits, which spanned "
        f"{report.logit_min:.1f} to {report.logit_max:.1f}; the score error is of the scores that "
        "a stream gave. Drift is how far the error of a logit moved for the same sound at the end "
        f"of {report.drift_s / 60:.0f} minutes of stream.\n\n" + _table(heads, rows)
    )
    for engine, reason in report.engines_not_run.items():
        text += f"\n\nNot run on {engine}: {reason}."
    return text


def _provenance(values: dict[str, Any]) -> str:
    lines = list(_listed(values, 0)) or ["Nothing was recorded."]
    return "## Provenance and licences\n\n" + "\n".join(lines)


def _listed(value: Any, depth: int) -> Iterable[str]:
    """Render nested JSON values as a nested Markdown list."""
    indent = "  " * depth
    pairs: Iterable[tuple[str, Any]]
    pairs = value.items() if isinstance(value, dict) else (("", item) for item in value)
    for key, item in pairs:
        label = f"{key}: " if key else ""
        if isinstance(item, dict | list) and item:
            yield f"{indent}- {label}".rstrip()
            yield from _listed(item, depth + 1)
        else:
            yield f"{indent}- {label}{_one_line(item)}"


def _one_line(value: Any) -> str:
    return "none" if value in (None, [], {}) else " ".join(str(value).split())


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines
    )
