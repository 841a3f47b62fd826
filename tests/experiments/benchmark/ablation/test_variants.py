"""Build the variants, with fresh weights and with those that ship."""

from itertools import pairwise

import pytest
import torch

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask
from recon.data.errors import InputError
from recon.experiments.benchmark.ablation.variants import VARIANTS
from recon.models.checkpoints.checkpoint import load_model
from recon.models.checkpoints.locate import locate
from recon.models.networks.general_varnet import GeneralVarNet

ADDITIONS = ("two-starts", "two-starts-tv", "refined-maps", "weighted-consistency")
SAME = ("general", "paper", "untrained", "with-wavelet", "with-detail", "psnr-heavy")


def scan() -> tuple[torch.Tensor, torch.Tensor]:
    full, mask = object_acquisition(noise=1e-2), line_mask(60, center=16)
    return torch.where(mask, full.kspace[None], 0), mask


def parameters(name: str) -> int:
    return sum(parameter.numel() for parameter in VARIANTS[name].build().parameters())


@pytest.mark.parametrize("name", ["paper", "six-cascades", "wide-last", "two-cascades", *ADDITIONS])
def test_variants_of_equal_size_have_as_many_parameters(name: str) -> None:
    assert parameters(name) == pytest.approx(parameters("general"), rel=0.06)


def test_sizes_double_from_one_to_the_next() -> None:
    sizes = [parameters(name) for name in ("chans-6", "chans-8", "general", "chans-17")]
    assert all(1.7 < larger / smaller < 2.4 for smaller, larger in pairwise(sizes))
    assert parameters("shared-weights") == pytest.approx(parameters("general") / 4, rel=0.01)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in SAME])
def test_every_variant_reconstructs_another_image_from_the_same_scan(name: str) -> None:
    kspace, mask = scan()
    images = []
    for variant in ("general", name):
        torch.manual_seed(0)
        network = VARIANTS[variant].build().eval()
        assert isinstance(network, GeneralVarNet)
        for cascade in network.cascades:  # as after training; fresh ones ignore their inputs
            for block in cascade.children():
                last = [module for module in block.modules() if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)]
                torch.nn.init.normal_(last[-1].weight, std=0.1)
        with torch.no_grad():
            images.append(network(kspace, mask))
    assert images[0].shape == images[1].shape
    assert images[1].isfinite().all()
    assert (images[0] - images[1]).norm() > 1e-5 * images[0].norm()


@pytest.mark.parametrize("name", ADDITIONS)
def test_an_addition_to_given_weights_changes_nothing_but_learns(name: str) -> None:
    kspace, mask = scan()
    weights = load_model(locate("varnet-general"))
    with torch.no_grad():
        expected = VARIANTS["general"].start_from(weights)(kspace, mask)
    network = VARIANTS[name].start_from(weights)
    image = network(kspace, mask)
    torch.testing.assert_close(image.detach(), expected, rtol=1e-4, atol=1e-5)
    image.square().sum().backward()
    if name.startswith("two-starts"):
        gradient = network.get_parameter("cascades.0.unet.down_sample_layers.0.layers.0.weight").grad
        slopes = [gradient[:, 5:9]]
    else:
        own = network.state_dict().keys() - weights.network.state_dict().keys()
        slopes = [parameter.grad for key, parameter in network.named_parameters() if key in own]
    assert any(slope.abs().max() > 0 for slope in slopes)


@pytest.mark.parametrize("name", ["paper", "six-cascades", "wide-last", "without-notes"])
def test_weights_of_another_shape_are_rejected(name: str) -> None:
    with pytest.raises(InputError, match="varnet-general.safetensors: does not fit the variant"):
        VARIANTS[name].start_from(load_model(locate("varnet-general")))


@pytest.mark.parametrize("name", ["refined-maps", "weighted-consistency"])
def test_coils_that_a_slice_lacks_change_nothing(name: str) -> None:
    kspace, mask = scan()
    torch.manual_seed(0)
    network = VARIANTS[name].build().eval()
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    with torch.no_grad():
        image = network(kspace, mask)
        silent = network(torch.cat([kspace, torch.zeros_like(kspace[:, :2])], dim=1), mask)
    assert (silent - image).norm() < 1e-3 * image.norm()
