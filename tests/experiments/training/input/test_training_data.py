import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.learned.networks import SMALL
from helpers.learned.training import after_step, assert_equal, make_config, read_lines, read_weights, write_folders
from recon.data.errors import InputError
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.input import training_data
from recon.experiments.training.input.training_data import open_training_data
from recon.experiments.training.record.folder import BEST
from recon.experiments.training.train import train

GENERAL = {"name": "varnet-general", "arguments": SMALL["varnet-general"]}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = write_folders(tmp_path_factory.mktemp("raw"))
    rng = np.random.default_rng(0)
    disc = np.hypot(*np.meshgrid(*[np.linspace(-1.2, 1.2, 60)] * 2)) < 1
    np.savez(tmp_path / "disc.npz", image=(disc * rng.integers(50, 100, (2, 60, 60))).astype(np.uint16))
    return tmp_path


def config(folders: Path, name: str, output: Path | None = None, **values: Any) -> TrainConfig:
    simulation = {"heads": 0, "slices": 3, "matrix": (32, 40), "coils": (1, 3)}
    simulation |= {key: values.pop(key) for key in ("matrix", "accelerations") if key in values}
    data = {"train": str(folders / "disc.npz"), "simulation": simulation}
    return make_config(folders, output or folders / name, data=data, network=GENERAL, epochs=2, **values)


@pytest.mark.slow
@pytest.mark.usefixtures("no_pictures")
def test_a_network_trains_on_magnitude_images_and_resumes_to_the_same_weights(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_data, "write_simulation_pictures", lambda *_: None)
    assert train(config(folders, "whole")) == folders / "whole" / BEST
    train(config(folders, "parts").model_copy(update={"epochs": 1}))
    train(config(folders, "parts"), resume=True)
    assert_equal(read_weights(folders / "parts"), read_weights(folders / "whole"))


@pytest.mark.slow
@pytest.mark.usefixtures("no_pictures")
def test_a_denoiser_trains_on_magnitude_images_and_resumes_to_the_same_weights(folders: Path, tmp_path: Path) -> None:
    def run(name: str, epochs: int) -> TrainConfig:
        data = {
            "train": str(folders / "disc.npz"),
            "val": str(folders / "disc.npz"),
            "simulation": {"heads": 0, "slices": 6, "matrix": (24, 30)},
            "patches": {"size": 16, "count": 2, "levels": [0.1]},
        }
        values: dict[str, Any] = {
            "network": {"name": "dlr", "arguments": {"layers": 2}},
            "epochs": epochs,
            "ema": 0.5,
        }
        return make_config(folders, tmp_path / name, data=data, training={"mode": "denoise"}, batch_size=2, **values)

    train(run("whole", epochs=2))
    train(run("parts", epochs=1))
    train(run("parts", epochs=2), resume=True)
    assert_equal(read_weights(tmp_path / "parts"), read_weights(tmp_path / "whole"))
    scores = [line["groups"]["noise 0.1"]["psnr"] for line in read_lines(tmp_path / "whole") if "groups" in line]
    assert len(scores) == 2
    assert min(scores) > 20  # the noisy image has less


@pytest.mark.slow
@pytest.mark.parametrize("steps", [2, 4, 5])
@pytest.mark.usefixtures("no_pictures")
def test_a_run_that_uses_its_starts_again_resumes_to_the_same_weights(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(training_data, "write_simulation_pictures", lambda *_: None)
    twice = {"uses": 2, "early": {"share": 0.5, "matrix": (32, 34), "start_iterations": 4}, "ema": 0.9}
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole, parts = (config(folders, "run", output=tmp_path / name, **twice) for name in ("whole", "parts"))
    train(whole)
    assert [line["steps"] for line in read_lines(whole.output)][-1] == 12
    with monkeypatch.context() as patch:
        after_step(patch, steps, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(KeyboardInterrupt):
            train(parts)
    train(parts, resume=True)
    assert_equal(read_weights(parts.output), read_weights(whole.output))
    assert read_lines(parts.output) == read_lines(whole.output)


def test_early_slices_have_the_early_matrix(folders: Path) -> None:
    early = {"share": 0.5, "matrix": (20, 22)}
    data = open_training_data(config(folders, "run", early=early), torch.device("cpu"))
    assert {max(shape[1:3]) <= 22 for shape in data.epoch(0, early=True).shapes()} == {True}
    assert {min(shape[1:3]) >= 32 for shape in data.epoch(0, early=False).shapes()} == {True}


@pytest.mark.parametrize("values", [{"uses": 2}, {"early": {"start_iterations": 3}}])
def test_a_network_without_a_start_cannot_use_it_again(folders: Path, tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="the network varnet starts from nothing that could be kept"):
        train(make_config(folders, tmp_path, **values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"early": {"matrix": (9, 3)}}, "matrix from 9 to 3 is not a range"),
        ({"early": {"matrix": (32, 64)}}, "early.matrix is the range of simulated matrices"),
        ({"uses": 2, "training": {"mode": "ssdu"}}, "need training.mode=supervised"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    folders: Path, tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_config(folders, tmp_path, **values)


def test_no_two_epochs_are_alike(folders: Path) -> None:
    data = open_training_data(config(folders, "run"), torch.device("cpu"))
    first, again, second = data.epoch(0)[0], data.epoch(0)[0], data.epoch(1)[0]
    assert torch.equal(first.kspace, again.kspace)
    assert first.kspace.shape != second.kspace.shape or not torch.equal(first.kspace, second.kspace)


def test_a_file_without_an_image_is_named(folders: Path) -> None:
    np.savez(folders / "other.npz", something=np.zeros(3))
    data = {"train": str(folders / "other.npz"), "simulation": {}}
    with pytest.raises(InputError, match=r"other\.npz: holds no readable array 'image'"):
        open_training_data(make_config(folders, folders / "run", data=data), torch.device("cpu"))


@pytest.mark.parametrize("name", ["matrix", "accelerations"])
def test_a_range_that_does_not_ascend_is_refused(folders: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} from 9 to 3 is not a range"):
        config(folders, "run", **{name: (9, 3)})
