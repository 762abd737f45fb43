"""Past runs on this machine come in, how long a preset takes goes out, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from page.wording import duration

if TYPE_CHECKING:
    from db.job_history import PastRuns

MEASURED = {
    "quick": "7 min on two cores, with most of the speech there before",
    "standard": "8 min on two cores, with most of the speech there before",
}
"""What docs/training.md says of machines like none in particular."""
TRAINING_OF_STANDARD = {"best": 3.9}
"""All steps of a preset, those that teach one network too, in those of standard; held against the
presets by a test."""


def how_long(preset: str, runs: PastRuns | None) -> str:
    """Return a sentence: what it took here, or else what is known of other machines."""
    if runs is not None:
        shortest, longest = duration(min(runs.totals_s)), duration(max(runs.totals_s))
        if len(runs.totals_s) == 1:
            return f"The one run here took {longest}."
        span = longest if shortest == longest else f"{shortest} to {longest}"
        return f"The last {len(runs.totals_s)} runs here took {span}."
    if preset in MEASURED:
        return f"Not run here yet; elsewhere {MEASURED[preset]}."
    times = TRAINING_OF_STANDARD.get(preset)
    longer = f"; it trains {times:g} times as long as standard" if times else ""
    return f"Not run here yet{longer}."
