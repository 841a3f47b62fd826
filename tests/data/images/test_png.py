"""Checks the grey scale and the orientation of PNG files."""

from pathlib import Path

import numpy as np
from PIL import Image

from helpers.scans.stacks import oblique_stack
from recon.data.images.placement import upright
from recon.data.images.png import write_planes, write_png


def test_images_are_upright_and_share_one_grey_scale(tmp_path: Path) -> None:
    scan = oblique_stack(3)
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    write_png(paths, scan)
    white = np.percentile(scan.images, 99.9)
    for path, image, placement in zip(paths, scan.images, scan.placements, strict=True):
        expected = np.minimum(upright(image, placement)[0] / white, 1) * 255
        assert np.abs(np.asarray(Image.open(path), float) - expected).max() <= 0.5 + 1e-3


def test_an_empty_image_is_black(tmp_path: Path) -> None:
    scan = oblique_stack(1, scale=0.0)
    write_png([tmp_path / "black.png"], scan)
    assert not np.asarray(Image.open(tmp_path / "black.png")).any()


def test_three_planes_show_the_middle_of_a_volume_on_square_pixels(tmp_path: Path) -> None:
    scan = oblique_stack(7)
    write_planes(tmp_path / "planes.png", scan)
    shown = np.asarray(Image.open(tmp_path / "planes.png"), float)
    middle = upright(scan.images[3], scan.placements[3])[0]
    down, across = upright(scan.images[3], scan.placements[3])[1].spacing
    finest = min(down, across, 5.0)
    rows, columns = round(len(middle) * down / finest), round(middle.shape[1] * across / finest)
    first = shown[(len(shown) - rows) // 2 :][:rows, :columns]
    grey = np.round(255 * np.clip(middle / np.percentile(scan.images, 99.9), 0, 1)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(grey).resize((columns, rows), Image.Resampling.BICUBIC), float)
    np.testing.assert_array_equal(first, expected)
