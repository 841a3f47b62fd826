"""Checks the grey scale and the orientation of PNG files."""

from pathlib import Path

import numpy as np
from PIL import Image

from helpers.scans.stacks import oblique_stack
from recon.data.images.placement import upright
from recon.data.images.png import write_png


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
