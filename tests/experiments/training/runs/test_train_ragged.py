"""Training on folders of scans with all matrix sizes and numbers of coils, some of them broken."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.files.raw_files import edit, write_raw_file
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.train import train
from recon.models.checkpoints.checkpoint import load_model

SHAPES = ((4, 24, 64), (7, 20, 57), (8, 36, 48), (15, 32, 80), (16, 17, 40))
pytestmark = pytest.mark.usefixtures("no_pictures")
NETWORK = {"num_cascades": 1, "sens_chans": 2, "sens_pools": 2, "chans": 2, "pools": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ragged")
    for coils, *matrix in SHAPES:
        write_raw_file(folder / f"{coils}.h5", slices=1, coils=coils, matrix=(matrix[0], matrix[1]))
    return folder


def run(folder: Path, output: Path, batch_size: int = 1, **data: Any) -> int:
    config = {
        "output": output,
        "data": {"train": folder, "val": folder, **data},
        "network": {"name": "varnet", "arguments": NETWORK},
        "epochs": 1,
        "batch_size": batch_size,
        "device": "cpu",
    }
    return load_model(train(TrainConfig.model_validate(config))).protocol["steps"]


@pytest.mark.slow
def test_coils_and_widths_of_all_sizes_train_together(folder: Path, tmp_path: Path) -> None:
    assert run(folder, tmp_path) == len(SHAPES)


def test_compressed_slices_from_the_cache_train_too(folder: Path, tmp_path: Path) -> None:
    data = {"preprocessing": {"remove_oversampling": True, "virtual_coils": 4}, "cache": tmp_path / "cache"}
    assert run(folder, tmp_path / "first", **data) == len(SHAPES)
    assert run(folder, tmp_path / "second", **data) == len(SHAPES)
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == len(SHAPES)


def test_targets_of_several_sizes_train_together(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    paths = [write_raw_file(tmp_path / "raw" / f"{name}.h5", matrix=(32, 40)) for name in "ab"]
    edit(paths[1], reconstruction_rss=np.ones((2, 32, 32), np.float32))
    assert run(tmp_path / "raw", tmp_path / "out", batch_size=4) == 2


def test_truncated_file_is_reported_and_the_others_train(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.iterdir():
        (tmp_path / "raw").mkdir(exist_ok=True)
        whole = path.read_bytes()
        (tmp_path / "raw" / path.name).write_bytes(whole[:-1000] if path.name == "7.h5" else whole)
    assert run(tmp_path / "raw", tmp_path / "out") == len(SHAPES) - 1
    assert "7.h5: the HDF5 file is truncated" in capsys.readouterr().err
