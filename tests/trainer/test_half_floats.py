"""torch's conversions give what numpy's give."""

import numpy as np
import pytest

from trainer.half_floats import narrowed, padded, widened

VALUES = np.array([[0.0, -0.0, 1 / 3, 26.1], [6e-8, 65504.0, -7.77, np.inf]], np.float32)


def test_halves_are_what_numpy_makes_of_them():
    halves = narrowed(VALUES)
    assert halves.dtype == np.float16
    np.testing.assert_array_equal(halves, VALUES.astype(np.float16))
    singles = widened(halves)
    assert singles.dtype == np.float32
    np.testing.assert_array_equal(singles, halves.astype(np.float32))


def test_a_view_of_columns_can_be_widened():
    halves = VALUES.astype(np.float16).T
    np.testing.assert_array_equal(widened(halves), halves.astype(np.float32))


@pytest.mark.filterwarnings("error")
def test_what_must_not_be_written_to_can_be_read():
    halves = VALUES.astype(np.float16)
    halves.flags.writeable = False
    np.testing.assert_array_equal(widened(halves), halves.astype(np.float32))


def test_shorter_streams_have_zeros_behind_them():
    short, long = np.ones((2, 4), np.float16), np.full((3, 4), 2, np.float16)
    batch = padded([short, long])
    assert batch.dtype == np.float32
    assert batch.shape == (2, 3, 4)
    assert (batch[0, :2] == 1).all()
    assert (batch[0, 2] == 0).all()
    assert (batch[1] == 2).all()
