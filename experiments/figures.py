"""Pictures of one slice on a lightbox: every method in the target's window, its error on one stated scale."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from experiments.results import Row, format_number, leaders

NOTICE = "Research use only"
ERROR_GAIN = 5
WHITE_PERCENTILE = 99.5
KSPACE_DECADES = 4
GRAY, HEAT = "gray", "magma"
ERROR_TEXT = (
    f"Error x {ERROR_GAIN} is {ERROR_GAIN} |image - target| in the same window: "
    f"dark is no error, bright {100 / ERROR_GAIN:.0f} % of white or more"
)

_WIDTH, _MARGIN, _GAP, _LINE = 9.0, 0.15, 0.06, 0.17  # inches
_MOST_COLUMNS, _WIDEST_CELL = 6, 2.4
_BACKGROUND, _BRIGHT, _DIM = "#0d0f12", "#f0f3f6", "#9aa4af"


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One slice to show.

    Attributes
    ----------
    file, acquisition
        Name of the raw-data file and its contrast.
    slice
        Index in the file.
    acceleration, mask_kind
        How k-space was undersampled.
    target
        float `(rows, columns)`, or None if unknown.
    images
        By method, float `(rows, columns)`.
    mask
        bool `(phase,)` or `(readout, phase)`.
    kspace
        complex, or its magnitude, `(readout, phase)`.
    scores
        By method, over the whole volume.
    """

    file: str
    acquisition: str
    slice: int
    acceleration: float
    mask_kind: str
    target: NDArray[np.floating] | None
    images: dict[str, NDArray[np.floating]]
    mask: NDArray[np.bool_]
    kspace: NDArray[np.complexfloating] | NDArray[np.floating]
    scores: dict[str, Row] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What is shown, in one line."""
        scan = f"{self.file}, {self.acquisition}" if self.acquisition else self.file
        return f"{scan}, slice {self.slice}, {self.acceleration:.3g}x {self.mask_kind}"

    @property
    def scale(self) -> str:
        """What black and white stand for, and what the scores were taken over."""
        reference = "first method; no target, so nothing is scored" if self.target is None else "target"
        scores = "" if self.target is None else "; scores are of the whole volume"
        return f"Every image: black is 0, white the {WHITE_PERCENTILE}th percentile of the {reference}{scores}"


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture: `values` from 0 to `white`, in the colours of `palette`; those of one `kind` are compared."""

    kind: str
    title: str
    values: NDArray[np.floating]
    white: float = 1.0
    palette: str = GRAY


@dataclass(frozen=True, eq=False)
class Column:
    """What stands under one name: the picture, its scores by metric, and what belongs below it."""

    title: str
    top: list[Panel]
    bottom: list[Panel]
    scores: Mapping[str, str] = field(default_factory=dict)
    best: tuple[str, ...] = ()


def white_level(exhibit: Exhibit) -> float:
    """Value drawn white in every image: a high percentile of the target, without one of the first method."""
    images = list(exhibit.images.values()) if exhibit.target is None else [exhibit.target]
    reference = _clean(images[0]) if images else np.zeros(1)
    return float(np.percentile(reference, WHITE_PERCENTILE)) or float(reference.max()) or 1.0


def error(image: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.floating]:
    """`5 |image - target|`, to be shown in the target's window."""
    return ERROR_GAIN * np.abs(_clean(image) - _clean(target))


def log_kspace(kspace: NDArray[np.complexfloating] | NDArray[np.floating]) -> NDArray[np.floating]:
    """Magnitude of k-space on a logarithmic scale: 1 is its peak, 0 four decades below."""
    magnitude = _clean(np.abs(kspace))
    relative = magnitude / (magnitude.max() or 1.0)
    return np.log10(np.maximum(relative, 10.0**-KSPACE_DECADES)) / KSPACE_DECADES + 1


def sampled_lines(exhibit: Exhibit) -> Panel | None:
    """Picture a mask of whole lines as one row of pixels, to be drawn as wide as the page; None if it has none."""
    return Panel("lines", "mask", exhibit.mask[None].astype(np.float32)) if exhibit.mask.ndim == 1 else None


def columns(exhibit: Exhibit) -> list[Column]:
    """Arrange an exhibit: k-space below the target, its error below each method."""
    white, target, best = white_level(exhibit), exhibit.target, leaders(exhibit.scores.values())
    sampling = [Panel("sampling", "log k-space", log_kspace(exhibit.kspace))]
    if exhibit.mask.ndim == 2:
        sampling.insert(0, Panel("sampling", "mask", exhibit.mask.astype(np.float32)))
    if target is None:
        arranged = [Column("sampling", top=sampling, bottom=[])]
    else:
        arranged = [Column("target", top=[Panel("image", "target", target, white)], bottom=sampling)]
    for method, image in exhibit.images.items():
        top = [Panel("image", method, image, white)]
        errors = [] if target is None else [_error_panel(image, target, white)]
        scores = _captions(exhibit.scores.get(method))
        arranged.append(Column(method, top, errors, scores, best.get(method, ())))
    return arranged


