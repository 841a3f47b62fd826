"""Arrange the pictures of one slice in columns: every method's image and error on common scales, whole and zoomed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from fastmri.data.transforms import center_crop
from numpy.typing import NDArray

from recon.data.errors import printable
from recon.data.images.png import clean, grey
from recon.experiments.report.pictures.plane_pictures import PlanePictures
from recon.experiments.report.pictures.series_pictures import SeriesPictures, encode_movie
from recon.experiments.report.pictures.zoom import Window, zoom_window
from recon.experiments.report.scores.means import best_metrics
from recon.experiments.report.scores.score import MethodScore, format_number
from recon.experiments.report.viewer.volume import ViewerVolume
from recon.quality.resolution import Band, bands

NOTICE = "Research use only"
ERROR_GAIN = 5
WHITE_PERCENTILE = 99.5
KSPACE_DECADES = 4
GRAY, HEAT = "gray", "magma"
ERROR_TEXT = (
    f"Error x {ERROR_GAIN} shows {ERROR_GAIN} |image - target| on the same scale: "
    f"dark means no error, bright an error of {100 / ERROR_GAIN:.0f} % of white or more"
)

_MOST_COLUMNS = 6

LONGEST_NAME = 80
"""Number of characters of a file's name in the title of a figure."""


@dataclass(frozen=True, eq=False)
class SliceComparison:
    """One slice as several methods reconstructed it.

    Attributes
    ----------
    file, acquisition
        Name of the raw-data file and its contrast.
    slice
        Index of the slice in the file.
    acceleration, mask_kind, seed
        Sampling of k-space.
    target
        Reference image, float `(rows, columns)`; None if there is none.
    images
        Reconstructions by method, float `(rows, columns)`.
    mask
        Sampling mask, bool `(phase,)` or `(readout, phase)`.
    kspace
        K-space or its magnitude, `(readout, phase)`.
    scores
        Scores of the whole volume by method.
    uncertainties
        Expected standard deviation of the error by method, `(rows, columns)`, for the methods that estimate it; or
        half-width of the interval that contains the truth.
    coverage
        Share of the pixels that the intervals promise to cover; None for standard deviations.
    series
        All frames of the slice; None if it has a single one.
    planes
        The volume of a 3-D scan that the slice is a position of; None of 2-D scans.
    shown
        What the slice is in words; empty for its number.
    viewer
        Images that the page's viewer scrolls through; None for pictures alone.
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
    scores: dict[str, MethodScore] = field(default_factory=dict)
    uncertainties: dict[str, NDArray[np.floating]] = field(default_factory=dict)
    coverage: float | None = None
    series: SeriesPictures | None = None
    planes: PlanePictures | None = None
    shown: str = ""
    viewer: ViewerVolume | None = None

    def __post_init__(self) -> None:
        """Cut everything to the field that the target and all images cover, as the scores do."""
        images = [*self.images.values(), *([] if self.target is None else [self.target])]
        if len({image.shape for image in images}) < 2:
            return
        size = min(image.shape[0] for image in images), min(image.shape[1] for image in images)
        for name in ("images", "uncertainties"):
            cut = {method: center_crop(image, size) for method, image in getattr(self, name).items()}
            object.__setattr__(self, name, cut)
        object.__setattr__(self, "target", None if self.target is None else center_crop(self.target, size))
        if self.series is not None:
            object.__setattr__(self, "series", self.series.cropped(size))

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of all images."""
        rows, columns = next(iter(self.images.values())).shape
        return rows, columns

    @property
    def title(self) -> str:
        """File, contrast, slice or frame, and sampling in one line."""
        name = printable(self.file, LONGEST_NAME)
        scan = f"{name}, {self.acquisition}" if self.acquisition else name
        seed = f", seed {self.seed}" if self.seed else ""
        shown = self.shown or f"slice {self.slice}"
        return f"{scan}, {shown}, {self.acceleration:.3g}x {self.mask_kind}{seed}"

    @property
    def scale(self) -> str:
        """Say what black and white mean, and over what the scores were computed."""
        reference = "first method; there are no scores without a target" if self.target is None else "target"
        scores = "" if self.target is None else "; scores are over the whole volume"
        bound = "standard deviations"
        if self.coverage is not None:
            bound = f"times the half-width of intervals that cover {100 * self.coverage:.3g} % of the pixels"
        uncertainty = f"; uncertainty x {ERROR_GAIN} shows {ERROR_GAIN} {bound}" if self.uncertainties else ""
        white = f"white is the {WHITE_PERCENTILE}th percentile of the {reference}"
        return f"In every image, black is 0 and {white}{scores}{uncertainty}"


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture.

    Attributes
    ----------
    kind
        Pictures of the same kind are compared with each other.
    title
        Label of the picture.
    values
        Pixels `(rows, columns)`; 0 is black and `white` is white.
    white
        Value drawn white.
    palette
        Name of the matplotlib colour map.
    frame
        Part that another panel shows zoomed; it is outlined.
    movie
        Frames `(frames, rows, columns)` that the page shows one after the other, the first of which are the pixels;
        None for a still picture.
    duration
        Time of each frame, in ms.
    """

    kind: str
    title: str
    values: NDArray[np.floating]
    white: float = 1.0
    palette: str = GRAY
    frame: Window | None = None
    movie: NDArray[np.floating] | None = None
    duration: int = 0

    def zoomed(self, window: Window) -> Panel:
        """Return a panel of the part inside the window."""
        title = "zoom" if self.kind == "image" else self.title
        return replace(self, kind=f"zoomed {self.kind}", title=title, values=self.values[window], frame=None)


@dataclass(frozen=True, eq=False)
class Column:
    """Pictures of one method, or of the target.

    Attributes
    ----------
    title
        Heading of the column.
    rows
        Panels that share the width of the column, row by row; None is a gap.
    scores
        Formatted scores by metric.
    best
        Metrics in which the method is the best.
    """

    title: str
    rows: list[list[Panel | None]]
    scores: Mapping[str, str] = field(default_factory=dict)
    best: tuple[str, ...] = ()

    @property
    def still(self) -> Column:
        """The column without panels that move."""
        rows = [[panel for panel in row if panel is None or panel.movie is None] for row in self.rows]
        return replace(self, rows=rows)


def white_level(comparison: SliceComparison) -> float:
    """Return the value drawn white in every image: a high percentile of the target, or else of the first method."""
    images = list(comparison.images.values()) if comparison.target is None else [comparison.target]
    reference = clean(images[0]) if images else np.zeros(1)
    return float(np.percentile(reference, WHITE_PERCENTILE)) or float(reference.max()) or 1.0


def error(image: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return `5 |image - target|`, which is shown on the target's scale."""
    return ERROR_GAIN * np.abs(clean(image) - clean(target))


