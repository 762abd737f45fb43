"""A script: the real worker with a tiny preset named "quick" and ONNX alone, for test_worker.py.

`--hold STAGE` stops the time: at the first progress inside the stage the worker waits for ever,
with everything running that runs then, so that a test can kill it there.
"""

from __future__ import annotations

import argparse
import functools
import logging
import sys
import time


def main() -> None:
    # Processes that the worker spawns import this file too, and must get no further than here.
    from exporters import verify
    from tests.watchword.tiny_preset import TINY
    from trainer.presets import PRESETS
    from watchword import exporting, worker

    options = argparse.ArgumentParser()
    options.add_argument("--hold", default="")
    options.add_argument("--wait", action="store_true", help="for more jobs, until told to stop")
    options.add_argument("--cores", type=int)
    arguments = options.parse_args()
    hold = arguments.hold
    PRESETS["quick"] = TINY
    verify.SOUND_S = verify.DRIFT_S = 60.0
    exporting.export_bundle = functools.partial(exporting.export_bundle, formats=("onnx",))
    report = worker._JobReport.__call__

    def held(self, progress):
        report(self, progress)
        if progress.stage == hold and 0 < progress.fraction < 1:
            sys.stderr.write("holding\n")
            time.sleep(600)

    worker._JobReport.__call__ = held
    logging.basicConfig(level=logging.INFO)
    worker.work(once=not arguments.wait, cores=arguments.cores)


if __name__ == "__main__":
    main()