def columns_in_band(count: int) -> int:
    """Columns side by side, so that bands are few, equally full, and their pictures large enough to see."""
    bands = -(-count // _MOST_COLUMNS)
    return -(-count // bands)


def encode_png(panel: Panel) -> bytes:
    """Encode a panel at its own resolution, one byte a pixel."""
    shades = np.clip(_clean(panel.values) / panel.white, 0, 1) * 255
    picture = Image.fromarray(np.rint(shades).astype(np.uint8))
    if panel.palette != GRAY:
        picture.putpalette(colormaps[panel.palette](np.arange(256), bytes=True)[:, :3].tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def draw(exhibit: Exhibit) -> Figure:
    """Draw an exhibit as a dark strip: images above, errors and sampling below, the scales in the footer."""
    arranged = columns(exhibit)
    across = columns_in_band(len(arranged))
    width = min((_WIDTH - 2 * _MARGIN + _GAP) / across - _GAP, _WIDEST_CELL)
    height = width * _aspect(exhibit)
    rows = 1 if exhibit.target is None else 2
    band = 2 * _LINE + rows * (_LINE + height) + _MARGIN
    bands = [arranged[start : start + across] for start in range(0, len(arranged), across)]
    page = across * (width + _GAP) - _GAP
    sheet = _Sheet(_WIDTH, 2 * _MARGIN + 4.5 * _LINE + band * len(bands))

    left = (_WIDTH - page) / 2
    top = 2 * _MARGIN + _LINE
    sheet.write(left, _MARGIN, _elide(exhibit.title), size=9, weight="bold")
    sheet.write(_WIDTH - left, _MARGIN, NOTICE, size=8, align="right")
    for members in bands:
        for index, column in enumerate(members):
            _draw_column(sheet, column, left + index * (width + _GAP), top, width, height)
        top += band
    if (lines := sampled_lines(exhibit)) is not None:
        sheet.write(left, top, lines.title, size=7, colour=_DIM)
        sheet.stretch(lines, left + 0.4, top, page - 0.4)
    sheet.write(left, top + _LINE, exhibit.scale, size=7, colour=_DIM)
    if exhibit.target is not None:
        bar = Panel("scale", "", np.linspace(0, 1, 256)[None], palette=HEAT)
        sheet.stretch(bar, left, top + 2 * _LINE, 1.2)
        sheet.write(left + 1.3, top + 2 * _LINE, ERROR_TEXT, size=7, colour=_DIM)
    return sheet.figure


class _Sheet:
    """A dark figure on which things are placed in inches from its upper left corner."""

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
        """Write a line of text below the point `(x, y)`, size in points."""
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
        """Show a picture in a box, its pixels square."""
        self._axes(x, y, width, height, panel).set_aspect("equal", anchor="N")

    def stretch(self, panel: Panel, x: float, y: float, width: float) -> None:
        """Show a row of pixels as a bar a line of text high."""
        self._axes(x, y, width, 0.11, panel).set_aspect("auto")

    def _axes(self, x: float, y: float, width: float, height: float, panel: Panel) -> Axes:
        box = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(box, label=panel.kind)
        axes.imshow(_clean(panel.values), cmap=panel.palette, vmin=0, vmax=panel.white)
        axes.set_axis_off()
        return axes


def _draw_column(sheet: _Sheet, column: Column, left: float, top: float, width: float, height: float) -> None:
    sheet.write(left, top, column.title, size=9)
    for index, (metric, value) in enumerate(column.scores.items()):
        x, text = left + 0.54 * index * width, f"{metric.upper()} {value}"
        sheet.write(x, top + _LINE, text, size=7, weight="bold" if metric in column.best else "normal")
    for panels, y in ((column.top, top + 2 * _LINE), (column.bottom, top + 3 * _LINE + height)):
        each = (width + _GAP) / max(len(panels), 1)
        for index, panel in enumerate(panels):
            x = left + index * each
            if panel.title != column.title:
                sheet.write(x, y - 0.8 * _LINE, panel.title, size=7, colour=_DIM)
            sheet.show(panel, x, y, each - _GAP, height)


def _captions(row: Row | None) -> dict[str, str]:
    if row is None or not row.scored:
        return {}
    return {"ssim": format_number("ssim", row.ssim), "psnr": format_number("psnr", row.psnr)}


def _error_panel(image: NDArray[np.floating], target: NDArray[np.floating], white: float) -> Panel:
    return Panel("error", f"error x {ERROR_GAIN}", error(image, target), white, HEAT)


def _aspect(exhibit: Exhibit) -> float:
    rows, width = (next(iter(exhibit.images.values())) if exhibit.target is None else exhibit.target).shape
    return rows / width


def _elide(text: str, longest: int = 84) -> str:
    return text if len(text) <= longest else f"{text[: longest // 2 - 3]}...{text[-longest // 2 :]}"


def _clean(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
