"""Reads torch files that are hostile, or hold more than tensors."""

import argparse
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import fastmri.models
import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.files.runaway import no_runaway
from recon.data.errors import InputError
from recon.models.checkpoints.checkpoint import load_model

ARGUMENTS = {"num_cascades": 1, "sens_chans": 2, "sens_pools": 2, "chans": 2, "pools": 2}


@pytest.fixture
def weights() -> dict[str, Tensor]:
    return fastmri.models.VarNet(**ARGUMENTS).state_dict()


class Settings(dict[str, Any]):
    """Stands for the settings of a trainer that is not installed."""

    __module__ = "a_trainer"


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict", "net"])
@pytest.mark.parametrize("legacy", [False, True])
def test_weights_beside_scores_and_settings_of_a_trainer_are_read(
    tmp_path: Path, weights: dict[str, Tensor], key: str, legacy: bool
) -> None:
    path = tmp_path / "best_model.pt"
    beside = {
        "epoch": 3,
        "args": argparse.Namespace(chans=2),
        "best_dev_loss": np.float64(0.25),
        "scores": np.array([0.5, 0.25]),
        "exp_dir": tmp_path,
        "optimizer": {"state": {0: {"step": torch.ones(())}}},
    }
    torch.save({**beside, key: weights}, path, _use_new_zipfile_serialization=not legacy)
    assert load_model(path).arguments == ARGUMENTS


def test_objects_of_unknown_types_are_left_out_and_never_built(
    tmp_path: Path, weights: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "epoch.ckpt"
    module = ModuleType("a_trainer")
    setattr(module, "Settings", Settings)  # noqa: B010 - a module has no such attribute
    monkeypatch.setitem(sys.modules, "a_trainer", module)
    torch.save({"state_dict": weights, "hyper_parameters": Settings(chans=2)}, path)
    monkeypatch.delitem(sys.modules, "a_trainer")
    assert load_model(path).arguments == ARGUMENTS


def stride_zero(weight: Tensor) -> Tensor:
    return weight.new_zeros(1).expand(10**10)


def claims(weight: Tensor) -> Tensor:
    return torch.as_strided(weight.new_zeros(1000), (10**5, 900), (0, 1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (stride_zero, "declares 40000000000 bytes"),
        (claims, "declares 360000000 bytes"),
        (lambda weight: weight.to_sparse(), "not a dense tensor"),
        (lambda weight: weight.to("meta"), "not a dense tensor|damaged"),
        (lambda weight: weight.new_zeros(()), "do not fit|cannot be built"),
        (lambda weight: weight.to(torch.complex64), "type torch.complex64"),
        (lambda weight: weight.to(torch.float8_e4m3fn), "type torch.float8_e4m3fn"),
        (lambda weight: torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8), "not a dense tensor|damaged|neither"),
    ],
)
@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.filterwarnings("ignore")
def test_unusual_tensors_are_refused_in_one_sentence(
    tmp_path: Path, weights: dict[str, Tensor], change: Callable[[Tensor], Tensor], words: str, number: int
) -> None:
    path = tmp_path / "weights.pt"
    key = list(weights)[number]
    torch.save(OrderedDict(weights) | {key: change(weights[key])}, path)
    with no_runaway(), pytest.raises(InputError, match=words) as error:
        load_model(path)
    assert str(error.value).startswith(f"{path}: ")


def test_many_tensors_of_one_storage_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    shared = torch.zeros(10_000)
    torch.save({str(number): shared for number in range(1000)}, path)
    with pytest.raises(InputError, match="declare more numbers than the file stores"):
        load_model(path)


def test_a_compressed_file_is_refused_before_it_is_unpacked(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    path, packed = tmp_path / "weights.pt", tmp_path / "packed.pt"
    torch.save(weights | {"zeros": torch.zeros(10**7)}, path)
    with zipfile.ZipFile(path) as stored, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for info in stored.infolist():
            archive.writestr(info.filename, stored.read(info))
    with pytest.raises(InputError, match="torch compresses none"):
        load_model(packed)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["layers_list.0.learning_rate", "layers_list.0.regularizer_model.conv.layers.0.weight"], "DIRECT"),
        (["promptmr.cascades.0.model.unet.prompt_level1.prompt_param"], "PromptMR"),
        (["cascades.0.dc_weight", "cascades.0.model.unet.prompt_level1.prompt_param"], "PromptMR"),
        (["cascades.0.dc_weight", "cascades.0.model.unet.conv.layers.0.weight"], "sens_net"),
    ],
)
def test_networks_of_other_projects_are_named(tmp_path: Path, keys: list[str], words: str) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"model": {key: torch.ones(2) for key in keys}}, path)
    with pytest.raises(InputError, match=words):
        load_model(path)


def test_a_file_of_objects_is_refused_with_the_way_to_strip_it(tmp_path: Path) -> None:
    path = tmp_path / "network.pt"
    torch.save(torch.nn.Conv2d(1, 1, 1), path)
    with pytest.raises(InputError, match=r"torch\.save\(model\.state_dict\(\)"):
        load_model(path)
