import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastmri.models
import pytest
import torch
from torch import Tensor

from helpers.scans.slices import line_mask, random_kspace
from recon.data.errors import InputError
from recon.models.checkpoints.checkpoint import load_model

ARGUMENTS = {"num_cascades": 3, "sens_chans": 2, "sens_pools": 3, "chans": 4, "pools": 2}


def bare(weights: dict[str, Tensor]) -> dict[str, Any]:
    return weights


def from_lightning(weights: dict[str, Tensor]) -> dict[str, Any]:
    return {
        "epoch": 49,
        "state_dict": {f"varnet.{key}": value for key, value in weights.items()} | {"loss.w": torch.ones(1, 1, 7, 7)},
        "hyper_parameters": {"chans": 4},
    }


def from_parallel_training(weights: dict[str, Tensor]) -> dict[str, Any]:
    return {f"module.{key}": value for key, value in weights.items()}


def from_atommic(weights: dict[str, Tensor]) -> dict[str, Any]:
    """Arrange weights as ATOMMIC's VarNet does if it learns the sensitivity maps, with its losses beside them."""
    cascades = {key: value for key, value in weights.items() if key.startswith("cascades.")}
    maps = {key: value for key, value in weights.items() if key.startswith("sens_net.")}
    losses = {"train_loss_fn.w": torch.ones(1, 1, 7, 7), "val_loss_fn.w": torch.ones(1, 1, 7, 7)}
    return {"state_dict": losses | maps | cascades, "hyper_parameters": {"cfg": {"num_cascades": 3, "no_dc": False}}}


@pytest.mark.parametrize("wrap", [bare, from_lightning, from_parallel_training, from_atommic])
@pytest.mark.parametrize("legacy", [False, True])
def test_checkpoint_of_fastmri_gives_fastmris_image(
    tmp_path: Path, wrap: Callable[[dict[str, Tensor]], Any], legacy: bool
) -> None:
    theirs = fastmri.models.VarNet(**ARGUMENTS)
    path = tmp_path / "knee_leaderboard_state_dict.pt"
    torch.save(wrap(theirs.state_dict()), path, _use_new_zipfile_serialization=not legacy)
    loaded = load_model(path)
    assert (loaded.name, loaded.arguments) == ("varnet", ARGUMENTS)
    mask = line_mask(24)
    kspace = torch.where(mask, random_kspace(1, 2, 32, 24), 0)
    expected = theirs(torch.view_as_real(kspace), mask.unsqueeze(-1))
    torch.testing.assert_close(loaded.network(kspace, mask), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("prefix", ["", "unet.", "module.unet."])
def test_unet_of_fastmri_gives_fastmris_image(tmp_path: Path, prefix: str) -> None:
    theirs = fastmri.models.Unet(1, 1, chans=3, num_pool_layers=2)
    path = tmp_path / "knee_mc_leaderboard_state_dict.pt"
    weights = {f"{prefix}{key}": value for key, value in theirs.state_dict().items()}
    torch.save({"state_dict": weights | {"loss.weight": torch.ones(1)}} if prefix else weights, path)
    loaded = load_model(path)
    assert (loaded.name, loaded.arguments) == ("unet", {"chans": 3, "pools": 2, "crop": [320, 320]})
    image = random_kspace(1, 32, 48).abs()
    mean, std = image.mean(), image.std()
    expected = theirs((image[None] - mean) / std)[0] * std + mean
    torch.testing.assert_close(loaded.network.refine(image), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "content",
    [{}, {"state_dict": 3}, [torch.ones(2)], {"conv.weight": torch.ones(2)}, torch.ones(3)],
)
def test_torch_file_without_varnet_is_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(InputError, match=r"other\.pt: holds neither a VarNet nor a U-Net"):
        load_model(path)


def test_half_a_varnet_is_refused(tmp_path: Path) -> None:
    weights = fastmri.models.VarNet(**ARGUMENTS).state_dict()
    path = tmp_path / "half.pt"
    torch.save({key: value for key, value in weights.items() if "cascades.1" not in key}, path)
    with pytest.raises(InputError, match="do not fit"):
        load_model(path)
    torch.save({key: value for key, value in weights.items() if key.startswith("sens_net")}, path)
    with pytest.raises(InputError, match=r"half\.pt"):
        load_model(path)


@pytest.mark.parametrize(
    "content", [b"", b"\x89HDF\r\n\x1a\n" + bytes(50), b"PK\x03\x04" + bytes(99), b"weights\n" * 9]
)
def test_file_of_another_kind_is_refused_in_one_line(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "scan.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"scan\.pt") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("trapped",)


def test_code_inside_a_checkpoint_is_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in (("pickle.pt", pickle.dumps(Trap())), ("torch.pt", None)):
        path = tmp_path / name
        path.write_bytes(content) if content else torch.save({"state_dict": Trap()}, path)
        with pytest.raises(InputError, match=name):
            load_model(path)
    assert not (tmp_path / "trapped").exists()
