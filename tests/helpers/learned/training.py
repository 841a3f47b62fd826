"""Tiny training runs."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from accelerate.state import AcceleratorState

from helpers.files.raw_files import write_raw_file
from recon.experiments.training import train as training
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.record.folder import LAST
from recon.experiments.training.record.log import LOG
from recon.models.checkpoints.checkpoint import load_model

NETWORK = {"num_cascades": 1, "sens_chans": 2, "sens_pools": 2, "chans": 4, "pools": 2}
MEASURED = {"slices_per_second", "data_wait", "gpu_gb"}
"""Values of a log that differ from run to run."""


def write_folders(folder: Path) -> Path:
    """Write three volumes for training and two for validation, of two slices each."""
    for name in ("train/a", "train/b", "train/c", "val/d", "val/e"):
        write_raw_file(folder / f"{name}.h5", coils=2, matrix=(32, 24))
    return folder


def plain_config(folders: Path, output: Path, **values: Any) -> dict[str, Any]:
    """Return the values of a config; given sections are merged into the plain ones."""
    plain: dict[str, Any] = {
        "output": str(output),
        "data": {
            "train": str(folders / "train"),
            "val": str(folders / "val"),
            "accelerations": [2],
            "center_fractions": [0.2],
        },
        "network": {"name": "varnet", "arguments": NETWORK},
        "optimizer": {"lr": 3e-3, "lr_step": 2, "lr_gamma": 0.5},
        "epochs": 3,
        "log_every": 1,
        "device": "cpu",
    }
    for key, value in values.items():
        plain[key] = plain[key] | value if isinstance(plain.get(key), dict) else value
    return plain


def make_config(folders: Path, output: Path, **values: Any) -> TrainConfig:
    """Make a config."""
    return TrainConfig.model_validate(plain_config(folders, output, **values))


def write_config(path: Path, folders: Path, output: Path, **values: Any) -> Path:
    """Write a config file."""
    path.write_text(yaml.safe_dump(plain_config(folders, output, **values)))
    return path


def read_lines(output: Path) -> list[dict[str, Any]]:
    """Read a log without the values that differ from run to run."""
    lines = [json.loads(line) for line in (output / LOG).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in MEASURED} for line in lines]


def read_weights(output: Path, name: str = LAST) -> dict[str, torch.Tensor]:
    """Read the weights that a run wrote."""
    return load_model(output / name).network.state_dict()


def assert_equal(ours: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> None:
    """Check that weights are bitwise the same."""
    assert ours.keys() == others.keys()
    assert all(torch.equal(ours[key], others[key]) for key in ours)


def after_step(monkeypatch: pytest.MonkeyPatch, number: int, action: Callable[[], None]) -> None:
    """Call `action` after step `number` of a run."""
    step = training.Run.step

    def step_and_act(run: training.Run, *arguments: Any) -> None:
        step(run, *arguments)
        if run.position.steps == number:
            action()

    monkeypatch.setattr(training.Run, "step", step_and_act)


@contextmanager
def fresh_accelerator() -> Iterator[None]:
    """Reset Accelerate before and after the block, so that runs in one process can differ in device and precision."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