def log_kspace(kspace: NDArray[np.complexfloating] | NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the magnitude of k-space on a logarithmic scale: 1 at the peak, 0 four decades below it."""
    magnitude = clean(np.abs(kspace))
    relative = magnitude / (magnitude.max() or 1.0)
    return np.log10(np.maximum(relative, 10.0**-KSPACE_DECADES)) / KSPACE_DECADES + 1


def sampled_lines(comparison: SliceComparison) -> Panel | None:
    """Return a mask of whole lines as one row of pixels; None for a mask of single points."""
    return Panel("lines", "mask", comparison.mask[None].astype(np.float32)) if comparison.mask.ndim == 1 else None


def columns(comparison: SliceComparison, moving: bool = True) -> list[Column]:
    """Arrange the panels: k-space below the target, errors below the methods, then the zoomed part of each.

    Three planes of 3-D scans follow, and series, in motion if the medium can move, and as a line over time.
    """
    white, target, best = white_level(comparison), comparison.target, best_metrics(comparison.scores.values())
    window = _window(comparison)
    sampling: list[Panel | None] = [Panel("sampling", "log k-space", log_kspace(comparison.kspace))]
    if comparison.mask.ndim == 2:
        sampling.insert(0, Panel("sampling", "mask", comparison.mask.astype(np.float32)))
    if target is None:
        arranged = [Column("sampling", [sampling, [], [], *_planes(comparison, None), *_motion(comparison, None)])]
    else:
        whole = Panel("image", "target", target, white, frame=window)
        arranged = [
            Column(
                "target",
                [
                    [whole],
                    sampling,
                    [],
                    [whole.zoomed(window), None],
                    *_planes(comparison, None),
                    *_motion(comparison, None),
                ],
            )
        ]
    for method, image in comparison.images.items():
        shown = Panel("image", method, image, white, frame=window if target is None and len(arranged) == 1 else None)
        rows: list[list[Panel | None]] = [[shown], [], [shown.zoomed(window)]]
        if target is not None:
            wrong = Panel("error", f"error x {ERROR_GAIN}", error(image, target), white, HEAT)
            rows = [[shown], [wrong], [], [shown.zoomed(window), wrong.zoomed(window)]]
        if method in comparison.uncertainties:
            unsure = ERROR_GAIN * comparison.uncertainties[method]
            rows[-2].append(Panel("uncertainty", f"uncertainty x {ERROR_GAIN}", unsure, white, HEAT))
        rows += [*_planes(comparison, method), *_motion(comparison, method)]
        arranged.append(Column(method, rows, _captions(comparison.scores.get(method)), best.get(method, ())))
    return _without_empty_rows(arranged if moving else [column.still for column in arranged])


def _planes(comparison: SliceComparison, method: str | None) -> list[list[Panel | None]]:
    """Return the rows that show three planes of a volume, each beside its error; None for the target's."""
    volume = comparison.planes
    if volume is None:
        return []
    shown, target = volume.target if method is None else volume.images[method], volume.target
    if shown is None:
        return [[], [], []]
    white, rows = white_level(comparison), []
    wrong = {} if method is None or target is None else volume.cut(error(shown, target))
    for name, plane in volume.cut(clean(shown)).items():
        row: list[Panel | None] = [Panel(f"plane {name}", name, plane, white)]
        if name in wrong:
            row.append(Panel(f"error {name}", f"error x {ERROR_GAIN}", wrong[name], white, HEAT))
        elif target is not None:
            row.append(None)
        rows.append(row)
    return rows


def _motion(comparison: SliceComparison, method: str | None) -> list[list[Panel | None]]:
    """Return the rows that show a series: in motion, and a line over time with its error; None for the target's."""
    series = comparison.series
    if series is None:
        return []
    shown, target = series.target if method is None else series.images[method], series.target
    if shown is None:
        return [[], []]
    white, movie = white_level(comparison), series.movie(shown)
    animated = Panel("cine", "cine", movie[0], white, movie=movie, duration=series.duration)
    profile = Panel("profile", "x-t profile", series.profile(shown), white)
    if method is None or target is None:
        return [[animated], [profile, None] if target is not None else [profile]]
    wrong = Panel(
        "profile error", f"error x {ERROR_GAIN}", error(profile.values, series.profile(target)), white, HEAT
    )
    return [[animated], [profile, wrong]]


def _without_empty_rows(arranged: list[Column]) -> list[Column]:
    filled = [any(across) for across in zip(*(column.rows for column in arranged), strict=True)]
    return [
        replace(column, rows=[row for row, some in zip(column.rows, filled, strict=True) if some])
        for column in arranged
    ]


def columns_in_band(count: int) -> int:
    """Choose how many columns stand side by side: at most six, in as few equally full bands as possible."""
    bands = -(-count // _MOST_COLUMNS)
    return -(-count // bands)


def encode_picture(panel: Panel) -> tuple[bytes, str]:
    """Encode a panel, in motion if it is a series, and name the format."""
    if panel.movie is not None:
        return encode_movie(panel.movie, panel.white, panel.duration)
    return encode_png(panel), "png"


def encode_png(panel: Panel) -> bytes:
    """Encode a panel as PNG with one pixel per value and one byte per pixel."""
    picture = grey(clean(panel.values), panel.white)
    if panel.palette != GRAY:
        from matplotlib import colormaps  # noqa: PLC0415 - an extra

        picture.putpalette(colormaps[panel.palette](np.arange(256), bytes=True)[:, :3].tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _captions(score: MethodScore | None) -> dict[str, str]:
    if score is None or not score.scored:
        return {}
    return {"ssim": format_number("ssim", score.ssim), "psnr": format_number("psnr", score.psnr)}


def _window(comparison: SliceComparison) -> Window:
    target = None if comparison.target is None else clean(comparison.target)
    return zoom_window([clean(image) for image in comparison.images.values()], target)


def bands_of(comparison: SliceComparison) -> dict[str, list[Band]]:
    """Return what each method's image has of the bands of k-space; empty if there is no target."""
    if comparison.target is None:
        return {}
    target = torch.from_numpy(clean(comparison.target))
    return {name: bands(torch.from_numpy(clean(image)), target) for name, image in comparison.images.items()}
