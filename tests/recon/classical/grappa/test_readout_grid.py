import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.scans.slices import random_kspace
from recon.classical.grappa.readout_grid import ReadoutGrid

sizes = st.tuples(st.integers(1, 40), st.integers(2, 100))
CPU = torch.device("cpu")


@given(sizes)
def test_splitting_and_joining_is_the_identity(size: tuple[int, int]) -> None:
    rows, readout = size
    kspace = random_kspace(2, readout, 3)
    grid = ReadoutGrid.of(rows, readout, CPU)
    torch.testing.assert_close(grid.join(grid.split(kspace)), kspace)


@given(sizes)
def test_weights_act_on_the_shares_as_if_they_were_interpolated(size: tuple[int, int]) -> None:
    rows, readout = size
    kspace, weights = random_kspace(3, readout, 4), random_kspace(rows, 5, 3, seed=1)
    grid = ReadoutGrid.of(rows, readout, CPU)
    applied = grid.join(torch.einsum("xoi,xils->xols", weights, grid.split(kspace)))
    everywhere = grid.interpolate(weights, slice(0, readout))
    torch.testing.assert_close(applied, torch.einsum("xoi,ixl->oxl", everywhere, kspace), atol=1e-5, rtol=1e-4)


@given(sizes)
def test_linear_functions_about_the_centre_are_exact(size: tuple[int, int]) -> None:
    rows, readout = size
    grid = ReadoutGrid.of(rows, readout, CPU)
    values = grid.interpolate((torch.arange(rows) - rows // 2) / rows, slice(0, readout))
    expected = (torch.arange(readout) - readout // 2) / readout
    between = grid.row < rows - 1  # beyond the last row the first one follows
    torch.testing.assert_close(values[between], expected[between], atol=1e-5, rtol=0)
