import json
from pathlib import Path

import pytest
from PIL import Image

from recon.data.errors import InputError
from recon.experiments.training.record.plot import ALL, curves, draw, plot

LINES = [
    {"epochs": 0, "steps": 1, "loss": 0.9, "lr": 1e-3, "slices_per_second": 2.0, "data_wait": 0.1},
    {"epochs": 0, "steps": 2, "loss": None, "lr": 1e-3, "slices_per_second": 2.5, "data_wait": 0.1},
    {"epochs": 1, "steps": 2, "ssim": 0.7, "psnr": 30.0, "groups": {"AXT2 4x": {"ssim": 0.7, "volumes": 1}}},
]


def test_curves_are_the_logged_values() -> None:
    found = curves(LINES)
    assert list(found) == ["loss", "ssim", "psnr", "lr", "slices_per_second", "data_wait"]
    assert found["loss"] == {ALL: ([1], [0.9])}
    assert found["ssim"] == {ALL: ([2], [0.7]), "AXT2 4x": ([2], [0.7])}


def test_every_quantity_has_a_panel() -> None:
    figure = draw(curves(LINES), "run")
    assert len(figure.axes) == 6
    assert [len(axes.lines) for axes in figure.axes] == [1, 2, 1, 1, 1, 1]


def test_long_curves_are_lines_without_points() -> None:
    scores = {"ssim": 0.5, "groups": {"AXT2 4x": {"ssim": 0.5}}}
    lines = [{"steps": step, "loss": 1 / (1 + step)} | scores for step in range(40)]
    loss, ssim = draw(curves(lines), "run").axes
    assert {line.get_marker() for axes in (loss, ssim) for line in axes.lines} == {""}
    assert {line.get_linestyle() for axes in (loss, ssim) for line in axes.lines} == {"-"}


def test_unfinished_run_is_drawn(tmp_path: Path) -> None:
    text = "".join(json.dumps(line) + "\n" for line in LINES)
    (tmp_path / "log.jsonl").write_text(text + '{"epochs": 1, "st')
    with Image.open(plot(tmp_path)) as image:
        assert image.format == "PNG"


def test_only_curves_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    path = plot(tmp_path)
    assert plot(tmp_path) == path
    Image.new("L", (8, 8)).save(path)
    mine = path.read_bytes()
    with pytest.raises(InputError, match=r"curves\.png: exists already and was not written by this program"):
        plot(tmp_path)
    assert path.read_bytes() == mine


def test_folder_without_curves_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such log; give the output folder"):
        plot(tmp_path)
    (tmp_path / "log.jsonl").touch()
    with pytest.raises(InputError, match="nothing has been logged yet"):
        plot(tmp_path)
