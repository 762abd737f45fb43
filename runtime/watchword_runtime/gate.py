"""16 kHz samples in, the stretches that are worth hearing out: what is quiet is left out.

A network that waits in a quiet room computes for nothing. The gate measures how loud each 20 ms
is against the quietest of the last seconds, lets everything through while it is louder, and starts
three seconds early. Of a pause shorter than that nothing is lost, and the stream goes on. After a
longer one a new stream begins: a network whose state is from before the gap hears worse than one
that starts on the room, as it did in training, and has the time to settle there.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from watchword_runtime.frontend import SAMPLE_RATE_HZ, Pcm

OPEN_DB = 4.0
"""How far above the room a block opens the gate. Blocks of steady noise vary by 1 dB."""
PRE_ROLL_S = 3.0
"""What is heard of before the gate opened: the start of the word, and room to settle on. With 1 s
three of four phrases were missed that are heard without a gate, with 2 s about none
(`exporters.gate_report`); to hear 3 s costs milliseconds."""
HOLD_S = 1.5
"""How long the gate stays open after the last loud block."""

_BLOCK_S = 0.02
_BLOCK_SAMPLES = round(_BLOCK_S * SAMPLE_RATE_HZ)
_FLOOR_PART_S, _FLOOR_PARTS = 0.5, 16
"""The room is the quietest block of the last 8 s: people and music pause within that."""
_SILENCE_POWER = 1.0
"""1 unit of int16: dither. Nothing as soft is a word."""
_MEAN_SAMPLES = 47
"""Less the mean of 3 ms around a sample, hum and rumble are gone (50 Hz: 29 dB down): the network
does not hear them, so they must not hide a word."""


def _blocks(seconds: float) -> int:
    return round(seconds / _BLOCK_S)


class Piece(NamedTuple):
    """Samples that belong together."""

    start: int
    """How many samples came before the first of them, heard or left out."""
    pcm: Pcm
    fresh: bool
    """Whether samples were left out just before."""


class Gate:
    """Leaves out what is quiet. Audio cut into chunks of any length gives the same samples."""

    def __init__(self, open_db: float = OPEN_DB) -> None:
        """Start open; `open_db` above the quietest of the last seconds is loud."""
        self._open_ratio = 10.0 ** (open_db / 10.0)
        self._position = 0
        self.reset()

    def reset(self) -> None:
        """Forget how loud the room is; positions go on."""
        self._rest = np.empty(0, dtype=np.int16)
        self._last_samples = np.zeros(_MEAN_SAMPLES - 1, dtype=np.int16)
        self._before: deque[Pcm] = deque(maxlen=_blocks(PRE_ROLL_S))
        self._lost = False
        """Whether blocks fell out of `_before` unheard."""
        self._minima: deque[float] = deque([math.inf], maxlen=_FLOOR_PARTS)
        self._part_blocks = 0
        # Open at first: the floor is not known yet.
        self._open_blocks = _blocks(HOLD_S)

    def process(self, pcm: Pcm) -> list[Piece]:
        """Take int16 [samples], any number of them; return the pieces of it to be heard.

        A piece may begin up to `PRE_ROLL_S` before these samples; up to 20 ms of them are kept
        for the next call.
        """
        data = np.concatenate([self._rest, pcm]) if len(self._rest) else pcm
        count = len(data) // _BLOCK_SAMPLES
        used = count * _BLOCK_SAMPLES
        self._rest = data[used:].copy()
        pieces: list[Piece] = []
        if count == 0:
            return pieces
        loud = self._loud(data[:used].reshape(count, _BLOCK_SAMPLES))
        first = -1  # of the blocks of this call that are open and not yet in a piece
        for index in range(count):
            if loud[index]:
                if self._open_blocks == 0:
                    pieces += self._early(index)
                self._open_blocks = _blocks(HOLD_S) + 1
            if self._open_blocks:
                self._open_blocks -= 1
                first = index if first < 0 else first
                continue
            if first >= 0:
                pieces.append(self._piece(data, first, index))
                first = -1
            self._lost = self._lost or len(self._before) == self._before.maxlen
            self._before.append(data[index * _BLOCK_SAMPLES :][:_BLOCK_SAMPLES].copy())
        if first >= 0:
            pieces.append(self._piece(data, first, count))
        self._position += used
        return pieces

    def flush(self) -> list[Piece]:
        """Return what is left of an unfinished block, if the gate is open: the sound has ended."""
        rest, self._rest = self._rest, self._rest[:0]
        start = self._position
        self._position += len(rest)
        return [Piece(start, rest, fresh=False)] if len(rest) and self._open_blocks else []

    def _piece(self, data: Pcm, first: int, end: int) -> Piece:
        part = slice(first * _BLOCK_SAMPLES, end * _BLOCK_SAMPLES)
        return Piece(self._position + part.start, data[part], fresh=False)

    def _early(self, index: int) -> list[Piece]:
        """Return what came before block `index` of this call, and forget it."""
        early, fresh = list(self._before), self._lost
        self._before.clear()
        self._lost = False
        start = self._position + (index - len(early)) * _BLOCK_SAMPLES
        return [Piece(start, np.concatenate(early), fresh)] if early else []

    def _loud(self, blocks: Pcm) -> list[bool]:
        """Return of int16 [blocks, samples] which are louder than the room."""
        samples = np.concatenate([self._last_samples, blocks.ravel()])
        self._last_samples = samples[-(_MEAN_SAMPLES - 1) :]
        sums = np.cumsum(samples, dtype=np.int64)
        sums[_MEAN_SAMPLES:] -= sums[:-_MEAN_SAMPLES].copy()
        half = _MEAN_SAMPLES // 2
        high = samples[half:-half] - sums[_MEAN_SAMPLES - 1 :] * (1.0 / _MEAN_SAMPLES)
        high = high.reshape(blocks.shape)
        power = np.einsum("ij,ij->i", high, high) / _BLOCK_SAMPLES
        loud = []
        for level in power.tolist():
            self._minima[-1] = min(self._minima[-1], level)
            loud.append(level > max(_SILENCE_POWER, min(self._minima)) * self._open_ratio)
            self._part_blocks += 1
            if self._part_blocks == _blocks(_FLOOR_PART_S):
                self._part_blocks = 0
                self._minima.append(level)
        return loud
