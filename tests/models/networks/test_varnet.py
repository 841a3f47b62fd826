from pathlib import Path
from typing import Any

import fastmri.models
import pytest
import torch
from torch import Tensor

from helpers.learned.plain_varnet import plain_varnet
from helpers.scans.slices import line_mask, random_kspace
from recon.calibration.acs import acs_window
from recon.coils import rss
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.models.losses import ssim_loss
from recon.models.networks.varnet import VarNet

SMALL: dict[str, Any] = {"num_cascades": 2, "sens_chans": 3, "sens_pools": 2, "chans": 4, "pools": 3}


def pair(dtype: torch.dtype = torch.float32, **arguments: Any) -> tuple[VarNet, fastmri.models.VarNet]:
    """Return our network and fastMRI's with the same weights."""
    torch.manual_seed(0)
    theirs = fastmri.models.VarNet(**arguments).to(dtype)
    for cascade in theirs.cascades:
        cascade.dc_weight.data.fill_(0.8)
    ours = VarNet(**arguments).to(dtype)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def undersampled(*shape: int, mask: Tensor, dtype: torch.dtype = torch.complex64) -> Tensor:
    return torch.where(mask, random_kspace(*shape, dtype=dtype), 0)


def test_leaderboard_network_has_fastmris_parameters() -> None:
    with torch.device("meta"):
        ours, theirs = VarNet(12, 8, 4, 18, 4), fastmri.models.VarNet(12, 8, 4, 18, 4)
    shapes = {key: value.shape for key, value in ours.state_dict().items()}
    assert shapes == {key: value.shape for key, value in theirs.state_dict().items()}
    assert sum(parameter.numel() for parameter in ours.parameters()) == 29_936_966


@pytest.mark.parametrize(
    ("shape", "masks", "lines", "arguments"),
    [
        ((1, 4, 32, 32), 1, None, {}),
        ((2, 1, 33, 47), 1, None, {}),
        ((2, 3, 45, 31), 2, None, {}),
        ((3, 2, 20, 50), 3, 8, {}),
        ((1, 15, 48, 20), 1, 5, {}),
        ((1, 2, 40, 37), 1, 0, {"mask_center": False}),
        ((1, 3, 40, 64), 1, None, {"pools": 4, "sens_pools": 4}),
        ((1, 3, 24, 40), 1, None, {"pools": 1, "sens_pools": 2, "num_cascades": 5}),
    ],
)
def test_same_weights_give_fastmris_image(
    shape: tuple[int, ...], masks: int, lines: int | None, arguments: dict[str, Any]
) -> None:
    ours, theirs = pair(**{**SMALL, **arguments})
    mask = line_mask(shape[-1], batch=masks)
    mask[..., 0] = mask[..., -1] = False
    kspace = undersampled(*shape, mask=mask) * 1e-4
    expected = theirs(torch.view_as_real(kspace), mask.unsqueeze(-1), lines)
    image = ours(kspace, mask, lines)
    assert image.shape == expected.shape
    assert image.dtype == torch.float32
    assert torch.linalg.norm(image - expected) < 1e-5 * torch.linalg.norm(expected)


@pytest.mark.parametrize("name", ["brain_t1_7ch.h5", "brain_t2_4ch.h5", "fruit_8ch.h5"])
def test_same_weights_give_fastmris_image_of_a_real_scan(real_data: Path, name: str) -> None:
    ours, theirs = pair(num_cascades=3)
    full = open_volume(real_data / "kspace" / name).read(0)
    scan = Sampling(MaskKind.EQUISPACED_FRACTION, 4, 0.08)(full)
    kspace, mask = scan.kspace.unsqueeze(0), scan.mask.reshape(1, 1, 1, -1)
    with torch.no_grad():
        expected = theirs(torch.view_as_real(kspace), mask.unsqueeze(-1))
        assert torch.linalg.norm(ours(kspace, mask) - expected) < 1e-5 * torch.linalg.norm(expected)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_same_weights_give_fastmris_gradients(checkpointing: bool) -> None:
    ours, theirs = pair(torch.float64, **SMALL)
    ours.checkpointing = checkpointing
    ours.sens_net.coil_chunk = 2 if checkpointing else None
    mask = line_mask(30, batch=2)
    kspace = undersampled(2, 3, 34, 30, mask=mask, dtype=torch.complex128)
    ours(kspace, mask).square().sum().backward()
    theirs(torch.view_as_real(kspace), mask.unsqueeze(-1)).square().sum().backward()
    expected = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-8, atol=1e-9, msg=name)


