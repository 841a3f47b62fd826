from collections.abc import Callable
from functools import partial

import pytest
import torch

from helpers.scans.slices import line_mask, random_kspace
from recon.data.training.collate import collate, pad_coils
from recon.data.training.datasets import Slice
from recon.models.networks.deep_cascade import DeepCascade
from recon.models.networks.image_unet import ImageUnet
from recon.models.networks.variational_network import VariationalNetwork
from recon.models.networks.varnet import VarNet


def make_slice(coils: int, readout: int = 24, phase: int = 20, seed: int = 0) -> Slice:
    mask = line_mask(phase, center=4 + 2 * seed)[0]
    kspace = torch.where(mask, random_kspace(coils, readout, phase, seed=seed, dtype=torch.complex128), 0)
    return Slice(kspace, mask, torch.ones(readout, phase), torch.tensor(1.0 + seed), torch.tensor(4.0))


EXACT, WITH_ESPIRIT = 1e-10, 1e-4  # ESPIRiT computes in single precision
NETWORKS = {
    "varnet": (partial(VarNet, 2, 3, 2, 4, 3), EXACT),
    "unet": (partial(ImageUnet, chans=4, pools=3), EXACT),
    "deep-cascade": (partial(DeepCascade, 2, 2, 4), WITH_ESPIRIT),
    "variational-network": (partial(VariationalNetwork, 2, 3, 5), WITH_ESPIRIT),
}


@pytest.mark.parametrize(("build", "tolerance"), NETWORKS.values(), ids=list(NETWORKS))
def test_silent_coils_change_no_slice_and_no_gradient(build: Callable[[], torch.nn.Module], tolerance: float) -> None:
    torch.manual_seed(0)  # with some weights, the kinks of the activations turn rounding into visible differences
    network = build().double()
    slices = [make_slice(coils, seed=seed) for seed, coils in enumerate((2, 5, 3))]
    batch = collate(slices)
    assert batch.kspace.shape == (3, 5, 24, 20)
    together = network(batch.kspace, batch.mask)
    alone = torch.cat([network(one.kspace[None], one.mask[None]) for one in slices])
    torch.testing.assert_close(together, alone, rtol=tolerance, atol=tolerance / 100)
    parameters = list(network.parameters())
    expected = torch.autograd.grad(alone.square().sum(), parameters)
    for gradient, other in zip(torch.autograd.grad(together.square().sum(), parameters), expected, strict=True):
        torch.testing.assert_close(gradient, other, rtol=10 * tolerance, atol=tolerance * float(other.abs().max()))


def test_everything_but_the_coils_is_stacked_unchanged() -> None:
    slices = [make_slice(2), make_slice(4, seed=1)]
    batch = collate(slices)
    for index, one in enumerate(slices):
        assert torch.equal(batch.mask[index], one.mask)
        assert torch.equal(batch.target[index], one.target)
        assert batch.maximum[index] == one.maximum


@pytest.mark.parametrize("other", [make_slice(2, phase=22), make_slice(2, readout=26)])
def test_different_matrices_are_refused_because_padding_them_would_change_the_result(other: Slice) -> None:
    with pytest.raises(ValueError, match="different matrices"):
        collate([make_slice(2), other])


def test_a_single_slice_is_not_copied() -> None:
    one = make_slice(3)
    assert collate([one]).kspace.data_ptr() == one.kspace.data_ptr()


def test_a_batch_keeps_reference_scans_and_takes_the_own_lines_of_slices_without_one() -> None:
    plain, reference = make_slice(2), random_kspace(3, 24, 20, seed=7, dtype=torch.complex128)
    batch = collate([plain, make_slice(3, seed=1)._replace(calibration=reference)])
    assert torch.equal(batch.calibration[1], reference)
    lines = batch.calibration[0].abs().sum((0, 1)).nonzero().flatten()
    assert torch.equal(batch.calibration[0, :2, :, lines], plain.kspace[..., lines])
    assert len(lines) == 4
    assert collate([plain, make_slice(2, seed=1)]).calibration is None


def test_coils_are_never_removed() -> None:
    with pytest.raises(ValueError, match="cannot pad 3 coils to 2"):
        pad_coils(random_kspace(3, 4, 4), 2)
