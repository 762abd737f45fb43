"""A preset's name in, every number of a training run out."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class BucketPlan:
    """How many clips a bucket wants: target = texts × clips_per_text."""

    texts: int
    clips_per_text: int
    growth: int
    """New clips made by every run even when the target is met, so that the database grows."""


@dataclass(frozen=True)
class Preset:
    """The size of a run; every preset runs the same code."""

    name: str
    about: str
    positive: BucketPlan
    confuser: BucketPlan
    in_between: BucketPlan
    plain: BucketPlan
    positive_variants: int
    """Augmented versions of each positive clip."""
    confuser_variants: int
    """Of each confuser and in-between negative, in streams; besides one scene of each confuser."""
    plain_variants: int
    ambient_hours: float
    """Hours of streams without speech: every kind of noise that `trainer.noise` makes."""
    rooms: int
    steps: int
    """Optimiser steps of each training."""
    runs: int = 1
    """Trainings whose outputs are averaged and learnt by one network."""
    taught_steps: int = 0
    """Steps of each round in which that one is taught in noise; 0 for no such round."""
    fragments: int = 0
    """Pieces of what people said, a few words long; what is wanting, others begin to say."""


STANDARD = Preset(
    name="standard",
    about="The balance: more voices; two trainings teach one network.",
    positive=BucketPlan(texts=30, clips_per_text=14, growth=8),
    confuser=BucketPlan(texts=800, clips_per_text=1, growth=8),
    in_between=BucketPlan(texts=60, clips_per_text=2, growth=4),
    plain=BucketPlan(texts=2800, clips_per_text=1, growth=16),
    positive_variants=12,
    confuser_variants=2,
    plain_variants=1,
    ambient_hours=0.3,
    rooms=32,
    steps=2400,
    runs=2,
    taught_steps=900,
    fragments=2000,
)
QUICK = replace(
    STANDARD,
    name="quick",
    about="A first detector in minutes, from half the voices; two trainings teach one network.",
    positive=BucketPlan(texts=24, clips_per_text=10, growth=4),
    confuser=BucketPlan(texts=400, clips_per_text=1, growth=4),
    in_between=BucketPlan(texts=40, clips_per_text=2, growth=2),
    plain=BucketPlan(texts=1400, clips_per_text=1, growth=8),
    fragments=1000,
)
BEST = Preset(
    name="best",
    about="The most voices, and four longer trainings that teach one network: an hour or two.",
    positive=BucketPlan(texts=60, clips_per_text=26, growth=60),
    confuser=BucketPlan(texts=1500, clips_per_text=2, growth=40),
    in_between=BucketPlan(texts=240, clips_per_text=3, growth=20),
    plain=BucketPlan(texts=9000, clips_per_text=1, growth=100),
    positive_variants=16,
    confuser_variants=3,
    plain_variants=2,
    ambient_hours=0.8,
    rooms=128,
    steps=5000,
    runs=4,
    taught_steps=3000,
    fragments=4000,
)
PRESETS = {preset.name: preset for preset in (QUICK, STANDARD, BEST)}
