"""Draw the comparison of one slice as a single figure for slides and papers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from recon.data.images.png import clean
from recon.experiments.report.pictures.panels import (
    ERROR_TEXT,
    HEAT,
    NOTICE,
    Column,
    Panel,
    SliceComparison,
    columns,
    columns_in_band,
    sampled_lines,
)

_WIDTH, _MARGIN, _GAP, _LINE = 9.0, 0.15, 0.06, 0.17  # inches
_WIDEST_CELL = 2.4
_BACKGROUND, _BRIGHT, _DIM = "#0d0f12", "#f0f3f6", "#9aa4af"


def draw_comparison(comparison: SliceComparison) -> Figure:
    """Draw images on a dark background, errors and sampling below them, and explain the scales in the footer."""
    arranged = columns(comparison, moving=False)
    across = columns_in_band(len(arranged))
    width = min((_WIDTH - 2 * _MARGIN + _GAP) / across - _GAP, _WIDEST_CELL)
    heights = _heights(arranged, width * _aspect(comparison))
    band = 2 * _LINE + sum(_LINE + height for height in heights) + _MARGIN
    bands = [arranged[start : start + across] for start in range(0, len(arranged), across)]
    page = across * (width + _GAP) - _GAP
    canvas = _Canvas(_WIDTH, 2 * _MARGIN + 4.5 * _LINE + band * len(bands))

    left, top = _MARGIN, 2 * _MARGIN + _LINE
    canvas.write(left, _MARGIN, _elide(comparison.title), size=9, weight="bold")
    canvas.write(_WIDTH - _MARGIN, _MARGIN, NOTICE, size=8, align="right")
    for members in bands:
        for index, column in enumerate(members):
            _draw_column(canvas, column, left + index * (width + _GAP), top, width, heights)
        top += band
    if (lines := sampled_lines(comparison)) is not None:
        canvas.write(left, top, lines.title, size=7, colour=_DIM)
        canvas.stretch(lines, left + 0.4, top, page - 0.4)
    canvas.write(left, top + _LINE, comparison.scale, size=7, colour=_DIM)
    if comparison.target is not None:
        bar = Panel("scale", "", np.linspace(0, 1, 256)[None], palette=HEAT)
        canvas.stretch(bar, left, top + 2 * _LINE, 1.2)
        canvas.write(left + 1.3, top + 2 * _LINE, ERROR_TEXT, size=7, colour=_DIM)
    return canvas.figure


class _Canvas:
    """A dark figure; positions and sizes on it are in inches from its upper left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height), dpi=130, facecolor=_BACKGROUND)

    def write(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str = _BRIGHT,
        align: Literal["left", "right"] = "left",
        weight: Literal["normal", "bold"] = "normal",
    ) -> None:
        """Write a line of text whose top is at `(x, y)`; its size is in points."""
        self.figure.text(
            x / self.width,
            1 - (y + size / 72) / self.height,
            text,
            fontsize=size,
            color=colour,
            weight=weight,
            ha=align,
            va="baseline",
            parse_math=False,
        )

    def show(self, panel: Panel, x: float, y: float, width: float, height: float) -> None:
        """Show a panel with square pixels, as large as the box allows."""
        self._axes(x, y, width, height, panel).set_aspect("equal", anchor="N")

    def stretch(self, panel: Panel, x: float, y: float, width: float) -> None:
        """Show a row of pixels as a bar as high as a line of text."""
        self._axes(x, y, width, 0.11, panel).set_aspect("auto")

    def _axes(self, x: float, y: float, width: float, height: float, panel: Panel) -> Axes:
        box = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(box, label=panel.kind)
        axes.imshow(clean(panel.values), cmap=panel.palette, vmin=0, vmax=panel.white)
        if panel.frame is not None:
            rows, columns = panel.frame
            corner = columns.start - 0.5, rows.start - 0.5
            size = columns.stop - columns.start, rows.stop - rows.start
            axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=_BRIGHT, linewidth=0.7))
        axes.set_axis_off()
        return axes


def _heights(arranged: list[Column], full: float) -> list[float]:
    """Return the height of each row of pictures: that of one picture, or half of it where two share the width."""
    rows = zip(*(column.rows for column in arranged), strict=True)
    return [full / min((len(row) for row in across if row), default=1) for across in rows]


def _draw_column(
    canvas: _Canvas, column: Column, left: float, top: float, width: float, heights: Sequence[float]
) -> None:
    canvas.write(left, top, column.title, size=9)
    for index, (metric, value) in enumerate(column.scores.items()):
        x, text = left + 0.54 * index * width, f"{metric.upper()} {value}"
        canvas.write(x, top + _LINE, text, size=7, weight="bold" if metric in column.best else "normal")
    y = top + 2 * _LINE
    for row, height in zip(column.rows, heights, strict=True):
        each = (width + _GAP) / max(len(row), 1)
        for index, panel in enumerate(row):
            if panel is None:
                continue
            x = left + index * each
            if panel.title != column.title:
                canvas.write(x, y - 0.8 * _LINE, panel.title, size=7, colour=_DIM)
            canvas.show(panel, x, y, each - _GAP, height)
        y += _LINE + height


def _aspect(comparison: SliceComparison) -> float:
    rows, width = (next(iter(comparison.images.values())) if comparison.target is None else comparison.target).shape
    return rows / width


def _elide(text: str, longest: int = 84) -> str:
    return text if len(text) <= longest else f"{text[: longest // 2 - 3]}...{text[-longest // 2 :]}"
