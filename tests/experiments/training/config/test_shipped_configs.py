"""Every config that ships trains, with a small network on small data and otherwise unchanged."""

from importlib.resources import files
from pathlib import Path

import h5py
import numpy as np
import pytest

from helpers.files.raw_files import edit, write_raw_file
from helpers.learned.networks import SMALL
from helpers.learned.training import read_lines
from recon.experiments.training.config.config_file import load_config
from recon.experiments.training.record.folder import PICTURES
from recon.experiments.training.record.simulation_pictures import EFFECTS, PATCHES, SCANS
from recon.experiments.training.train import train
from recon.models.checkpoints.checkpoint import load_model

SHIPPED = sorted(Path(str(files("recon.experiments.configs"))).glob("*.yaml"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for name in ("train", "val"):
        write_raw_file(folder / "multicoil" / name / "a.h5", matrix=(64, 96))
        single = write_raw_file(folder / "singlecoil" / name / "a.h5", coils=1, matrix=(64, 96))
        with h5py.File(single) as file:
            kspace, image = file["kspace"][:, 0], file["reconstruction_rss"][()]
        edit(single, kspace=kspace, reconstruction_esc=image)
    rng = np.random.default_rng(0)
    np.savez(folder / "anatomy.npz", image=rng.random((3, 60, 60), np.float32))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_config_trains_and_its_weights_are_found(path: Path, folders: Path, tmp_path: Path) -> None:
    shipped = load_config(path)
    raw = folders / ("singlecoil" if "singlecoil" in path.stem else "multicoil")
    overrides = {
        "output": tmp_path,
        "data.train": raw / "train",
        "data.val": raw / "val",
        "data.workers": 0,
        "network.weights": "null",
        "network.arguments": shipped.network.arguments | SMALL[shipped.network.name],
        "batch_size": 1,
        "effective_batch": 2,
        "epochs": 1,
        "log_every": 1,
        "device": "cpu",
    }
    denoises = shipped.training.mode in {"denoise", "enlarge"}
    if denoises:
        overrides |= {"data.val": folders / "anatomy.npz", "data.patches.size": 16}
    if shipped.data.simulation is not None:
        simulation = {"heads": 0, "slices": 2, "matrix": [48, 64], "coils": [2, 4]}
        overrides |= {"data.train": folders / "anatomy.npz", "data.simulation": simulation}
    if shipped.data.cine is not None:
        cine = {"series": 2, "hearts": 1, "frames": [2, 3], "matrix": [48, 64], "coils": [2, 3]}
        overrides |= {"data.train": folders / "anatomy.npz", "data.cine": cine}
    best = train(load_config(path, [f"{key}={value}" for key, value in overrides.items()]))
    step, scores = read_lines(tmp_path)[-2:]
    assert (step["steps"], step["skipped"], step["unreadable"]) == (shipped.uses, 0, 0)
    assert np.isfinite(step["loss"])
    scored = shipped.data.patches.levels if denoises else [f"{factor:g}x" for factor in shipped.data.accelerations]
    assert {name.split()[-1] for name in scores["groups"]} == set(map(str, scored))
    assert 0 < scores["ssim"] < 1
    assert load_model(best).name == shipped.network.name
    pictures = {path.name for path in (tmp_path / PICTURES).iterdir()}
    simulated = set() if shipped.data.simulation is None else {PATCHES} if denoises else {EFFECTS, SCANS}
    assert pictures == {f"step-{shipped.uses:07d}.png", *simulated}
