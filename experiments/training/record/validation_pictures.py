"""Draws target, reconstruction and error of the example slices of a validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from recon.data.images.png import clean
from recon.data.storage.atomic import atomic_path
from recon.experiments.report.pictures.panels import ERROR_GAIN, GRAY, HEAT, NOTICE, WHITE_PERCENTILE, error
from recon.experiments.training.validation.validator import ExampleSlice

_CELL, _MARGIN, _HEAD, _CAPTION = 2.2, 0.12, 0.35, 0.36  # inches
_BACKGROUND, _BRIGHT, _DIM = "#0d0f12", "#f0f3f6", "#9aa4af"
_TITLES = ("target", "reconstruction", f"error x {ERROR_GAIN}")


def draw_grid(examples: Sequence[ExampleSlice], title: str) -> Figure:
    """Draw a row for each example, with one grey scale for the whole row.

    Parameters
    ----------
    examples
        Slices to draw, at least one.
    title
        Title of the figure.
    """
    heights = [_CELL * example.target.shape[0] / example.target.shape[1] for example in examples]
    width = _MARGIN + len(_TITLES) * (_CELL + _MARGIN)
    height = _HEAD + sum(heights) + len(heights) * _CAPTION + _MARGIN
    figure = Figure(figsize=(width, height), dpi=110, facecolor=_BACKGROUND)

    def write(x: float, y: float, text: str, size: float, colour: str = _BRIGHT) -> None:
        figure.text(x / width, 1 - y / height, text, fontsize=size, color=colour, va="top", parse_math=False)

    write(_MARGIN, 0.1, f"{title}. {NOTICE}", 9)
    top = _HEAD
    for example, tall in zip(examples, heights, strict=True):
        write(_MARGIN, top, _caption(example), 7, _DIM)
        top += 0.15
        white = float(np.percentile(example.target, WHITE_PERCENTILE)) or 1.0
        values = (example.target, example.image, error(example.image, example.target))
        for column, (name, shown) in enumerate(zip(_TITLES, values, strict=True)):
            left = _MARGIN + column * (_CELL + _MARGIN)
            box = (left / width, 1 - (top + 0.15 + tall) / height, _CELL / width, tall / height)
            write(left, top, name, 7, _DIM)
            _show(figure.add_axes(box, label=name), shown, white, HEAT if name.startswith("error") else GRAY)
        top += tall + _CAPTION - 0.15
    return figure


def write_grid(path: Path, examples: Sequence[ExampleSlice], title: str) -> None:
    """Write the drawing as a PNG, whole or not at all; without examples write no file."""
    if examples:
        with atomic_path(path) as temporary:
            draw_grid(examples, title).savefig(temporary, format="png")


def _caption(example: ExampleSlice) -> str:
    score = example.score
    file = score.file if len(score.file) <= 40 else f"{score.file[:18]}...{score.file[-18:]}"
    return f"{file}, {score.group}, SSIM {score.ssim:.4f}, PSNR {score.psnr:.2f} dB"


def _show(axes: Axes, values: NDArray[np.floating], white: float, palette: str) -> None:
    axes.imshow(clean(values), cmap=palette, vmin=0, vmax=white)
    axes.set_axis_off()
