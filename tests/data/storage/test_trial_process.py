import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.data.errors import InputError
from recon.data.storage.trial_process import try_apart

SCAN = Path("scan.h5")


def spin() -> None:
    while True:
        pass


def refuse() -> None:
    raise InputError("scan.h5: is refused")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "ends the process"),
        (spin, "never ends"),
        (lambda: np.ones(2**33, np.uint8), "takes more than 4 GiB"),
        (refuse, "^scan.h5: is refused$"),
    ],
    ids=["dies", "hangs", "eats", "refuses"],
)
def test_what_does_not_end_well_is_told(
    action: Callable[[], object], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.data.storage.trial_process.SECONDS", 1)
    with pytest.raises(InputError, match=words) as error:
        try_apart(SCAN, action)
    assert str(error.value).startswith("scan.h5: ")


def test_what_ends_well_or_is_no_fault_of_the_file_is_left_to_the_caller() -> None:
    try_apart(SCAN, lambda: time.sleep(0))
    try_apart(SCAN, lambda: 1 / 0)
