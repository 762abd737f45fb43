"""Rates become words, and what the page repeats of the exporters is theirs."""

from __future__ import annotations

import pytest

from page.detector_curve import false_wakes, of_hundred
from page.detector_use import micro_cutoff


@pytest.mark.parametrize(
    ("per_hour", "text"),
    [
        (60.0, "60 false wakes an hour"),
        (2.0, "two false wakes an hour"),
        (1.0, "one false wake an hour"),
        (0.7, "one false wake in 90 minutes"),
        (0.5, "one false wake in two hours"),
        (0.1, "one false wake in ten hours"),
        (1 / 48, "one false wake in two days"),
        (0.0, "no false wake"),
    ],
)
def test_false_wakes(per_hour, text):
    assert false_wakes(per_hour) == text


@pytest.mark.parametrize(("missed", "heard"), [(0.0, 100), (0.001, 99), (0.03, 97), (1.0, 0)])
def test_of_hundred(missed, heard):
    assert of_hundred(missed) == heard


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.62, 0.999999, 1.0])
def test_the_cutoff_is_that_of_the_exporter(threshold):
    from exporters.micro_artifact import cutoff_for

    assert micro_cutoff(threshold, 0.62) == pytest.approx(cutoff_for(threshold, 0.62))
