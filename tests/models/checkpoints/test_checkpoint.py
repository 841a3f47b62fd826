import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from recon.data.errors import InputError
from recon.models.checkpoints.checkpoint import load_model, save_weights
from recon.models.zoo import build

ARGUMENTS = {"num_cascades": 1, "sens_chans": 2, "sens_pools": 2, "chans": 2, "pools": 2}
PROTOCOL = {"loss": "ssim", "masks": [[4, 0.08], [8, 0.04]], "epochs": 3}


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, nn.Module]:
    network = build("varnet", ARGUMENTS)
    path = tmp_path / "weights.safetensors"
    save_weights(path, network, "varnet", ARGUMENTS, PROTOCOL)
    return path, network


def test_saved_weights_are_loaded(saved: tuple[Path, nn.Module]) -> None:
    path, network = saved
    loaded = load_model(path)
    assert (loaded.name, loaded.arguments, loaded.protocol) == ("varnet", ARGUMENTS, PROTOCOL)
    assert not loaded.network.training
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[key], value)


def test_loaded_network_can_be_trained_further(saved: tuple[Path, nn.Module]) -> None:
    path, _ = saved
    assert all(parameter.requires_grad for parameter in load_model(path).network.parameters())


def test_half_precision_weights_become_single(saved: tuple[Path, nn.Module], tmp_path: Path) -> None:
    _, network = saved
    save_weights(tmp_path / "half.safetensors", network.half(), "varnet", ARGUMENTS, PROTOCOL)
    loaded = load_model(tmp_path / "half.safetensors")
    assert {parameter.dtype for parameter in loaded.network.parameters()} == {torch.float32}


def test_failed_write_leaves_only_the_old_file(saved: tuple[Path, nn.Module]) -> None:
    path, network = saved
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_weights(path, network, "varnet", ARGUMENTS, {"not JSON": object()})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_truncated_file_is_named(saved: tuple[Path, nn.Module], share: float) -> None:
    path, _ = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=path.name):
        load_model(path)


def refuses(path: Path, weights: dict[str, Tensor], metadata: dict[str, str], sentence: str) -> None:
    save_file(weights, path, metadata)
    with pytest.raises(InputError, match=sentence) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_weights_that_do_not_fit_are_refused(saved: tuple[Path, nn.Module]) -> None:
    path, network = saved
    weights = network.state_dict()
    metadata = {"network": "varnet", "arguments": json.dumps(ARGUMENTS), "protocol": "{}"}
    refuses(path, weights, {**metadata, "arguments": json.dumps({**ARGUMENTS, "chans": 3})}, "do not fit")
    refuses(path, weights, {**metadata, "arguments": json.dumps({"chanels": 2})}, "cannot be built")
    refuses(path, weights, {**metadata, "network": "transformer"}, "unknown network")
    refuses(path, weights, {"network": "varnet"}, "does not say")
    refuses(path, weights, {**metadata, "arguments": "3"}, "does not say")
    weights["cascades.0.dc_weight"] = torch.tensor([torch.nan])
    refuses(path, weights, metadata, "NaN")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.safetensors"):
        load_model(tmp_path / "nowhere.safetensors")
