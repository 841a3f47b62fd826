from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.networks import SMALL
from helpers.training import assert_equal, make_config, read_weights, write_folders
from recon.data.errors import InputError
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


def config(folders: Path, output: str, **simulation: object):
    values = {"heads": 0, "slices": 3, "matrix": (32, 40), "coils": (1, 3)} | simulation
    data = {"train": str(folders / "disc.npz"), "simulation": values}
    return make_config(folders, folders / output, data=data, network=GENERAL, epochs=2)


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