@pytest.mark.parametrize("kind", ["lines", "points", "lines and points"])
@pytest.mark.parametrize("matrix", [(28, 26), (27, 31)])
def test_coil_images_equal_those_of_a_plain_implementation(matrix: tuple[int, int], kind: str) -> None:
    network = VarNet(**SMALL).double()
    network.cascades[0].dc_weight.data.fill_(0.7)
    lines = line_mask(matrix[1], batch=2)
    points = torch.rand(2, 1, *matrix, generator=torch.Generator().manual_seed(0)) < 0.3
    points[..., 10:18, 9:17] = True
    mixed = torch.cat([lines[:1].expand(1, 1, *matrix), points[1:]])
    mask = {"lines": lines, "points": points, "lines and points": mixed}[kind]
    kspace = undersampled(2, 3, *matrix, mask=mask, dtype=torch.complex128)
    images = network.coil_images(kspace, mask)
    torch.testing.assert_close(images, plain_varnet(network, kspace, mask))
    torch.testing.assert_close(network(kspace, mask), rss(images))


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_maps_do_not_depend_on_the_size_of_the_chunks(chunk: int) -> None:
    network = VarNet(**SMALL).double()
    mask = line_mask(26)
    kspace = undersampled(2, 3, 28, 26, mask=mask, dtype=torch.complex128)
    whole = network(kspace, mask)
    network.sens_net.coil_chunk = chunk
    torch.testing.assert_close(network(kspace, mask), whole)


def test_checkpointing_stores_less_for_the_backward_pass() -> None:
    network = VarNet(4, sens_chans=3, sens_pools=2, chans=6, pools=3)
    mask = line_mask(48)
    kspace = undersampled(1, 8, 48, 48, mask=mask)

    def kept() -> int:
        storages: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            image = network(kspace, mask)
        assert image.requires_grad
        return sum(storages.values())

    everything = kept()
    network.checkpointing = True
    assert kept() < everything / 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_leaves_the_physics_in_single_precision(dtype: torch.dtype) -> None:
    network = VarNet(**SMALL)
    mask = line_mask(40)
    kspace = undersampled(1, 3, 40, 40, mask=mask)
    expected = network(kspace, mask)
    with torch.autocast("cpu", dtype):
        images = network.coil_images(kspace, mask)
        image = network(kspace, mask)
    assert images.dtype == torch.complex64
    assert image.dtype == torch.float32
    image.square().sum().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in network.parameters())
    assert 0 < (image - expected).norm() < 0.02 * expected.norm()


def test_half_precision_does_not_change_the_third_decimal_of_ssim(real_data: Path) -> None:
    network = VarNet(num_cascades=4).eval()
    volume = open_volume(real_data / "kspace" / "brain_t1_7ch.h5")
    scan = Sampling(MaskKind.EQUISPACED_FRACTION, 4, 0.08)(volume.read(0))
    kspace, mask = scan.kspace.unsqueeze(0), scan.mask.reshape(1, 1, 1, -1)
    with torch.no_grad():
        single = network(kspace, mask)
        with torch.autocast("cpu", torch.bfloat16):
            half = network(kspace, mask)
    target = scan.target.unsqueeze(0)
    range_ = target.max().reshape(1)
    assert abs(ssim_loss(half, target, range_) - ssim_loss(single, target, range_)) < 5e-4


