"""Slabs overlap, keep every position once, and end where an image does."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.scans.stacks import oblique_geometry
from recon.data.acquisition import Acquisition, Geometry, Header
from recon.data.series import Frame
from recon.data.slabs import Slab, are_neighbours, slabs

HEADER = Header(crop=(2, 2), padding=(0, 2), volumetric=True)


def scan(count: int, header: Header = HEADER) -> list[Acquisition]:
    kspace, mask = torch.zeros(1, 2, 2, dtype=torch.complex64), torch.ones(2, dtype=torch.bool)
    return [Acquisition(kspace, mask, header, slice=number) for number in range(count)]


def numbers(acquisitions: list[Acquisition]) -> list[int]:
    return [one.slice or 0 for one in acquisitions]


def along_the_readout(*places: float) -> Header:
    (plane,) = oblique_geometry(1, 0)

    def moved(by: float) -> Geometry:
        x, y, z = (centre + by * step for centre, step in zip(plane.position, plane.slice_dir, strict=True))
        return replace(plane, position=(x, y, z))

    return replace(HEADER, geometry=tuple(moved(place * plane.field_of_view[2]) for place in places))


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 9))
def test_every_position_is_kept_once_with_its_margins(count: int, kept: int, margin: int) -> None:
    found = list(slabs(scan(count), Slab(kept, margin)))
    assert [number for held, part in found for number in numbers(held[part])] == list(range(count))
    for held, part in found:
        wanted = numbers(held[part])
        assert numbers(held) == list(range(max(wanted[0] - margin, 0), min(wanted[-1] + margin, count - 1) + 1))
        assert kept <= len(wanted) <= kept + margin or len(found) == 1 or held is found[-1][0]


def test_no_slab_reaches_from_one_image_to_the_next() -> None:
    echoes = replace(HEADER, frames=(*[Frame(contrast=0)] * 3, *[Frame(contrast=1)] * 3))
    assert [numbers(held) for held, _ in slabs(scan(6, echoes), Slab(8, 2))] == [[0, 1, 2], [3, 4, 5]]


def test_millimetres_show_a_gap_between_slabs() -> None:
    header = along_the_readout(0, 1, 2, 5, 6)
    assert [numbers(held) for held, _ in slabs(scan(5, header), Slab(8, 2))] == [[0, 1, 2], [3, 4]]


@pytest.mark.parametrize("places", [(0, 1), (0, 1.05)])
def test_the_next_position_is_a_neighbour(places: tuple[float, float]) -> None:
    assert are_neighbours(*scan(2, along_the_readout(*places)))


@pytest.mark.parametrize("places", [(0, -1), (0, 2), (0, 0)])
def test_other_places_are_none(places: tuple[float, float]) -> None:
    assert not are_neighbours(*scan(2, along_the_readout(*places)))


def test_slices_of_a_2d_scan_are_no_neighbours() -> None:
    assert not are_neighbours(*scan(2, replace(HEADER, volumetric=False)))
