"""Networks that take series are trained on series of files and on simulated ones, and run on files afterwards."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.learned.networks import SMALL
from helpers.learned.training import make_config, read_lines
from helpers.scans.series import moving_object
from recon.data.formats.fastmri.layout import write_volume
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.data.training.datasets import FreshMasks
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.training.config.data_config import CineConfig
from recon.experiments.training.input.simulated_cines import DrawnCines
from recon.experiments.training.train import train
from recon.registry import create
from recon.simulation.cine.simulator import CineSimulator

NAME = "deep-cascade-series"
DATA = {"mask": "kt-equispaced", "accelerations": [4], "center_fractions": [0.0]}
CINE = {"series": 2, "hearts": 1, "frames": [2, 3], "matrix": [40, 48], "coils": [2, 3]}


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name, frames in (("train/a", 4), ("train/b", 5), ("val/c", 4)):
        series = moving_object(frames, coils=2)
        path = tmp_path / f"{name}.h5"
        path.parent.mkdir(exist_ok=True)
        kspace, target = (torch.stack(list(one)) for one in zip(*((f.kspace, f.target) for f in series), strict=True))
        header = replace(series[0].header, contrast="CINE")
        write_volume(path, kspace.numpy(), header, target=target.numpy(), patient_id=name)
    return tmp_path


def config_of(folders: Path, **values: Any) -> Any:
    network = {"name": NAME, "arguments": SMALL[NAME]}
    settings = {"network": network, "epochs": 2, "effective_batch": 2, "data": DATA} | values
    return make_config(folders, folders / "out", **settings)


@pytest.mark.parametrize("frames", [None, 3])
def test_a_network_is_trained_on_the_series_of_files(folders: Path, frames: int | None) -> None:
    best = train(config_of(folders, data=DATA | {"frames": frames}))
    lines = read_lines(folders / "out")
    assert [line["steps"] for line in lines if "loss" in line] == [1, 2]
    assert all(np.isfinite(line["loss"]) for line in lines if "loss" in line)
    assert list(lines[-1]["groups"]) == ["CINE 4x"]
    method = create(NAME, {"checkpoint": str(best)})
    volume = SampledVolume(open_volume(folders / "val" / "c.h5"), Sampling(MaskKind.KT_EQUISPACED, 4, 0.0))
    images = Runner(NAME, method).volume(volume).images
    assert images.shape == (4, 32, 24)


def test_training_and_the_engine_see_the_same_series(folders: Path) -> None:
    """The score of a validation is that of the images which the trained method reconstructs."""
    best = train(config_of(folders))
    scores = [line for line in read_lines(folders / "out") if "ssim" in line]
    score = max(scores, key=lambda line: line["ssim"])["psnr"]
    method = create(NAME, {"checkpoint": str(best)})
    volume = open_volume(folders / "val" / "c.h5")
    sampled = SampledVolume(volume, Sampling(MaskKind.KT_EQUISPACED, 4, 0.0))
    images = Runner(NAME, method, floor=True).volume(sampled).images
    target = volume.read_target()
    assert target is not None
    psnr = 10 * np.log10(target.max() ** 2 / np.mean((images - target) ** 2))
    assert abs(psnr - score) < 1e-3


def test_a_network_is_trained_on_simulated_series(folders: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(folders / "cine.npz", image=rng.random((4, 40, 40), np.float32))
    data = DATA | {"train": str(folders / "cine.npz"), "cine": CINE}
    train(config_of(folders, data=data, epochs=1))
    (step, _) = read_lines(folders / "out")
    assert (step["steps"], step["skipped"], step["unreadable"]) == (1, 0, 0)


def test_simulated_series_differ_and_have_the_shapes_that_they_state() -> None:
    source = DrawnCines(CineSimulator(), CineConfig.model_validate(CINE), (0, 1))
    first, second = source[0], source[1]
    for index, series in enumerate((first, second)):
        assert source.shape(index) == (len(series), *series[0].kspace.shape)
        assert [frame.frame for frame in series] == list(range(len(series)))
    again = source[0]
    assert torch.equal(again[0].kspace, first[0].kspace)
    assert first[0].kspace.shape != second[0].kspace.shape or not torch.equal(first[0].kspace, second[0].kspace)
    masks = FreshMasks((Sampling(MaskKind.KT_RANDOM, 4, 0.1),), 0, 0)
    assert not torch.equal(masks(first[0]).mask, masks(first[1]).mask)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"batch_size": 2}, "one series at a time"),
        ({"training": {"mode": "ssdu"}}, "one series at a time"),
        ({"data": DATA | {"preprocessing": {"virtual_coils": 2}}}, "needs the same coils in all frames"),
        ({"data": DATA | {"simulation": {}}}, "simulates no series"),
        ({"data": DATA | {"cine": CINE}, "network": {"name": "varnet"}}, "which varnet does not take"),
        ({"data": DATA | {"cine": CINE | {"frames": [3, 2]}}}, "frames from 3 to 2"),
    ],
)
def test_settings_that_no_series_can_be_trained_with_are_refused(
    tmp_path: Path, values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        config_of(tmp_path, **values)


def test_a_damaged_file_leaves_out_its_series(folders: Path) -> None:
    path = folders / "train" / "a.h5"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    train(config_of(folders, epochs=1, effective_batch=1))
    assert read_lines(folders / "out")[0]["steps"] == 1
