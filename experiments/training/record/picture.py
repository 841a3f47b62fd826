"""The grid of pictures that a validation leaves: target, reconstruction and error of some volumes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from recon.data.storage.atomic import atomic_path
from recon.experiments.report.panels import ERROR_GAIN, GRAY, HEAT, NOTICE, WHITE_PERCENTILE, error
from recon.experiments.training.validation import Picture

_CELL, _MARGIN, _HEAD, _CAPTION = 2.2, 0.12, 0.35, 0.36  # inches
_BACKGROUND, _BRIGHT, _DIM = "#0d0f12", "#f0f3f6", "#9aa4af"
_TITLES = ("target", "reconstruction", f"error x {ERROR_GAIN}")


def draw_grid(pictures: Sequence[Picture], title: str) -> Figure:
    """Draw one row for each picture; image and error in the window of the target.

    Parameters
    ----------
    pictures
        At least one.
    title
        Stands above.
    """
    heights = [_CELL * picture.target.shape[0] / picture.target.shape[1] for picture in pictures]
    width = _MARGIN + len(_TITLES) * (_CELL + _MARGIN)
    height = _HEAD + sum(heights) + len(heights) * _CAPTION + _MARGIN
    figure = Figure(figsize=(width, height), dpi=110, facecolor=_BACKGROUND)

    def write(x: float, y: float, text: str, size: float, colour: str = _BRIGHT) -> None:
        figure.text(x / width, 1 - y / height, text, fontsize=size, color=colour, va="top", parse_math=False)

    write(_MARGIN, 0.1, f"{title}. {NOTICE}", 9)
    top = _HEAD
    for picture, tall in zip(pictures, heights, strict=True):
        write(_MARGIN, top, _caption(picture), 7, _DIM)
        top += 0.15
        white = float(np.percentile(picture.target, WHITE_PERCENTILE)) or 1.0
        values = (picture.target, picture.image, error(picture.image, picture.target))
        for column, (name, shown) in enumerate(zip(_TITLES, values, strict=True)):
            left = _MARGIN + column * (_CELL + _MARGIN)
            box = (left / width, 1 - (top + 0.15 + tall) / height, _CELL / width, tall / height)
            write(left, top, name, 7, _DIM)
            _show(figure.add_axes(box, label=name), shown, white, HEAT if name.startswith("error") else GRAY)
        top += tall + _CAPTION - 0.15
    return figure


def write_grid(path: Path, pictures: Sequence[Picture], title: str) -> None:
    """Write the grid as a PNG, whole or not at all; nothing if there is no picture."""
    if pictures:
        with atomic_path(path) as temporary:
            draw_grid(pictures, title).savefig(temporary, format="png")


def _caption(picture: Picture) -> str:
    score = picture.score
    file = score.file if len(score.file) <= 40 else f"{score.file[:18]}...{score.file[-18:]}"
    return f"{file}, {score.group}, SSIM {score.ssim:.4f}, PSNR {score.psnr:.2f} dB"


def _show(axes: Axes, values: NDArray[np.floating], white: float, palette: str) -> None:
    axes.imshow(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0), cmap=palette, vmin=0, vmax=white)
    axes.set_axis_off()
