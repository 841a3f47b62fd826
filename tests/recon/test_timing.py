"""Times are collected where they are asked for, and nowhere else."""

import time

from recon.timing import timed, timings


def test_parts_add_up_by_name_and_only_inside_the_block() -> None:
    with timed("before"):
        time.sleep(0)
    with timings() as outer:
        with timed("one"):
            time.sleep(0.002)
        with timings() as inner, timed("two"):
            time.sleep(0)
        with timed("one"):
            time.sleep(0.002)
    assert list(outer) == ["one"]
    assert list(inner) == ["two"]
    assert outer["one"] >= 0.004