def test_each_slice_of_a_batch_is_reconstructed_with_its_own_mask() -> None:
    network = VarNet(**SMALL).double()
    masks = torch.cat([line_mask(26, center=4), line_mask(26, center=10, every=3), line_mask(26, center=26)])
    kspace = undersampled(3, 2, 28, 26, mask=masks, dtype=torch.complex128)
    alone = [network(kspace[i : i + 1], masks[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(network(kspace, masks), torch.cat(alone))


def test_a_mask_expanded_along_readout_gives_the_same_image() -> None:
    network = VarNet(**SMALL)
    mask = line_mask(26)
    kspace = undersampled(1, 2, 28, 26, mask=mask)
    assert torch.equal(network(kspace, mask), network(kspace, mask.expand(1, 1, 28, 26)))


def test_a_two_dimensional_mask_is_not_reduced_to_lines() -> None:
    network = VarNet(**SMALL).double()
    mask = torch.rand(1, 1, 28, 26) < 0.3
    mask[..., 10:18, 9:17] = True
    kspace = undersampled(1, 2, 28, 26, mask=mask, dtype=torch.complex128)
    before = network(kspace, mask)
    assert before.isfinite().all()
    assert not torch.allclose(before, network(kspace, mask.all(dim=2, keepdim=True)))


@pytest.mark.parametrize("kind", ["all zero", "one zero slice", "one silent coil", "nothing measured"])
def test_zeros_give_zeros_and_finite_gradients(kind: str) -> None:
    network = VarNet(**SMALL)
    mask = torch.zeros(1, 1, 1, 24, dtype=torch.bool) if kind == "nothing measured" else line_mask(24)
    kspace = undersampled(2, 3, 32, 24, mask=mask)
    if kind == "all zero":
        kspace = torch.zeros_like(kspace)
    if kind == "one zero slice":
        kspace[1] = 0
    if kind == "one silent coil":
        kspace[:, 1] = 0
    kspace.requires_grad_()
    image = network(kspace, mask)
    image.sum().backward()
    assert image.isfinite().all()
    assert torch.equal(image.detach().amax((1, 2)) == 0, kspace.detach().abs().amax((1, 2, 3)) == 0)
    assert kspace.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("phase", [24, 25])
def test_fully_sampled_mask_uses_all_of_kspace_for_the_maps(phase: int) -> None:
    network = VarNet(**SMALL)
    mask = torch.ones(1, 1, 1, phase, dtype=torch.bool)
    kspace = random_kspace(1, 3, 32, phase)
    assert torch.equal(network(kspace, mask), network(kspace, mask, phase))


@pytest.mark.parametrize("pools", [1, 2, 5])
@pytest.mark.parametrize("matrix", [(6, 5), (33, 47)])
def test_any_size_and_depth_is_reconstructed(matrix: tuple[int, int], pools: int) -> None:
    network = VarNet(1, sens_chans=2, sens_pools=pools, chans=2, pools=pools)
    mask = line_mask(matrix[1], center=3)
    image = network(undersampled(1, 2, *matrix, mask=mask), mask)
    assert image.shape == (1, *matrix)
    assert image.isfinite().all()


@pytest.mark.parametrize("scale", [1e-7, 1e7])
def test_image_scales_with_the_kspace(scale: float) -> None:
    network = VarNet(**SMALL).double()
    mask = line_mask(26)
    kspace = undersampled(1, 3, 28, 26, mask=mask, dtype=torch.complex128)
    torch.testing.assert_close(network(kspace * scale, mask) / scale, network(kspace, mask))


def test_order_of_the_coils_does_not_matter() -> None:
    network = VarNet(**SMALL).double()
    mask = line_mask(26)
    kspace = undersampled(1, 4, 28, 26, mask=mask, dtype=torch.complex128)
    torch.testing.assert_close(network(kspace[:, [2, 0, 3, 1]], mask), network(kspace, mask))


def test_a_separate_reference_scan_replaces_the_centre_of_kspace() -> None:
    network = VarNet(**SMALL).double()
    mask = line_mask(26)
    kspace = undersampled(1, 3, 28, 26, mask=mask, dtype=torch.complex128)
    center = torch.where(acs_window(mask), kspace, 0)
    torch.testing.assert_close(network(kspace, mask, calibration=center), network(kspace, mask))
    regular = torch.arange(26).reshape(1, 1, 1, 26) % 2 == 0
    without_center = torch.where(regular, kspace, 0)
    with_scan, without_scan = network(without_center, regular, calibration=center), network(without_center, regular)
    assert not torch.allclose(with_scan, without_scan)
