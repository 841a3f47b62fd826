from dataclasses import replace

import pytest
import torch

from recon.data.training.collate import collate
from recon.data.training.datasets import Slice
from recon.simulation.scanner.scan_plan import Ranges
from recon.simulation.scanner.shares import Shares
from recon.simulation.scanner.simulator import Simulator
from recon.simulation.scanner.slices import SimulatedSlices
from recon.simulation.scanner.subject.anatomy import draw_heads


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(draw_heads(1, seed=3), ranges=Ranges(matrix=(48, 64), coils=(1, 6)))


def shape_of(scan: Slice) -> tuple[int, ...]:
    return (*scan.kspace.shape, *scan.target.shape, scan.mask.shape[1], int(scan.calibration is not None))


def test_stated_shapes_are_those_of_the_slices(simulator: Simulator) -> None:
    slices = SimulatedSlices(simulator, 30, (1, 0))
    for index, shape in enumerate(slices.shapes()):
        assert shape_of(slices[index]) == shape


def test_a_slice_depends_on_seed_epoch_and_index_alone(simulator: Simulator) -> None:
    few, many = SimulatedSlices(simulator, 3, (1, 0)), SimulatedSlices(simulator, 9, (1, 0))
    other_epoch = SimulatedSlices(simulator, 3, (1, 1))
    assert torch.equal(few[2].kspace, many[2].kspace)
    assert not torch.equal(few[1].target, few[2].target)
    assert not torch.equal(few[2].target, other_epoch[2].target)


def test_messages_name_the_slice_with_its_seed(simulator: Simulator) -> None:
    assert SimulatedSlices(simulator, 3, (1, 0)).where(2) == "simulated slice 2 of seed 1, 0"


def test_slices_of_a_batch_share_their_shape_and_nothing_else(simulator: Simulator) -> None:
    slices = SimulatedSlices(simulator, 7, (1, 0), together=3)
    shapes = slices.shapes()
    assert [shapes.index(shape) for shape in shapes] == [0, 0, 0, 3, 3, 3, 6]
    batch = [slices[index] for index in range(3)]
    assert {shape_of(one) for one in batch} == {shapes[0]}
    assert len({float(one.acceleration) for one in batch}) == 3
    assert len({float(one.maximum) for one in batch}) == 3
    assert torch.equal(SimulatedSlices(simulator, 7, (1, 0))[0].kspace, batch[0].kspace)


def test_slices_of_any_kind_make_batches(simulator: Simulator) -> None:
    every = Shares(planes=0.5, reference=0.5, partial_fourier=0.5, off_centre=0.5)
    slices = SimulatedSlices(
        replace(simulator, ranges=replace(simulator.ranges, shares=every)), 16, (2, 0), together=2
    )
    for first in range(0, 16, 2):
        batch = collate([slices[first], slices[first + 1]])
        assert batch.kspace.shape[0] == batch.mask.shape[0] == 2
