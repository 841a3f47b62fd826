"""What every classical method owes to slices, series of frames and positions of 3-D scans alike."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from helpers.scans.cine import cine
from helpers.scans.objects import object_acquisition
from recon.data.acquisition import Acquisition
from recon.experiments.commands.arguments.samplings import parse_sampling
from recon.experiments.engine.run import Runner
from recon.registry import create, method_names

CLASSICAL = [name for name in method_names() if not create(name).trained]
SOLVERS = [name for name in CLASSICAL if name != "zero-filled"]
OWN = [name for name in CLASSICAL if not name.startswith("sigpy-")]

Matrix = tuple[int, int]
Make = Callable[[Matrix], list[Acquisition]]
EVEN, ODD = (40, 36), (37, 41)


def slices(matrix: Matrix) -> list[Acquisition]:
    """A slice, every third line of which was measured."""
    return [parse_sampling("equispaced", 3, 0.2, 0)(object_acquisition(4, *matrix, noise=1e-3))]


def frames(matrix: Matrix) -> list[Acquisition]:
    """Frames of which every other line was measured, in turn."""
    sampling = parse_sampling("kt-equispaced", 2, 0.4, 0)
    return [sampling(frame) for frame in cine(3, *matrix, coils=4)]


def positions(matrix: Matrix) -> list[Acquisition]:
    """Positions along the readout of a 3-D scan, with a shifted lattice of both phase encodings."""
    full = object_acquisition(4, *matrix, noise=1e-3)
    header = replace(full.header, volumetric=True)
    sampling = parse_sampling("caipi:2x1", 2, 0.2, 0)
    return [
        sampling(replace(full, kspace=full.kspace * gain, target=full.target * gain, header=header, slice=number))
        for number, gain in enumerate((1.0, 0.3))
        if full.target is not None
    ]


SCANS = {"2-D": slices, "2-D + time": frames, "3-D": positions}


def every_scan(names: Sequence[str]) -> pytest.MarkDecorator:
    """Test methods on every kind of scan; those that take slabs of 3-D scans refuse the others."""
    pairs = [
        pytest.param(name, make, id=f"{name}-{kind}")
        for name in names
        for kind, make in SCANS.items()
        if create(name).slab is None or kind == "3-D"
    ]
    return pytest.mark.parametrize(("name", "make"), pairs)


def images(name: str, scan: Sequence[Acquisition]) -> Tensor:
    """Reconstruct all images as every command does."""
    return torch.stack([torch.from_numpy(one.image) for one in Runner(name, create(name)).slices(scan)])


def error(name: str, scan: Sequence[Acquisition]) -> float:
    target = torch.stack([one.target for one in scan if one.target is not None])
    return float((images(name, scan) - target).norm() / target.norm())


@every_scan(SOLVERS)
@pytest.mark.parametrize("matrix", [EVEN, ODD], ids=["even", "odd"])
def test_images_are_closer_to_the_target_than_zero_filled_ones(name: str, make: Make, matrix: Matrix) -> None:
    scan = make(matrix)
    assert error(name, scan) < 0.8 * error("zero-filled", scan)


@every_scan(OWN)
def test_units_do_not_matter(name: str, make: Make) -> None:
    scan, factor = make(EVEN), 1e-6
    scaled = [replace(one, kspace=one.kspace * factor) for one in scan]
    torch.testing.assert_close(images(name, scaled) / factor, images(name, scan), rtol=2e-3, atol=1e-3)


@every_scan(OWN)
def test_the_order_of_the_coils_does_not_matter(name: str, make: Make) -> None:
    scan = make(EVEN)
    turned = [replace(one, kspace=one.kspace.flip(0)) for one in scan]
    first = images(name, scan)
    assert (images(name, turned) - first).norm() < 0.03 * first.norm()
