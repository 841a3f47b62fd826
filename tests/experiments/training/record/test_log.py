import json
from pathlib import Path

import pytest
from accelerate import Accelerator
from accelerate.tracking import GeneralTracker

from helpers.training import make_config
from recon.data.errors import InputError
from recon.experiments.training.record import log as logging
from recon.experiments.training.record.log import (
    Meter,
    check_trackers,
    flat,
    keep_lines,
    read_log,
    score_table,
    start_trackers,
)


def test_tracker_that_is_not_installed_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="the tracker wandb is not installed; `pip install wandb`"):
        check_trackers(["wandb"])
    check_trackers([])


def test_tracker_that_does_not_start_is_told_in_a_sentence(tmp_path: Path) -> None:
    class LoggedOut(GeneralTracker):
        name, requires_logging_directory = "wandb", False

        def start(self) -> None:
            raise PermissionError("No API key.\nLog in first.")

    accelerator = Accelerator(cpu=True, log_with=LoggedOut(_blank=True))
    config = make_config(tmp_path, tmp_path, trackers=["wandb"])
    with pytest.raises(InputError, match=r"^wandb: the tracker did not start: No API key\. Log in first\.$"):
        start_trackers(accelerator, config, "run")
    accelerator.end_training()


def test_lines_after_the_state_and_half_lines_are_cut(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"steps": 1}\n{"steps": 2}\n{"steps": 2, "ssim": 0.5}\n{"ste')
    assert len(read_log(log)) == 3
    keep_lines(log, 2)
    assert read_log(log) == [{"steps": 1}, {"steps": 2}]
    keep_lines(log, 5)
    assert len(read_log(log)) == 2
    keep_lines(log, 0)
    assert read_log(log) == []


def test_missing_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"log\.jsonl: there is no such log"):
        read_log(tmp_path / "log.jsonl")


def test_flat_keys_lead_to_the_values() -> None:
    nested = {"a": 1, "b": {"c": 2, "d": {"e": 3}}, "f": {}}
    assert flat(nested) == {"a": 1, "b.c": 2, "b.d.e": 3}


def test_meter_counts_waiting_as_part_of_working_and_begins_anew() -> None:
    meter = Meter()
    with meter.working():
        meter.slices += 3
        with meter.waiting():
            sum(range(10000))
    read = meter.read(processes=2)
    assert read["slices_per_second"] > 0
    assert 0 < read["data_wait"] <= 1
    assert meter == Meter()


def test_scores_are_listed_by_group() -> None:
    scores = {"ssim": 0.9, "psnr": 30.0, "groups": {"AXT2 4x": {"ssim": 0.9, "psnr": 30.0, "volumes": 1}}}
    assert score_table(scores).splitlines() == [
        "SSIM 0.9000, PSNR 30.0000",
        "    AXT2 4x, 1 volume: SSIM 0.9000, PSNR 30.0000",
    ]
    assert json.dumps(scores)
