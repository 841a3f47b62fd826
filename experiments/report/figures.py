"""What is shown of one slice: every method in the target's window, its error on one stated scale, both zoomed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recon.experiments.report.scores import Row, format_number, leaders
from recon.experiments.report.zoom import Window, zoom_window

NOTICE = "Research use only"
ERROR_GAIN = 5
WHITE_PERCENTILE = 99.5
KSPACE_DECADES = 4
GRAY, HEAT = "gray", "magma"
ERROR_TEXT = (
    f"Error x {ERROR_GAIN} is {ERROR_GAIN} |image - target| in the same window: "
    f"dark is no error, bright {100 / ERROR_GAIN:.0f} % of white or more"
)

_MOST_COLUMNS = 6


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One slice to show.

    Attributes
    ----------
    file, acquisition
        Name of the raw-data file and its contrast.
    slice
        Index in the file.
    acceleration, mask_kind, seed
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
    uncertainties
        By method, one standard deviation of the error that is expected; of those that tell it.
    """

    file: str
    acquisition: str
    slice: int
    acceleration: float
    mask_kind: str
    seed: int
    target: NDArray[np.floating] | None
    images: dict[str, NDArray[np.floating]]
    mask: NDArray[np.bool_]
    kspace: NDArray[np.complexfloating] | NDArray[np.floating]
    scores: dict[str, Row] = field(default_factory=dict)
    uncertainties: dict[str, NDArray[np.floating]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What is shown, in one line."""
        scan = f"{self.file}, {self.acquisition}" if self.acquisition else self.file
        seed = f", seed {self.seed}" if self.seed else ""
        return f"{scan}, slice {self.slice}, {self.acceleration:.3g}x {self.mask_kind}{seed}"

    @property
    def scale(self) -> str:
        """What black and white stand for, and what the scores were taken over."""
        reference = "first method; no target, so nothing is scored" if self.target is None else "target"
        scores = "" if self.target is None else "; scores are of the whole volume"
        uncertainty = (
            f"; uncertainty x {ERROR_GAIN} is {ERROR_GAIN} standard deviations" if self.uncertainties else ""
        )
        white = f"white the {WHITE_PERCENTILE}th percentile of the {reference}"
        return f"Every image: black is 0, {white}{scores}{uncertainty}"


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture: `values` from 0 to `white`, in the colours of `palette`; those of one `kind` are compared.

    A `frame` shows which part of it is zoomed elsewhere.
    """

    kind: str
    title: str
    values: NDArray[np.floating]
    white: float = 1.0
    palette: str = GRAY
    frame: Window | None = None

    def zoomed(self, window: Window) -> Panel:
        """Show a part of it."""
        title = "zoom" if self.kind == "image" else self.title
        return replace(self, kind=f"zoomed {self.kind}", title=title, values=self.values[window], frame=None)


@dataclass(frozen=True, eq=False)
class Column:
    """What stands under one name: its scores by metric, and rows of pictures that fill its width; None is a gap."""

    title: str
    rows: list[list[Panel | None]]
    scores: Mapping[str, str] = field(default_factory=dict)
    best: tuple[str, ...] = ()


def white_level(exhibit: Exhibit) -> float:
    """Value drawn white in every image: a high percentile of the target, without one of the first method."""
    images = list(exhibit.images.values()) if exhibit.target is None else [exhibit.target]
    reference = clean(images[0]) if images else np.zeros(1)
    return float(np.percentile(reference, WHITE_PERCENTILE)) or float(reference.max()) or 1.0


def error(image: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.floating]:
    """`5 |image - target|`, to be shown in the target's window."""
    return ERROR_GAIN * np.abs(clean(image) - clean(target))


def log_kspace(kspace: NDArray[np.complexfloating] | NDArray[np.floating]) -> NDArray[np.floating]:
    """Magnitude of k-space on a logarithmic scale: 1 is its peak, 0 four decades below."""
    magnitude = clean(np.abs(kspace))
    relative = magnitude / (magnitude.max() or 1.0)
    return np.log10(np.maximum(relative, 10.0**-KSPACE_DECADES)) / KSPACE_DECADES + 1


def sampled_lines(exhibit: Exhibit) -> Panel | None:
    """Picture a mask of whole lines as one row of pixels, to be drawn as wide as the page; None if it has none."""
    return Panel("lines", "mask", exhibit.mask[None].astype(np.float32)) if exhibit.mask.ndim == 1 else None


def columns(exhibit: Exhibit) -> list[Column]:
    """Arrange an exhibit: k-space below the target, its error below each method, and a part of all that zoomed."""
    white, target, best = white_level(exhibit), exhibit.target, leaders(exhibit.scores.values())
    window = _window(exhibit)
    sampling: list[Panel | None] = [Panel("sampling", "log k-space", log_kspace(exhibit.kspace))]
    if exhibit.mask.ndim == 2:
        sampling.insert(0, Panel("sampling", "mask", exhibit.mask.astype(np.float32)))
    if target is None:
        arranged = [Column("sampling", [sampling, [], []])]
    else:
        whole = Panel("image", "target", target, white, frame=window)
        arranged = [Column("target", [[whole], sampling, [], [whole.zoomed(window), None]])]
    for method, image in exhibit.images.items():
        shown = Panel("image", method, image, white, frame=window if target is None and len(arranged) == 1 else None)
        rows: list[list[Panel | None]] = [[shown], [], [shown.zoomed(window)]]
        if target is not None:
            wrong = Panel("error", f"error x {ERROR_GAIN}", error(image, target), white, HEAT)
            rows = [[shown], [wrong], [], [shown.zoomed(window), wrong.zoomed(window)]]
        if method in exhibit.uncertainties:
            unsure = ERROR_GAIN * exhibit.uncertainties[method]
            rows[-2].append(Panel("uncertainty", f"uncertainty x {ERROR_GAIN}", unsure, white, HEAT))
        arranged.append(Column(method, rows, _captions(exhibit.scores.get(method)), best.get(method, ())))
    return _without_empty_rows(arranged)


def _without_empty_rows(arranged: list[Column]) -> list[Column]:
    filled = [any(across) for across in zip(*(column.rows for column in arranged), strict=True)]
    return [
        replace(column, rows=[row for row, some in zip(column.rows, filled, strict=True) if some])
        for column in arranged
    ]


def columns_in_band(count: int) -> int:
    """Columns side by side, so that bands are few, equally full, and their pictures large enough to see."""
    bands = -(-count // _MOST_COLUMNS)
    return -(-count // bands)


def encode_png(panel: Panel) -> bytes:
    """Encode a panel at its own resolution, one byte a pixel."""
    shades = np.clip(clean(panel.values) / panel.white, 0, 1) * 255
    picture = Image.fromarray(np.rint(shades).astype(np.uint8))
    if panel.palette != GRAY:
        from matplotlib import colormaps  # noqa: PLC0415 - an extra

        picture.putpalette(colormaps[panel.palette](np.arange(256), bytes=True)[:, :3].tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _captions(row: Row | None) -> dict[str, str]:
    if row is None or not row.scored:
        return {}
    return {"ssim": format_number("ssim", row.ssim), "psnr": format_number("psnr", row.psnr)}


def _window(exhibit: Exhibit) -> Window:
    target = None if exhibit.target is None else clean(exhibit.target)
    return zoom_window([clean(image) for image in exhibit.images.values()], target)


def clean(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Replace what is not finite by zero."""
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
