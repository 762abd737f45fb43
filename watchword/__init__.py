"""The composition root: the only place that knows every part, and the command line on top of it."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
"""Before torch is imported, here and in every process that is started from here: its threads sleep
while they wait for each other. They spin otherwise, and where anything else wants the cores, a step
of training took 260 to 460 ms on two of them instead of 58 (docs/training.md)."""
