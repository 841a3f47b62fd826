import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.data.errors import InputError
from recon.data.storage.trial_process import try_in_child

SCAN = Path("scan.h5")


def spin() -> None:
    while True:
        pass


def refuse() -> None:
    raise InputError("scan.h5: is refused")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "crashes"),
        (spin, "hangs"),
        (lambda: np.ones(2**33, np.uint8), "takes more than 1 GiB"),
        (refuse, "^scan.h5: is refused$"),
    ],
    ids=["crashes", "hangs", "exhausts memory", "refuses"],
)
def test_an_action_that_fails_in_the_child_is_reported(
    action: Callable[[], object], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.data.storage.trial_process.SECONDS", 1)
    with pytest.raises(InputError, match=words) as error:
        try_in_child(SCAN, action)
    assert str(error.value).startswith("scan.h5: ")


def test_success_and_errors_that_are_not_about_the_input_are_left_to_the_caller() -> None:
    try_in_child(SCAN, lambda: time.sleep(0))
    try_in_child(SCAN, lambda: 1 / 0)
