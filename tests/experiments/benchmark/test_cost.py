"""Measure work of known time and memory."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from recon.data.errors import InputError
from recon.experiments.benchmark.cost import peak_memory, peak_of_command, timed

MEBIBYTE = 2**20


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_sleeping_costs_the_clock_and_working_costs_both() -> None:
    _, asleep = timed(lambda: time.sleep(0.2))
    assert asleep.wall > 0.19
    assert asleep.cpu < 0.1
    _, busy = timed(lambda: burn(0.2))
    assert busy.cpu > 0.19


def test_seconds_of_a_child_process_count() -> None:
    code = "import time\nwhile time.process_time() < 0.3: pass"
    _, seconds = timed(lambda: subprocess.run([sys.executable, "-c", code], check=True))
    assert seconds.cpu > 0.25


def test_the_result_of_timed_work_is_returned() -> None:
    assert timed(lambda: 42)[0] == 42


@pytest.mark.parametrize("ones", [lambda size: np.ones(size, np.uint8), lambda size: torch.ones(size).byte()])
def test_memory_of_numpy_and_torch_is_counted_every_time(ones) -> None:
    for _ in range(2):
        peak = peak_memory(lambda: (ones(64 * MEBIBYTE), time.sleep(0.02)))
        assert 56 * MEBIBYTE < peak < 400 * MEBIBYTE


def test_memory_of_a_child_process_is_counted() -> None:
    code = "import time; held = bytearray(64 * 2**20); time.sleep(0.1)"
    peak = peak_memory(lambda: subprocess.run([sys.executable, "-c", code], check=True))
    assert peak > 60 * MEBIBYTE


@pytest.mark.slow
def test_a_forked_child_that_has_not_started_its_program_is_not_counted() -> None:
    held = np.ones(256 * MEBIBYTE, np.uint8)
    peaks = [peak_memory(lambda: subprocess.run(["/bin/sh", "-c", ":"], check=True)) for _ in range(6)]
    assert max(peaks) < held.nbytes / 2


def test_the_peak_of_a_program_excludes_this_process_and_includes_short_peaks() -> None:
    held = np.ones(256 * MEBIBYTE, np.uint8)
    code = "import time; bytearray(64 * 2**20); time.sleep(0.2)"
    assert 64 * MEBIBYTE < peak_of_command([sys.executable, "-c", code]) < held.nbytes / 2


def test_the_peak_of_a_program_is_that_of_its_largest_process_and_reads_its_environment() -> None:
    child = "import os, time; bytearray(int(os.environ['HELD']) * 2**20); time.sleep(0.3)"
    program = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"]
    small, large = (peak_of_command(program, os.environ | {"HELD": held}) for held in ("1", "128"))
    assert 96 * MEBIBYTE < large - small < 160 * MEBIBYTE


def test_the_error_of_a_failing_program_is_its_last_line() -> None:
    with pytest.raises(InputError, match="^no such method$"):
        peak_of_command(
            [sys.executable, "-c", "import sys; print('hm', file=sys.stderr); sys.exit('no such method')"]
        )
