"""Which recorded sounds a detector's provenance names: those that training heard, no others."""

import numpy as np
import soundfile

from trainer.dataset import Dataset, Examples
from trainer.render import AmbientTask, Renderer
from trainer.sounds import SoundKind, add_sounds, list_sounds
from trainer.split import Side
from trainer.surroundings import open_surroundings
from watchword.provenance import _sounds


def test_sources_and_licences_of_what_was_heard(tmp_path):
    rng = np.random.default_rng(0)
    for source in ("street", "kitchen"):
        (tmp_path / source).mkdir()
        for number in range(4):
            noise = 0.1 * rng.standard_normal(8000)
            soundfile.write(tmp_path / source / f"{number}.wav", noise, 16_000)
        add_sounds(tmp_path / "s", SoundKind.NOISE, tmp_path / source, licence="CC0", source=source)
    renderer = Renderer(open_surroundings(0, 0, [], tmp_path / "s"))
    streams = tuple(renderer.render(AmbientTask(1.0, (n,)))[0] for n in range(60))
    dataset = Dataset(Examples((), (), streams), Examples((), (), ()), {}, 0)
    sounds = list_sounds(tmp_path / "s", SoundKind.NOISE)
    expected = {}
    for sound in sounds:
        if sound.side is Side.TRAIN:
            entry = expected.setdefault(f"{sound.source} (CC0)", {"noise": 0})
            entry["noise"] += 1
    assert expected
    assert _sounds(dataset, tmp_path / "s") == expected
    assert _sounds(dataset, None).startswith("none")
