"""Checks what one picture of many images shows: every image in its place, upright, on one scale and square pixels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from helpers.scans.stacks import oblique_stack
from recon.data.acquisition import Header
from recon.data.images.placement import Stack, stack, upright
from recon.data.images.sheet import GAP, LONGEST, write_sheet
from recon.data.series import Frame

GREYS = np.arange(1, 61, dtype=np.float32) / 60


def flat_stack(count: int, frames: tuple[Frame, ...] | None = None, size: tuple[int, int] = (8, 8)) -> Stack:
    """Make images that are each of one grey, in pixels of 1 mm."""
    images = np.broadcast_to(GREYS[:count, None, None], (count, *size)).astype(np.float32)
    return stack(images, Header(crop=size, padding=(0, size[1]), frames=frames), size)


def shown(path: Path, scan: Stack) -> tuple[NDArray[np.float64], str]:
    words = write_sheet(path, scan)
    return np.asarray(Image.open(path), float), words


def order_of(picture: NDArray[np.float64], scan: Stack, size: tuple[int, int] = (8, 8)) -> list[list[int]]:
    """Return the index of the image in each field; -1 where a field is empty."""
    white = np.percentile(scan.images, 99.9)
    greys = [round(255 * min(1, float(image[0, 0]) / white)) for image in scan.images]
    rows, columns = ((side + GAP) // (length + GAP) for side, length in zip(picture.shape, size, strict=True))
    middles = [
        [picture[r * (size[0] + GAP) + 2, c * (size[1] + GAP) + 2] for c in range(columns)] for r in range(rows)
    ]
    return [[greys.index(int(value)) if value else -1 for value in row] for row in middles]


@pytest.mark.parametrize(
    ("count", "fields"),
    [(2, [[0, 1]]), (3, [[0, 1], [2, -1]]), (6, [[0, 1, 2], [3, 4, 5]]), (7, [[0, 1, 2], [3, 4, 5], [6, -1, -1]])],
)
def test_slices_lie_in_reading_order_in_a_nearly_square_grid(
    tmp_path: Path, count: int, fields: list[list[int]]
) -> None:
    scan = flat_stack(count)
    picture, words = shown(tmp_path / "sheet.png", scan)
    assert order_of(picture, scan) == fields
    assert words == f"a mosaic of {count} slices, {len(fields[0])} in a row"


def test_frames_of_one_slice_are_all_shown_in_the_order_of_time(tmp_path: Path) -> None:
    scan = flat_stack(4, tuple(Frame(repetition=3 - number) for number in range(4)))
    picture, words = shown(tmp_path / "sheet.png", scan)
    assert order_of(picture, scan) == [[3, 2], [1, 0]]
    assert "4 frames" in words


def test_each_of_several_series_has_a_row_with_frames_at_equal_distances(tmp_path: Path) -> None:
    scan = flat_stack(40, tuple(Frame(repetition=number // 2) for number in range(40)))
    picture, words = shown(tmp_path / "sheet.png", scan)
    frames = [0, 2, 5, 7, 10, 12, 15, 17]
    assert order_of(picture, scan) == [[2 * frame + place for frame in frames] for place in (0, 1)]
    assert words == "a mosaic of 2 series from top to bottom, 8 of 20 frames from left to right"


def test_images_are_upright_on_pixels_of_equal_size(tmp_path: Path) -> None:
    scan = oblique_stack(4)
    picture, _ = shown(tmp_path / "sheet.png", scan)
    image, placement = upright(scan.images[3], scan.placements[3])
    down, across = placement.spacing
    assert down != pytest.approx(across)
    rows, columns = (
        round(size * mm / min(down, across)) for size, mm in zip(image.shape, (down, across), strict=True)
    )
    assert picture.shape == (2 * rows + GAP, 2 * columns + GAP)
    grey = np.round(255 * np.clip(image / np.percentile(scan.images, 99.9), 0, 1)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(grey).resize((columns, rows), Image.Resampling.BICUBIC), float)
    np.testing.assert_array_equal(picture[-rows:, -columns:], expected)


def test_a_large_picture_is_made_smaller(tmp_path: Path) -> None:
    picture, _ = shown(tmp_path / "sheet.png", flat_stack(6, size=(1500, 1500)))
    assert max(picture.shape) == LONGEST
    assert picture.shape[1] / picture.shape[0] == pytest.approx(1.5, rel=1e-2)


def test_three_planes_show_the_middle_of_a_volume_on_square_pixels(tmp_path: Path) -> None:
    scan = replace(oblique_stack(7), volumetric=True)
    picture, words = shown(tmp_path / "planes.png", scan)
    assert words == "the three middle planes"
    middle, placement = upright(scan.images[3], scan.placements[3])
    down, across = placement.spacing
    finest = min(down, across, 5.0)
    rows, columns = round(len(middle) * down / finest), round(middle.shape[1] * across / finest)
    first = picture[(len(picture) - rows) // 2 :][:rows, :columns]
    grey = np.round(255 * np.clip(middle / np.percentile(scan.images, 99.9), 0, 1)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(grey).resize((columns, rows), Image.Resampling.BICUBIC), float)
    np.testing.assert_array_equal(first, expected)


def test_of_a_volume_with_frames_the_first_frame_is_shown(tmp_path: Path) -> None:
    scan = replace(oblique_stack(7), volumetric=True)
    alone, _ = shown(tmp_path / "alone.png", scan)
    images = np.repeat(scan.images, 2, axis=0)
    images[1::2] = 0
    frames = tuple(Frame(repetition=number % 2) for number in range(14))
    placements = tuple(placement for placement in scan.placements for _ in range(2))
    series = replace(scan, images=images, placements=placements, frames=frames)
    picture, words = shown(tmp_path / "series.png", series)
    np.testing.assert_array_equal(picture, alone)
    assert words == "the three middle planes of the first frame"
