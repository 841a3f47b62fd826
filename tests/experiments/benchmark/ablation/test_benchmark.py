"""Train and score the variants of the general network."""

from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.objects import object_acquisition
from helpers.slices import line_mask
from recon.data.errors import InputError
from recon.experiments.benchmark.ablation import benchmark
from recon.experiments.benchmark.ablation.benchmark import ablation
from recon.experiments.benchmark.ablation.variants import VARIANTS
from recon.models.networks.general_varnet import GeneralVarNet


@pytest.fixture
def images(tmp_path: Path) -> Path:
    disc = np.hypot(*np.meshgrid(*[np.linspace(-1.2, 1.2, 60)] * 2)) < 1
    np.savez(tmp_path / "disc.npz", image=np.stack([disc, disc]).astype(np.uint8))
    return tmp_path / "disc.npz"


def parameters(name: str) -> int:
    return sum(parameter.numel() for parameter in VARIANTS[name].build().parameters())


def test_the_network_of_the_paper_has_as_many_parameters() -> None:
    assert parameters("paper") == pytest.approx(parameters("general"), rel=0.05)
    assert parameters("shared-weights") == pytest.approx(parameters("general") / 4, rel=0.01)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in {"general", "paper"}])
def test_every_variant_reconstructs_another_image_from_the_same_scan(name: str) -> None:
    full, mask = object_acquisition(noise=1e-2), line_mask(60, center=16)
    kspace = torch.where(mask, full.kspace[None], 0)
    images = []
    for variant in ("general", name):
        torch.manual_seed(0)
        network = VARIANTS[variant].build().eval()
        assert isinstance(network, GeneralVarNet)
        for cascade in network.cascades:
            torch.nn.init.normal_(cascade.control[-1].weight)  # as after training; a fresh one ignores its inputs
        with torch.no_grad():
            images.append(network(kspace, mask))
    assert images[0].shape == images[1].shape
    assert images[1].isfinite().all()
    assert (images[0] - images[1]).norm() > 1e-5 * images[0].norm()


@pytest.mark.slow
def test_results_are_kept_and_another_protocol_is_rejected(
    raw_file: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "SHAPE", (4, 64, 48))
    monkeypatch.setattr(benchmark, "REPEATS", 1)
    monkeypatch.setattr(benchmark, "SIMULATED", ("data.simulation.matrix=[48, 64]", "data.simulation.heads=0"))
    first = ablation([raw_file], images, None, 0, ["paper"], tmp_path)
    assert first["paper"].steps == 1
    assert set(first["paper"].psnr) == {4, 8}
    both = ablation([raw_file], images, None, 0, ["paper", "shared-weights"], tmp_path)
    assert both["paper"] == first["paper"]
    with pytest.raises(InputError, match="another protocol"):
        ablation([raw_file], images, None, 1, ["paper"], tmp_path)


def test_an_unknown_variant_is_rejected_before_anything_runs(raw_file: Path, images: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown variant 'from-sens'; did you mean"):
        ablation([raw_file], images, None, 0, ["from-sens"], tmp_path)
