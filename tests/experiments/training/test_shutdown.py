import multiprocessing
import os
import signal
import subprocess
import time
from multiprocessing.synchronize import Event

import pytest
from accelerate import Accelerator

from recon.experiments.training.shutdown import Shutdown, obey_parent_only


def test_without_limit_and_signal_nothing_is_requested() -> None:
    with Shutdown(Accelerator(cpu=True), max_minutes=None) as shutdown:
        assert not shutdown.poll()
    assert not shutdown.requested


def test_time_limit_requests_a_shutdown_without_interruption() -> None:
    with Shutdown(Accelerator(cpu=True), max_minutes=1e-9) as shutdown:
        assert shutdown.poll()
    assert shutdown.requested
    assert not shutdown.interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_requests_a_shutdown_and_only_a_second_ctrl_c_has_its_usual_effect(number: signal.Signals) -> None:
    def usual(*_: object) -> None:
        raise InterruptedError

    before = signal.signal(number, usual)
    try:
        with Shutdown(Accelerator(cpu=True), max_minutes=None) as shutdown:
            os.kill(os.getpid(), number)
            assert shutdown.poll()
            assert shutdown.interrupted
            if number == signal.SIGINT:
                with pytest.raises(InterruptedError):
                    os.kill(os.getpid(), number)
            else:
                os.kill(os.getpid(), number)
                assert shutdown.poll()
        assert signal.getsignal(number) is usual
    finally:
        signal.signal(number, before)


def read_for_long(ready: Event) -> None:
    obey_parent_only(0)
    ready.set()
    time.sleep(60)


def test_reading_process_obeys_only_its_parent() -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=read_for_long, args=(ready,), daemon=True)
    process.start()
    assert ready.wait(10)
    subprocess.run(["/bin/kill", "-TERM", str(process.pid)], check=True)
    subprocess.run(["/bin/kill", "-INT", str(process.pid)], check=True)
    process.join(0.5)
    assert process.is_alive()
    process.terminate()
    process.join(10)
    assert process.exitcode == 0
