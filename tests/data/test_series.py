from dataclasses import replace

import numpy as np
import pytest

from recon.data.axes import name_axes
from recon.data.series import Frame, counted_frames, series_of


@pytest.mark.parametrize("slices_first", [True, False])
def test_series_hold_the_frames_of_one_place_in_any_order_of_the_images(slices_first: bool) -> None:
    cine = [Frame(phase=phase) for phase in range(3)]
    frames = [frame for frame in cine for _ in range(2)] if slices_first else cine * 2
    expected = ((0, 2, 4), (1, 3, 5)) if slices_first else ((0, 1, 2), (3, 4, 5))
    assert series_of(frames) == expected


def test_frames_are_ordered_by_time_and_echoes_and_sets_form_series_of_their_own() -> None:
    frames = [Frame(repetition=1), Frame(repetition=0), Frame(contrast=1), Frame(set=1), Frame(phase=1)]
    assert series_of(frames) == ((1, 4, 0), (2,), (3,))


def test_the_images_of_an_array_are_counted_by_its_axes(tmp_path: object) -> None:
    axes = name_axes(tmp_path, "the array", (5, 3, 4, 8, 9), "frames slices coils readout phase", {})  # type: ignore[arg-type]
    assert axes.frames == counted_frames(averages=1, frames=5, echoes=1, slices=3)
    assert [len(series) for series in series_of(axes.frames or ())] == [5, 5, 5]
    assert replace(axes, names=("slices", "-", *axes.names[2:]), sizes=(5, 1, 4, 8, 9)).frames is None


def test_averages_form_no_series() -> None:
    frames = counted_frames(averages=3, frames=1, echoes=1, slices=2)
    assert frames is not None
    assert np.array_equal([len(series) for series in series_of(frames)], [1] * 6)
