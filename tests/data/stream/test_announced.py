"""Decides by the announced limits and the pattern of the lines whether an image is complete."""

from collections.abc import Iterable

import pytest

from recon.data.stream.announced import Announced, Measured

LINES = 24


def announced(average: int | None = 0, segment: int | None = None, factor: int = 1, second: int = 0) -> Announced:
    limits = {"kspace_encoding_step_1": LINES - 1, "average": average, "segment": segment}
    if second:
        limits["kspace_encoding_step_2"] = second - 1
    stated = "".join(
        f"<{name}><minimum>0</minimum><maximum>{last}</maximum><center>0</center></{name}>"
        for name, last in limits.items()
        if last is not None
    )
    step = f"<kspace_encoding_step_1>{factor}</kspace_encoding_step_1>"
    return Announced.of(
        f"<a><encoding><encodingLimits>{stated}</encodingLimits><parallelImaging><accelerationFactor>{step}"
        "</accelerationFactor></parallelImaging></encoding></a>"
    )


def measured(steps: Iterable[int], flagged: bool = True, average: int = 0, second: Iterable[int] = (0,)) -> Measured:
    lines = Measured(flagged=flagged)
    for step in steps:
        for other in second:
            lines.add(average, (step, other), 0)
    return lines


def random_lines() -> list[int]:
    return [0, 3, 8, *range(10, 15), 17, 20]


@pytest.mark.parametrize("flagged", [True, False])
@pytest.mark.parametrize(
    "steps", [range(LINES), range(0, LINES, 2), range(1, LINES, 3), [*range(0, LINES, 4), 10, 11, 13], random_lines()]
)
def test_full_and_undersampled_scans_are_complete(steps: Iterable[int], flagged: bool) -> None:
    assert announced().lacks(measured(steps, flagged)) == ""


@pytest.mark.parametrize(
    ("steps", "flagged", "sentence"),
    [
        (range(18), True, "lines 18 to 23 of the 24"),
        (range(5, LINES), True, "lines 0 to 4 of the 24"),
        (range(0, 16, 2), False, "lines 15 to 23 of the 24"),
        ([step for step in range(LINES) if step != 7], True, "1 of the 24 lines"),
    ],
)
def test_lines_that_no_undersampling_explains_are_missing(steps: list[int], flagged: bool, sentence: str) -> None:
    assert sentence in announced().lacks(measured(steps, flagged))


def test_a_full_scan_is_known_to_be_whole_only_if_averages_are_announced() -> None:
    assert announced().is_whole(measured(range(LINES), flagged=False))
    assert not announced(average=None).is_whole(measured(range(LINES), flagged=False))
    assert not announced().is_whole(measured(range(LINES - 1), flagged=False))


@pytest.mark.parametrize("offset", range(3))
def test_a_regular_scan_is_whole_with_the_lines_of_one_offset(offset: int) -> None:
    regular = announced(factor=3)
    steps = [*range(offset, LINES, 3)]
    assert regular.is_whole(measured([*steps, 11, 12, 13]))
    assert not regular.is_whole(measured([*steps[:-1], 11, 12, 13]))


def test_every_average_and_segment_is_waited_for() -> None:
    lines = measured(range(LINES), average=0)
    assert "1 of 2 averages" in announced(average=1).lacks(lines)
    for step in range(LINES - 2):
        lines.add(1, (step, 0), 0)
    assert "average 1 lacks 2 of 24 lines" in announced(average=1).lacks(lines)
    half = measured(range(0, LINES, 2))
    assert "segment 1 is missing" in announced(segment=1).lacks(half)
    assert announced(segment=None).lacks(half) == ""


def test_partitions_are_waited_for_but_not_the_corners() -> None:
    slab = announced(second=16)
    assert "partitions 12 to 15 of the 16" in slab.lacks(measured(range(LINES), second=range(12)))
    ellipse = Measured()
    for one in range(LINES):
        for two in range(16):
            if (one / 12 - 0.96) ** 2 + (two / 8 - 0.94) ** 2 < 1:
                ellipse.add(0, (one, two), 0)
    assert slab.lacks(ellipse) == ""


def test_a_hostile_header_takes_neither_time_nor_memory() -> None:
    huge = "".join(
        f"<kspace_encoding_step_{axis}><maximum>99999</maximum></kspace_encoding_step_{axis}>" for axis in (1, 2)
    )
    limits = Announced.of(
        f"<a><encoding><encodingLimits>{huge}<average><maximum>9</maximum></average></encodingLimits></encoding></a>"
    )
    assert not limits.is_whole(measured([1]))
    assert limits.lacks(measured([1]))
