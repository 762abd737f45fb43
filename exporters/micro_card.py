"""A microWakeWord artifact in, the README's section on ESPHome and Home Assistant's clients out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.micro_artifact import CUTOFF, cutoff_for

if TYPE_CHECKING:
    from exporters.micro_artifact import MicroArtifact
    from watchword_runtime.manifest import Manifest


def micro_section(manifest: Manifest, micro: MicroArtifact) -> str:
    """Return Markdown: the YAML for ESPHome, and a cutoff for each operating point."""
    check = micro.check
    text = f"""## On an ESP32, and in Home Assistant's clients

`{micro.name}.json` and `.tflite` are a microWakeWord model of version 2. Copy both beside
the YAML of a device with ESPHome {micro.manifest["micro"]["minimum_esphome_version"]} or later:

```yaml
micro_wake_word:
  models:
    - model: {micro.name}.json
      probability_cutoff: {CUTOFF:.1%}
```

Its probability is one half at this detector's threshold. Against PyTorch over {check.steps:,} steps
it differs by up to {check.max_error:.3f} of 1, p99 {check.p99_error:.3f}; {check.flips} decisions
differ."""
    if not manifest.operating_points:
        return text
    decision = manifest.decision.threshold
    rows = [
        f"| {point.false_accepts_per_hour:.3g} | {cutoff_for(point.threshold, decision):.1%} |"
        for point in manifest.operating_points
    ]
    table = ["| false accepts per hour | probability_cutoff |", "| --- | --- |", *rows]
    return text + "\n\n" + "\n".join(table)
