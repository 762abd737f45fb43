"""A side of the split in, batches of windows out: what every optimiser step learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.dataset import window_frames
from trainer.feature_warp import FeatureWarp, shift_channels, to_length
from trainer.half_floats import padded
from trainer.halves import Halves, Window, joined
from trainer.pasts import StreamStates
from trainer.validation import batch_logits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.dataset import Examples
    from trainer.model import TinyCRNN
    from trainer.render import Scene, Stream
    from trainer.train import TrainConfig


@dataclass(frozen=True)
class Batch:
    """Windows of equal length: the positives, other words in scenes like theirs, the rest."""

    features: NDArray[np.float32]
    """[windows, frames, 40]."""
    starts: NDArray[np.int64]
    """[positives], frame in which the phrase begins."""
    ends: NDArray[np.int64]
    """[positives], frame in which it ends."""
    scenes: int
    """How many windows are from scenes: the positives, the other words, the halves."""
    pasts: NDArray[np.float32]
    """[windows, hidden], a state of the network to begin in: after what came before the window in
    its stream; for scenes, after another stream."""


class Batches:
    """Draws batches for ever."""

    def __init__(self, examples: Examples, config: TrainConfig, hidden: int) -> None:
        """Cut the streams into windows.

        Args:
            examples: a side of the split.
            config: the recipe.
            hidden: width of the network's GRU, whose states the batches carry.
        """
        self.frames = window_frames(examples.positives)
        self._scenes, self._alone = examples.positives, examples.alone
        self._near = WindowPool(examples.near, self.frames, config.pool_hop_frames, hidden)
        self._plain = WindowPool(examples.plain, self.frames, config.pool_hop_frames, hidden)
        self._halves = Halves((*examples.near, *examples.plain))
        self._config = config

    def draw(self, rng: np.random.Generator) -> Batch:
        """Draw one batch."""
        config, warp = self._config, self._config.warp
        phrases = self._crops(self._scenes, config.positives_per_batch, rng)
        phrases = [
            joined(phrase, donor, rng) if rng.random() < config.joined_share else phrase
            for phrase, donor in zip(
                phrases, self._crops(self._scenes, len(phrases), rng), strict=True
            )
        ]
        halved = self._crops(self._scenes, config.halved_per_batch, rng)
        alone = self._crops(self._alone, config.alone_per_batch, rng) if self._alone else []
        near, near_pasts = self._near.draw(config.near_per_batch, config.mined_draws, warp, rng)
        plain, plain_pasts = self._plain.draw(config.plain_per_batch, config.mined_draws, warp, rng)
        scenes = [window.features for window in (*phrases, *alone)]
        scenes += [self._halves.other(window, rng) for window in halved]
        other_pasts = self._plain.pasts.draw(len(scenes), rng)
        windows = [*scenes, *near, *plain]
        windows = [shift_channels(window, warp.draw_shift(rng)) for window in windows]
        return Batch(
            mask_channels(padded(windows), config.mask_share, config.mask_channels, rng),
            np.array([window.start for window in phrases], np.int64),
            np.array([window.end for window in phrases], np.int64),
            len(scenes),
            np.concatenate([other_pasts, near_pasts, plain_pasts]),
        )

    def _crops(self, scenes: Sequence[Scene], count: int, rng: np.random.Generator) -> list[Window]:
        chosen = rng.integers(len(scenes), size=count)
        return [crop_scene(scenes[int(i)], self.frames, self._config, rng) for i in chosen]

    def mine(self, model: TinyCRNN) -> None:
        """Draw the negatives that this model finds loudest more often from now on."""
        self._near.mine(model, self._config.mined_share)
        self._plain.mine(model, self._config.mined_share)

    def remember(self, model: TinyCRNN, share: float, rng: np.random.Generator) -> None:
        """Let the network hear a share of the streams, so that windows begin after their pasts."""
        self._near.pasts.refresh(model, share, rng)
        self._plain.pasts.refresh(model, share, rng)

    def forget(self) -> None:
        """Forget what an earlier network found loud, and the states that it was in."""
        for pool in (self._near, self._plain):
            pool.forget()


class WindowPool:
    """Windows of equal length out of long streams, drawn at random, the mined ones more often."""

    def __init__(
        self, streams: Sequence[Stream], frames: int, hop_frames: int, hidden: int
    ) -> None:
        self.frames = frames
        self.features = [_at_least(stream.features, frames) for stream in streams]
        self._starts = np.array(
            [
                (number, start)
                for number, features in enumerate(self.features)
                for start in range(0, len(features) - frames + 1, hop_frames)
            ],
            np.int64,
        ).reshape(-1, 2)
        self._hop = hop_frames
        self._hard = np.zeros(0, np.int64)
        self.pasts = StreamStates(self.features, self._starts, hidden)
        """The network's states where the windows begin."""

    def draw(
        self, count: int, hard_share: float, warp: FeatureWarp, rng: np.random.Generator
    ) -> tuple[list[NDArray[np.float16]], NDArray[np.float32]]:
        """Draw windows, each moved by up to a hop; `hard_share` of them from the mined ones.

        Returns:
            The windows [frames, channels], and the states [windows, hidden] of their pasts.
        """
        chosen = rng.integers(len(self._starts), size=count)
        if len(self._hard):
            mined = rng.random(count) < hard_share
            chosen[mined] = rng.choice(self._hard, size=int(mined.sum()))
        windows = []
        for number, start in self._starts[chosen]:
            features = self.features[number]
            moved = start + int(rng.integers(-self._hop // 2, self._hop // 2 + 1))
            frames = min(round(self.frames * warp.draw_pace(rng)), len(features))
            moved = min(max(moved, 0), len(features) - frames)
            windows.append(to_length(features[moved : moved + frames], self.frames))
        return windows, self.pasts[chosen]

    def forget(self) -> None:
        """Forget the mined windows and the pasts."""
        self._hard = np.zeros(0, np.int64)
        self.pasts.forget()

    def mine(self, model: TinyCRNN, share: float) -> None:
        """Keep the `share` of windows in whose second half the streaming model is loudest."""
        per_step = model.config.frames_per_step
        loudness = np.empty(len(self._starts), np.float32)
        logits = batch_logits(model, self.features)
        for index, (number, start) in enumerate(self._starts):
            middle, stop = start + self.frames // 2, start + self.frames
            loudness[index] = logits[number][middle // per_step : stop // per_step].max()
        keep = max(1, int(share * len(loudness)))
        self._hard = np.argsort(loudness)[-keep:]


def _at_least(features: NDArray[np.float16], frames: int) -> NDArray[np.float16]:
    """Repeat the start of a stream that is shorter than a window."""
    missing = frames - len(features)
    if missing <= 0:
        return features
    return np.concatenate([np.resize(features, (missing, features.shape[1])), features])


def crop_scene(scene: Scene, frames: int, config: TrainConfig, rng: np.random.Generator) -> Window:
    """Cut a window that ends shortly behind the phrase."""
    pace = config.warp.draw_pace(rng)
    recorded = round(frames * pace)
    right = scene.end_frame + round(pace * int(rng.integers(*config.right_edge_frames)))
    right = min(right, len(scene.features))
    left = right - recorded
    window = scene.features[max(left, 0) : right]
    if left < 0:
        window = np.concatenate([np.repeat(window[:1], -left, axis=0), window])
    start, end = ((at - left) * frames // recorded for at in (scene.start_frame, scene.end_frame))
    return Window(to_length(window, frames), start, end)


def mask_channels(
    batch: NDArray[np.float32], share: float, most: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Silence a random band of channels in some windows (SpecAugment, D. S. Park et al., 2019).

    Args:
        batch: [windows, frames, channels]; it is changed.
        share: of the windows.
        most: channels of a band.
        rng: decides.
    """
    for row in np.nonzero(rng.random(len(batch)) < share)[0]:
        width = int(rng.integers(1, most + 1))
        first = int(rng.integers(0, batch.shape[2] - width))
        batch[row, :, first : first + width] = 0.0
    return batch
