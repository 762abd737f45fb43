"""Threads side by side have their share of the cores, and leave none behind them."""

import os
import threading

import pytest
import torch

from trainer.side_threads import AT_ONCE, side_threads


def test_calls_run_at_the_same_time_and_threads_share_the_cores():
    before = torch.get_num_threads()
    together = threading.Barrier(AT_ONCE, timeout=10)

    def call():
        together.wait()
        return torch.get_num_threads()

    with side_threads() as threads:
        counts = [call.result() for call in [threads.submit(call) for _ in range(AT_ONCE)]]
    assert counts == [max(1, min(before, (os.cpu_count() or 1) // AT_ONCE))] * AT_ONCE
    assert torch.get_num_threads() == before


def test_what_was_not_begun_is_left_when_something_fails():
    done = []
    held = threading.Event()

    def fail():
        with side_threads() as threads:
            for _ in range(AT_ONCE):
                threads.submit(held.wait, 10)
            threads.submit(done.append, 1)
            threading.Timer(0.2, held.set).start()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert not done
