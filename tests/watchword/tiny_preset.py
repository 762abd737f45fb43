"""Nothing in, the smallest preset that still trains, exports and verifies out."""

from trainer.presets import BucketPlan, Preset

TINY = Preset(
    name="quick",
    about="for tests",
    positive=BucketPlan(texts=4, clips_per_text=20, growth=2),
    confuser=BucketPlan(texts=8, clips_per_text=1, growth=1),
    in_between=BucketPlan(texts=4, clips_per_text=1, growth=1),
    plain=BucketPlan(texts=16, clips_per_text=1, growth=1),
    positive_variants=1,
    confuser_variants=1,
    plain_variants=1,
    ambient_hours=0.02,
    rooms=4,
    steps=40,
)
TARGET = 80 + 8 + 4 + 16
"""Clips of a first run."""
GROWTH = 2 + 1 + 1 + 1
