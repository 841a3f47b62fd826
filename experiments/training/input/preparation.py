"""Prepares what a training step reads as the engine prepares it for a trained network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from recon.data.acquisition import Acquisition
from recon.data.training.datasets import Undersampling
from recon.data.training.split_slices import SplitSlice
from recon.preprocessing.echo import centre_echo, centre_echoes
from recon.preprocessing.time_average import with_time_average


def centred(acquisition: Acquisition, undersample: Undersampling) -> Acquisition:
    """Undersample a slice, then centre its echo: in this order the engine gives it to a trained network."""
    return centre_echo(undersample(acquisition))


def series_centred(series: Sequence[Acquisition], undersample: Undersampling) -> list[Acquisition]:
    """Undersample the frames of a series, centre their echo, and calibrate them by the mean over time."""
    return with_time_average(centre_echoes([undersample(frame) for frame in series]))


def split_centred(
    acquisition: Acquisition, scanned: Undersampling, split: Callable[[Acquisition], SplitSlice]
) -> SplitSlice:
    """Undersample a slice unless the scanner has done so, centre its echo, and split its lines."""
    return split(centred(acquisition, scanned))
