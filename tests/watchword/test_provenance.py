"""What a detector's provenance says of recorded sounds and of people: what training heard, once."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import soundfile

from trainer.dataset import Dataset, Examples
from trainer.render import AmbientTask, Renderer
from trainer.sounds import SoundKind, add_sounds, list_sounds
from trainer.split import Side
from trainer.surroundings import open_surroundings
from watchword.provenance import _recordings, _sounds


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


def test_what_was_cut_out_of_a_recording_adds_no_hours():
    def rows(*clips):
        names = ["engine", "sha256", "settings", "seconds", "speaker", "source", "licence"]
        return SimpleNamespace(clips=pd.DataFrame(clips, columns=names))

    whole = ("recording", "a", "{}", 1800.0, "anna", "talks", "CC0-1.0")
    piece = ("cut", "b", '{"of": "a"}', 900.0, "anna", "talks", "CC0-1.0")
    lone = ("cut", "c", '{"of": "gone"}', 360.0, "bert", "talks", "CC0-1.0")
    spoken = ("espeak", "d", "{}", 720.0, "espeak:en", "synthetic", "none")
    corpus = SimpleNamespace(buckets={"plain": rows(whole, spoken), "confuser": rows(piece, lone)})
    assert _recordings(corpus) == {"talks (CC0-1.0)": {"clips": 3, "hours": 0.6, "people": 2}}
    assert _recordings(SimpleNamespace(buckets={"plain": rows(spoken)})).startswith("none")
