import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from data.datasets import Slice
from data.errors import InputError
from experiments import train as training
from experiments.train import train
from experiments.train_config import TrainConfig
from helpers.raw_files import write_raw_file
from models.checkpoint import load_model

NETWORK = {"num_cascades": 1, "sens_chans": 2, "sens_pools": 2, "chans": 4, "pools": 2}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for name in "abc":
        write_raw_file(folder / "train" / f"{name}.h5", coils=2, matrix=(32, 24))
    write_raw_file(folder / "val" / "d.h5", coils=2, matrix=(32, 24))
    return folder


def config(folders: Path, output: Path, **values: Any) -> TrainConfig:
    plain: dict[str, Any] = {
        "output": output,
        "data": {
            "train": folders / "train",
            "val": folders / "val",
            "accelerations": [2],
            "center_fractions": [0.2],
        },
        "network": {"name": "varnet", "arguments": NETWORK},
        "optimizer": {"lr": 3e-3, "lr_step": 2, "lr_gamma": 0.5},
        "epochs": 3,
        "log_every": 1,
        "device": "cpu",
    }
    return TrainConfig.model_validate(plain | values)


def log(output: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (output / training.LOG).read_text().splitlines()]


def weights(output: Path, name: str = training.LAST) -> dict[str, torch.Tensor]:
    return load_model(output / name).network.state_dict()


def assert_equal(ours: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == others.keys()
    assert all(torch.equal(ours[key], others[key]) for key in ours)


def at_step(monkeypatch: pytest.MonkeyPatch, number: int, happening: Callable[[], None]) -> None:
    """Let something happen at the end of a certain step."""
    step = training.Run.step

    def eventful_step(run: training.Run, batch: Slice) -> None:
        step(run, batch)
        if run.position.steps == number:
            happening()

    monkeypatch.setattr(training.Run, "step", eventful_step)


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def run_out_of_memory() -> None:
    raise MemoryError


def test_loss_falls_and_the_scores_rise(folders: Path, tmp_path: Path) -> None:
    train(config(folders, tmp_path, epochs=12))
    losses = [line["loss"] for line in log(tmp_path) if "loss" in line]
    scores = [line["ssim"] for line in log(tmp_path) if "ssim" in line]
    assert len(losses) == 12 * 6
    assert sum(losses[-12:]) < 0.7 * sum(losses[:12])
    assert scores[-1] > scores[0]


def test_weights_know_how_they_were_trained(folders: Path, tmp_path: Path) -> None:
    best = train(config(folders, tmp_path))
    loaded = load_model(best)
    scores = [line["ssim"] for line in log(tmp_path) if "ssim" in line]
    assert loaded.arguments == NETWORK
    assert loaded.protocol["training"]["data"]["accelerations"] == [2]
    assert loaded.protocol["validation"]["ssim"] == max(scores)
    assert load_model(tmp_path / training.LAST).protocol["validation"]["ssim"] == scores[-1]


def test_rate_falls_with_the_epochs(folders: Path, tmp_path: Path) -> None:
    train(config(folders, tmp_path))
    rates = [line["lr"] for line in log(tmp_path) if "lr" in line]
    assert rates == pytest.approx([3e-3] * 12 + [1.5e-3] * 6)


@pytest.mark.parametrize("steps", [2, 6, 10])
def test_interrupted_and_resumed_run_ends_as_one_that_never_stopped(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    network = {"name": "unet", "arguments": {"chans": 4, "pools": 2, "drop_prob": 0.2}}
    straight, stopped = (config(folders, tmp_path / name, network=network) for name in ("straight", "stopped"))
    train(straight)
    with monkeypatch.context() as patch:
        at_step(patch, steps, press_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            train(stopped)
    train(stopped, resume=True)
    assert_equal(weights(stopped.output), weights(straight.output))
    assert_equal(weights(stopped.output, training.BEST), weights(straight.output, training.BEST))
    assert log(stopped.output) == log(straight.output)


def test_killed_run_goes_on_from_its_last_state(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, killed = (config(folders, tmp_path / name) for name in ("straight", "killed"))
    train(straight)
    with monkeypatch.context() as patch:
        at_step(patch, 9, run_out_of_memory)
        with pytest.raises(MemoryError):
            train(killed)
    train(killed, resume=True)
    assert_equal(weights(killed.output), weights(straight.output))
    assert log(killed.output) == log(straight.output)


def test_time_limit_ends_the_run_with_weights_and_it_can_go_on(folders: Path, tmp_path: Path) -> None:
    short = config(folders, tmp_path, max_minutes=1e-9)
    best = train(short)
    assert load_model(best).protocol["steps"] == 1
    train(short, resume=True)
    assert load_model(tmp_path / training.LAST).protocol["steps"] == 2


def test_finished_run_has_nothing_left_to_do(folders: Path, tmp_path: Path) -> None:
    finished = config(folders, tmp_path, epochs=1)
    train(finished)
    before = weights(tmp_path)
    train(finished, resume=True)
    assert_equal(weights(tmp_path), before)


def test_resume_without_a_run_begins_one(folders: Path, tmp_path: Path) -> None:
    assert train(config(folders, tmp_path, epochs=1), resume=True).is_file()


def test_slices_of_several_shapes_share_a_run_but_no_batch(folders: Path, tmp_path: Path) -> None:
    for name, matrix in (("a", (32, 24)), ("b", (33, 40)), ("c", (32, 24))):
        write_raw_file(tmp_path / "train" / f"{name}.h5", slices=3, coils=2, matrix=matrix)
    data = config(folders, tmp_path).data.model_copy(update={"train": tmp_path / "train"})
    train(config(folders, tmp_path / "out", epochs=1, batch_size=4, data=data))
    assert log(tmp_path / "out")[-1]["steps"] == 3


def test_reading_processes_change_nothing(folders: Path, tmp_path: Path) -> None:
    alone = config(folders, tmp_path / "alone", epochs=1)
    helped = config(folders, tmp_path / "helped", epochs=1, data=alone.data.model_copy(update={"workers": 2}))
    train(alone)
    train(helped)
    assert_equal(weights(alone.output), weights(helped.output))


def test_run_is_not_overwritten(folders: Path, tmp_path: Path) -> None:
    train(config(folders, tmp_path, epochs=1))
    with pytest.raises(InputError, match="holds a run already; go on with --resume"):
        train(config(folders, tmp_path, epochs=1))
    other = {"name": "varnet", "arguments": NETWORK | {"chans": 2}}
    with pytest.raises(InputError, match="a run of another network"):
        train(config(folders, tmp_path, network=other), resume=True)
    (tmp_path / training.STATE).write_bytes(b"PK")
    with pytest.raises(InputError, match=r"resume\.pt: is damaged"):
        train(config(folders, tmp_path), resume=True)


def test_diverging_run_is_told_in_a_sentence(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "ssim_loss", lambda images, *_: images.sum() * torch.inf)
    with pytest.raises(InputError, match=r"the loss is not finite any more; lower optimizer\.lr"):
        train(config(folders, tmp_path))


def test_written_config_starts_the_same_run(folders: Path, tmp_path: Path) -> None:
    first = config(folders, tmp_path, epochs=1)
    train(first)
    again = TrainConfig.model_validate(yaml.safe_load((tmp_path / training.CONFIG).read_text()))
    assert again == first
