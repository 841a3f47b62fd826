from pathlib import Path

import pytest
from accelerate import Accelerator
from accelerate.tracking import GeneralTracker

from helpers.learned.training import make_config
from recon.data.errors import InputError
from recon.experiments.training.record import trackers
from recon.experiments.training.record.trackers import check_trackers, start_trackers


def test_tracker_that_is_not_installed_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="the tracker wandb is not installed; `pip install wandb`"):
        check_trackers(["wandb"])
    check_trackers([])


def test_tracker_that_does_not_start_is_reported_in_one_sentence(tmp_path: Path) -> None:
    class LoggedOut(GeneralTracker):
        name, requires_logging_directory = "wandb", False

        def start(self) -> None:
            raise PermissionError("No API key.\nLog in first.")

    accelerator = Accelerator(cpu=True, log_with=LoggedOut(_blank=True))
    config = make_config(tmp_path, tmp_path, trackers=["wandb"])
    with pytest.raises(InputError, match=r"^wandb: the tracker did not start: No API key\. Log in first\.$"):
        start_trackers(accelerator, config, "run")
    accelerator.end_training()
