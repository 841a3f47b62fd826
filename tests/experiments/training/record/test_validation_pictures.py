from pathlib import Path

import numpy as np
from PIL import Image

from recon.experiments.report.pictures.panels import ERROR_GAIN
from recon.experiments.training.record.validation_pictures import draw_grid, write_grid
from recon.experiments.training.validation.validator import ExampleSlice, VolumeScore


def example(name: str) -> ExampleSlice:
    target = np.linspace(0, 1, 12 * 8, dtype=np.float32).reshape(12, 8)
    return ExampleSlice(VolumeScore(name, "AXT2", 4.0, 0.9, 30.0, 0.01), target, 0.9 * target)


def test_each_example_is_a_row_of_target_image_and_error() -> None:
    figure = draw_grid([example("a.h5"), example("b.h5")], "epoch 1")
    assert len(figure.axes) == 6
    target, image, error = (np.asarray(axes.images[0].get_array()) for axes in figure.axes[:3])
    np.testing.assert_allclose(error, ERROR_GAIN * np.abs(target - image), rtol=1e-6)
    assert len({axes.images[0].get_clim() for axes in figure.axes}) == 1
    texts = [text.get_text() for text in figure.texts]
    assert "a.h5, AXT2 4x, SSIM 0.9000, PSNR 30.00 dB" in texts


def test_grid_is_a_png_and_no_example_gives_no_file(tmp_path: Path) -> None:
    write_grid(tmp_path / "grid.png", [example("a.h5")], "epoch 1")
    with Image.open(tmp_path / "grid.png") as image:
        assert image.format == "PNG"
    write_grid(tmp_path / "none.png", [], "epoch 1")
    assert not (tmp_path / "none.png").exists()
