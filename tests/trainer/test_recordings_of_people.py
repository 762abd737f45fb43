"""Real recordings, where `WATCHWORD_TEST_DATA` names a folder of them."""

import os
from pathlib import Path

import numpy as np
import pytest

from trainer.recordings import SUFFIXES, find_recordings, read_recording

DATA = os.environ.get("WATCHWORD_TEST_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="WATCHWORD_TEST_DATA names no folder")


def test_every_kind_of_file_is_found_and_read():
    found = find_recordings(Path(DATA))
    kinds = {path.suffix for path in Path(DATA).rglob("*")} & {*SUFFIXES, ".opus", ".ogg"}
    assert {path.suffix for path in found} == kinds
    for kind in sorted(kinds):
        pcm = read_recording(next(path for path in found if path.suffix == kind))
        assert pcm.dtype == np.int16
        assert np.abs(pcm).max() > 100
