"""Draws a study: box plots of every measure, and images with the regions on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from recon.data.images.png import clean
from recon.experiments.report.pictures.panels import GRAY, WHITE_PERCENTILE
from recon.experiments.report.pictures.zoom import Window, zoom_window
from recon.experiments.study.measure import MEASURES
from recon.experiments.study.report.pictures import SubjectPictures
from recon.experiments.study.results import StudyResults

COLOURS = [to_hex(colour) for colour in colormaps["tab10"].colors]  # type: ignore[attr-defined]
"""Colours of arms and of regions."""

OBJECT = 0.2
"""Share of white above which a pixel belongs to the object."""

Place = Literal["outside upper center", "outside lower left"]

_WIDTH, _DPI = 10.0, 120
_FILM, _BRIGHT = "#0d0f12", "#f0f3f6"


def draw_boxes(results: StudyResults) -> Figure:
    """Draw one row of plots for every measure and one plot for every place, with a box for every arm.

    A box reaches from the first to the third quartile, with a line at the median; whiskers reach to the last value
    within one and a half times that range. Dots are subjects.
    """
    measures = results.measures
    across = max(len(results.places(measure)) for measure in measures)
    figure = Figure(figsize=(_WIDTH, 2.1 * len(measures) + 0.5), dpi=_DPI, layout="constrained")
    grid = figure.subplots(len(measures), across, squeeze=False)
    for measure, row in zip(measures, grid, strict=True):
        places = results.places(measure)
        for axes, place in zip(row, places, strict=False):
            _draw_box(axes, results, measure, place)
        row[0].set_ylabel(MEASURES[measure].partition(" = ")[0].partition(": ")[0], fontsize=8)
        for axes in row[len(places) :]:
            axes.set_axis_off()
    handles = [Patch(color=_colour(number), alpha=0.6, label=arm) for number, arm in enumerate(results.arms)]
    _add_legend(figure, handles, "outside upper center", "black")
    return figure


def _draw_box(axes: Axes, results: StudyResults, measure: str, place: str) -> None:
    for number, arm in enumerate(results.arms):
        values = np.array(list(results.values[measure, place][arm].values()), np.float64)
        values = values[np.isfinite(values)]
        if len(values) > 1:
            drawn = axes.boxplot(
                [values], positions=[number], widths=0.6, patch_artist=True, showfliers=False, manage_ticks=False
            )
            drawn["boxes"][0].set(facecolor=_colour(number), alpha=0.6, linewidth=0.7)
            drawn["medians"][0].set(color="black")
        spread = np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else np.zeros(len(values))
        axes.plot(number + spread, values, ".", color="black", markersize=3)
    axes.set_title(place, fontsize=9, parse_math=False)
    axes.set_xticks([])
    axes.set_xlim(-0.6, len(results.arms) - 0.4)
    axes.tick_params(labelsize=7)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def draw_subject(pictures: SubjectPictures) -> Figure:
    """Draw the image of every arm, with the outlines of the regions on the first, and the part that differs most.

    All images have one scale: white is the 99.5th percentile of the first.
    """
    arms = list(pictures.images)
    images = [clean(image) for image in pictures.images.values()]
    white = float(np.percentile(images[0], WHITE_PERCENTILE)) or 1.0
    rows, columns = images[0].shape
    same = all(image.shape == images[0].shape for image in images)
    window = shown_part(images) if same and len(images) > 1 else None
    cell = _WIDTH / max(len(arms), 3)
    zoomed = 0.0 if window is None else cell
    figure = Figure(figsize=(cell * len(arms), cell * rows / columns + zoomed + 0.55), dpi=_DPI, facecolor=_FILM)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, hspace=0, wspace=0)
    heights = [rows / columns] if window is None else [rows / columns, 1]
    grid = figure.subplots(len(heights), len(arms), squeeze=False, height_ratios=heights)
    for number, (arm, image) in enumerate(zip(arms, images, strict=True)):
        _show(grid[0, number], image, white)
        grid[0, number].set_title(arm, color=_BRIGHT, fontsize=8, parse_math=False)
        if window is not None:
            _show(grid[1, number], image[window], white)
    _draw_regions(grid[0, 0], pictures, arms[0])
    names = list(pictures.masks(arms[0]))
    handles = [Patch(color=_colour(number), label=name) for number, name in enumerate(names)]
    _add_legend(figure, handles, "outside lower left", _BRIGHT)
    return figure


def shown_part(images: Sequence[NDArray[np.floating]]) -> Window:
    """Return the part of images `(rows, columns)` of one object in which they differ most.

    Pixels that are dark in the mean image do not count, or denoised air would be the largest difference.
    """
    mean = np.mean(images, axis=0)
    inside = mean > OBJECT * np.percentile(mean, WHITE_PERCENTILE)
    return zoom_window([np.where(inside, image, 0) for image in images], None)


def _add_legend(figure: Figure, handles: Sequence[Patch], place: Place, colour: str) -> None:
    columns = min(len(handles), 6)
    legend = figure.legend(handles=handles, loc=place, ncols=columns, fontsize=8, frameon=False, labelcolor=colour)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _show(axes: Axes, image: np.ndarray, white: float) -> None:
    axes.imshow(image, cmap=GRAY, vmin=0, vmax=white)
    axes.set_axis_off()


def _draw_regions(axes: Axes, pictures: SubjectPictures, arm: str) -> None:
    for number, mask in enumerate(pictures.masks(arm).values()):
        outline = np.pad(mask, 1).astype(float)
        rows, columns = (np.arange(size) - 1 for size in outline.shape)
        axes.contour(columns, rows, outline, levels=[0.5], colors=[_colour(number)], linewidths=0.9)
    for line in pictures.lines(arm):
        axes.plot(line[:, 1], line[:, 0], color=_BRIGHT, linewidth=0.9)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
