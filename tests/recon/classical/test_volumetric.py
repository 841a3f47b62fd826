"""`cs-tv3d` reconstructs neighbouring positions of a 3-D scan together."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from helpers.scans.objects import object_acquisition, smooth_maps
from helpers.scans.volumes import object_3d, positions_3d
from recon.classical.volumetric import CSVolumeVariation
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.series import Frame
from recon.data.slabs import Slab
from recon.experiments.benchmark.classical import bart
from recon.experiments.commands.arguments.samplings import parse_sampling
from recon.experiments.engine.run import Runner
from recon.experiments.engine.tuning.best_weight import BestWeight
from recon.fourier import fft, ifft
from recon.registry import create
from recon.solvers.encoding import Encoding
from recon.solvers.fista import fista
from recon.solvers.measured import Measured
from recon.solvers.problem import LeastSquares
from recon.solvers.volume_variation import VolumeVariation

MATRIX = (24, 40, 36)


@cache
def volume(noise: float = 0.02) -> tuple[Acquisition, ...]:
    sampling = parse_sampling("poisson", 4, 0.1, 0)
    return tuple(sampling(one) for one in positions_3d(MATRIX, noise=noise))


class SmallSlabs(CSVolumeVariation):
    """Slabs of a few positions."""

    @property
    def slab(self) -> Slab:
        return Slab(5, 8)


def images(method: CSVolumeVariation, scan: Sequence[Acquisition]) -> Tensor:
    return torch.stack([torch.from_numpy(one.image) for one in Runner("cs-tv3d", method).slices(scan)])


def error(result: Tensor, full: Sequence[Acquisition]) -> float:
    truth = torch.stack([one.target for one in full if one.target is not None])
    return float((result - truth).norm() / truth.norm())


@pytest.mark.parametrize("lamda", [0.003, 0.01])
def test_neighbours_lower_the_error_in_the_object(lamda: float) -> None:
    truth = torch.stack([one.target for one in positions_3d(MATRIX) if one.target is not None])
    inside = truth > 0.3 * truth.amax()

    def deviation(result: Tensor) -> float:
        return float((result - truth)[inside].norm())

    by_position = torch.stack([create("cs-tv", {"lamda": lamda})(one) for one in volume()])
    assert deviation(images(CSVolumeVariation(lamda=lamda), volume())) < 0.9 * deviation(by_position)


def test_images_do_not_depend_on_where_slabs_begin() -> None:
    whole = torch.stack(CSVolumeVariation().batch(volume()))
    deviation = (images(SmallSlabs(), volume()) - whole).abs().amax()
    assert deviation < 2e-3 * whole.amax()


def test_without_differences_along_the_readout_it_is_cs_tv() -> None:
    own = images(CSVolumeVariation(lamda=0.003, along_readout=0), volume())
    by_position = torch.stack([create("cs-tv", {"lamda": 0.003, "iterations": 64})(one) for one in volume()])
    torch.testing.assert_close(own, by_position, rtol=0, atol=2e-3 * float(by_position.amax()))


def test_the_best_weight_is_sought_for_whole_slabs() -> None:
    best = BestWeight(CSVolumeVariation(iterations=8))
    assert best.slab == CSVolumeVariation().slab
    found = images(best, volume())  # type: ignore[arg-type]
    assert error(found, volume()) < error(images(CSVolumeVariation(lamda=1.0, iterations=8), volume()), volume())


def test_a_2d_scan_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match=r"is a 2-D scan; cs-tv3d .* cs-tv takes 2-D scans"):
        images(CSVolumeVariation(), [object_acquisition(4, 32, 32)])


def test_frames_of_a_3d_series_are_refused() -> None:
    header = replace(volume()[0].header, frames=tuple(Frame(repetition=n) for n in range(2) for _ in range(2)))
    series = [replace(volume()[0], header=header, slice=number) for number in (0, 2)]
    with pytest.raises(InputError, match="not frames of a 3-D series"):
        images(CSVolumeVariation(), series)


def test_maps_of_the_noise_and_stages_are_refused() -> None:
    with pytest.raises(InputError, match="neighbouring positions of a 3-D scan at once"):
        next(Runner("cs-tv3d", CSVolumeVariation(), noise=True).slices(volume()))
    with pytest.raises(InputError, match="a stage needs the complex image"):
        create("cs-tv3d+gain")


@pytest.mark.skipif(shutil.which("bart") is None, reason="needs BART")
def test_the_objective_is_that_of_bart() -> None:
    """Both minimise `1/2 ||A x - y||^2 + lamda TV(x)` for a real object with air around it and known maps.

    BART's differences are those to the neighbour before, ours those to the next: BART is given the mirrored object.
    """
    matrix, coils, lamda = (16, 32, 32), 4, 0.01
    truth = torch.from_numpy(object_3d(matrix, (10, 18, 18))).to(torch.complex64)
    maps = smooth_maps(coils, *matrix[1:]).expand(matrix[0], -1, -1, -1)
    mask = parse_sampling("poisson", 3, 0.1, 0).mask(matrix[1:], 0)
    noise = torch.randn(maps.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    kspace = (fft(maps * truth[:, None]) + 0.02 * noise) * mask
    measured = Measured.of(kspace, mask[None, None])
    encoding = Encoding(maps.unsqueeze(1).contiguous(), measured.mask, measured.axes)
    ours = fista(LeastSquares(encoding, measured.samples), VolumeVariation(steps=10), lamda, 150)[:, 0]

    space, axes = bart.Workspace(), (0, 2, 3)
    mirrored = fft(ifft(kspace).flip(axes)) * mask.flip((0, 1)).roll((1, 1), (0, 1))
    bart.write_cfl(space / "kspace", fft(mirrored, (0,)).permute(0, 2, 3, 1).numpy())
    bart.write_cfl(space / "maps", maps.flip(axes).permute(0, 2, 3, 1).numpy())
    options = ("-c", "-w", "1", "-i", "300", "-R", f"T:7:0:{lamda}")
    bart.run("pics", *options, space / "kspace", space / "maps", space / "image")
    theirs = torch.from_numpy(bart.read_cfl(space / "image").reshape(matrix, order="F").copy()).flip((0, 1, 2))

    def objective(image: Tensor) -> float:
        residual = encoding.forward(image[:, None]) - measured.samples
        differences = torch.stack([image.roll(-1, axis) - image for axis in range(3)])
        return float(residual.abs().square().sum() / 2 + lamda * differences.abs().square().sum(0).sqrt().sum())

    assert (ours - theirs).norm() < 0.02 * theirs.norm()
    assert objective(ours) < 1.001 * objective(theirs)
