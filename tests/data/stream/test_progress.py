"""The end of the calibration lines is noticed once, after further lines on both sides of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.data.stream.announced import Measured
from recon.data.stream.progress import Progress

PHASE, CENTER = 64, 32
CENTRAL = range(CENTER - 10, CENTER + 10)
MEASURED = [step for step in range(PHASE) if step % 4 == 0 or step in CENTRAL]


def noticed(order: list[int], separate: bool = False) -> list[int]:
    """Return how many lines had come whenever the calibration lines counted as complete."""
    progress, found = Progress(Measured()), []
    for count, step in enumerate(order, 1):
        progress.measured.add(0, (step, 0), 0)
        if progress.is_calibrated(count, CENTER, separate):
            found.append(count)
    return found


@pytest.mark.parametrize("order", [MEASURED, MEASURED[::-1], sorted(MEASURED, key=lambda step: abs(step - CENTER))])
def test_all_calibration_lines_have_come_and_not_all_lines(order: list[int]) -> None:
    (count,) = noticed(order)
    assert set(CENTRAL) <= set(order[:count])
    assert count < len(order)


@pytest.mark.parametrize("order", [list(range(PHASE)), list(range(0, PHASE, 4)), [*CENTRAL], [CENTER], [0, 63]])
def test_a_full_scan_one_without_calibration_lines_and_these_alone_are_not(order: list[int]) -> None:
    assert not noticed(order)


def test_a_reference_scan_needs_lines_on_both_sides() -> None:
    (count,) = noticed(MEASURED, separate=True)
    assert MEASURED[count - 2] <= CENTER < MEASURED[count - 1] or count == 2 + MEASURED.index(CENTER)


@given(order=st.permutations(MEASURED), separate=st.booleans())
def test_it_is_noticed_once_at_most_in_any_order(order: list[int], separate: bool) -> None:
    assert len(noticed(order, separate)) <= 1
