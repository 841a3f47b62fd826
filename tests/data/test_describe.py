"""Messages say in words what the images of a file are."""

import pytest

from recon.data.acquisition import Header
from recon.data.describe import describe_image, describe_images, describe_interval
from recon.data.series import Frame, counted_frames


def header_of(frames: tuple[Frame, ...] | None, interval: float | None = None, volumetric: bool = False) -> Header:
    return Header((8, 8), (0, 8), frames=frames, frame_interval=interval, volumetric=volumetric)


@pytest.mark.parametrize(
    ("counts", "volumetric", "words"),
    [
        ((1, 25, 1, 3), False, "3 slices x 25 frames"),
        ((1, 2, 1, 1), False, "1 slice x 2 frames"),
        ((1, 1, 2, 4), False, "4 slices x 2 echoes"),
        ((3, 1, 1, 4), False, "4 slices x 3 sets"),
        ((1, 5, 2, 1), False, "1 slice x 5 frames x 2 echoes"),
        ((1, 1, 1, 4), False, "4 slices"),
        ((1, 1, 1, 1), False, "1 slice"),
        ((1, 1, 1, 96), True, "96 positions"),
        ((1, 8, 1, 96), True, "96 positions x 8 frames"),
    ],
)
def test_images_are_counted_in_words(counts: tuple[int, ...], volumetric: bool, words: str) -> None:
    averages, frames, echoes, places = counts
    header = header_of(counted_frames(averages, frames, echoes, places), volumetric=volumetric)
    assert describe_images(header, averages * frames * echoes * places) == words


def test_series_of_different_lengths_are_counted_from_the_shortest_to_the_longest() -> None:
    frames = tuple(Frame(phase=phase) for phase in (0, 0, 1, 1, 2))
    assert describe_images(header_of(frames), 5) == "2 slices x 2 to 3 frames"


def test_the_time_between_frames_is_said_of_series_alone() -> None:
    assert describe_interval(header_of(counted_frames(1, 5, 1, 1), 41.5)) == "41.5 ms apart"
    assert not describe_interval(header_of(counted_frames(1, 5, 1, 1)))
    assert not describe_interval(header_of(counted_frames(1, 1, 2, 1), 41.5))


@pytest.mark.parametrize(
    ("counts", "volumetric", "index", "words"),
    [
        ((1, 1, 1, 4), False, 2, "slice 2"),
        ((1, 1, 1, 96), True, 40, "position 40"),
        ((1, 25, 1, 3), False, 7, "slice 1, frame 2"),
        ((1, 2, 1, 96), True, 100, "position 4, frame 1"),
        ((1, 3, 2, 1), False, 3, "slice 0, frame 1, echo 1"),
        ((2, 1, 1, 1), False, 1, "slice 0, set 1"),
        ((1, 1, 1, 4), False, None, "the scan"),
    ],
)
def test_an_image_is_named_by_its_place_and_time(
    counts: tuple[int, ...], volumetric: bool, index: int | None, words: str
) -> None:
    assert describe_image(header_of(counted_frames(*counts), volumetric=volumetric), index) == words
