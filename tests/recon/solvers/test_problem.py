import torch

from helpers.objects import object_acquisition
from recon.classical.sense import Sense
from recon.coils import rss
from recon.data.acquisition import Acquisition, Header
from recon.data.masks import MaskKind, Sampling
from recon.fourier import fft, ifft
from recon.solvers.problem import Problem


def folded(acquisition: Acquisition, width: int) -> Acquisition:
    """Take the scan with a narrower field of view: what lies outside is folded in."""
    coil_images = ifft(acquisition.kspace)
    first = coil_images.shape[-1] // 2 - width // 2
    narrow = coil_images[..., first : first + width].clone()
    narrow[..., width - first :] += coil_images[..., :first]
    beyond = coil_images[..., first + width :]
    narrow[..., : beyond.shape[-1]] += beyond
    header = Header(crop=(coil_images.shape[-2], width), padding=(0, width))
    return Acquisition(fft(narrow), torch.ones(width, dtype=torch.bool), header, rss(narrow), name="folded.h5")


def undersampled(acquisition: Acquisition) -> Acquisition:
    return Sampling(MaskKind.EQUISPACED, 3, 0.3)(acquisition)


def test_two_maps_are_used_where_the_object_is_folded_and_only_there() -> None:
    full = object_acquisition(coils=8, readout=64, phase=96)
    assert len(Problem.of(undersampled(full)).encoding.sens_maps) == 1
    assert len(Problem.of(undersampled(folded(full, 52))).encoding.sens_maps) == 2


def test_a_folded_object_is_reconstructed() -> None:
    scan = folded(object_acquisition(coils=8, readout=64, phase=96), 52)
    image = Sense(lamda=1e-3)(undersampled(scan))
    assert (image - scan.target).norm() < 0.06 * scan.target.norm()


def test_readout_oversampling_is_removed_without_changing_the_image() -> None:
    full = object_acquisition(readout=64, crop=(40, 60))
    problem = Problem.of(undersampled(full))
    assert problem.measured.shape[-2] == 40
    whole = Sense()(undersampled(object_acquisition(readout=64)))
    assert (Sense()(undersampled(full)) - whole[12:52]).norm() < 0.02 * whole.norm()


def test_the_largest_step_that_gradient_descent_may_take_is_one() -> None:
    encoding = Problem.of(undersampled(object_acquisition())).encoding
    image = torch.randn(1, 64, 60, generator=torch.Generator().manual_seed(0), dtype=torch.complex64)
    for _ in range(30):
        image = encoding.normal(image)
        growth = image.norm()
        image = image / growth
    assert growth < 1.0001


def test_a_mask_in_two_dimensions_gives_the_image_of_the_same_mask_along_phase() -> None:
    scan = undersampled(object_acquisition())
    spelled_out = Acquisition(scan.kspace, scan.mask.expand(64, 60), scan.header)
    torch.testing.assert_close(Sense()(spelled_out), Sense()(scan), rtol=1e-3, atol=1e-4)
