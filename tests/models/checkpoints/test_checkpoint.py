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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arguments": "[" * 100_000}, "does not say"),
        ({"arguments": "[[1, 2]]"}, "does not say"),
        ({"protocol": "[1]"}, "does not say"),
        ({"arguments": '{"chans": NaN}'}, "not a finite number"),
        ({"arguments": '{"chans": null}'}, "cannot be built"),
        ({"arguments": f'{{"chans": {"9" * 4000}}}'}, "cannot be built"),
        ({"arguments": f'{{"chans": {"9" * 5000}}}'}, "does not say"),
        ({"arguments": '{"num_cascades": 100000000}'}, "cannot be built"),
        ({"network": "x" * 100_000}, "unknown network"),
        ({"network": "\x1b[31m"}, r"unknown network '\?\[31m'"),
    ],
)
def test_an_odd_header_is_refused_in_one_sentence(tmp_path: Path, change: dict[str, str], words: str) -> None:
    path = tmp_path / "odd.safetensors"
    metadata = {"network": "varnet", "arguments": "{}", "protocol": "{}"} | change
    refuses(path, {"a": torch.ones(1)}, metadata, words)


def test_a_header_of_megabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    path.write_bytes((1 << 26).to_bytes(8, "little") + b"{" + b" " * 100)
    with pytest.raises(InputError, match="more than the limit"):
        load_model(path)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.int32, torch.complex64, torch.bool])
def test_weights_of_unusual_types_are_refused(tmp_path: Path, dtype: torch.dtype) -> None:
    metadata = {"network": "varnet", "arguments": json.dumps(ARGUMENTS), "protocol": "{}"}
    refuses(tmp_path / "odd.safetensors", {"a": torch.ones(2).to(dtype)}, metadata, f"has the type {dtype}")


@pytest.mark.parametrize("protocol", ["{}", '{"training": 3}', '{"training": {"data": []}}'])
def test_a_record_without_preprocessing_has_none(saved: tuple[Path, nn.Module], protocol: str) -> None:
    path, network = saved
    save_file(
        network.state_dict(), path, {"network": "varnet", "arguments": json.dumps(ARGUMENTS), "protocol": protocol}
    )
    assert load_model(path).preprocessing == {}


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.safetensors"):
        load_model(tmp_path / "nowhere.safetensors")
