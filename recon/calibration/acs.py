"""Auto-calibration lines: the fully sampled low frequencies from which coils and kernels are learned."""

from torch import Tensor

from recon.calibration.acs_window import acs_window, cut
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks import center_lines

FEWEST_LINES = 4
"""Below this no coil sensitivity and no kernel can be told from the data."""


def calibration_lines(acquisition: Acquisition) -> Tensor:
    """Give the fully sampled lines about DC, or the separate reference scan where there is one.

    Of a mask in two dimensions without whole lines it is the fully sampled rectangle.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.

    Returns
    -------
    Tensor
        complex64 `(coils, readout, lines)`, of a rectangle `(coils, rows, lines)`.

    Raises
    ------
    InputError
        If fewer than four lines about DC were measured.
    """
    if acquisition.calibration is not None:
        return acquisition.calibration
    lines = acquisition.kspace[..., center_lines(acquisition.mask)]
    if _too_few(lines) and acquisition.mask.ndim == 2:
        lines = cut(acquisition.kspace, acs_window(acquisition.mask[None, None])[0, 0])
    if _too_few(lines):
        raise InputError(
            f"{acquisition.name}: only {min(lines.shape[1:])} neighbouring lines at the centre of k-space were "
            f"measured, calibration needs {FEWEST_LINES} or more"
        )
    return lines


def dc_line(acquisition: Acquisition, lines: Tensor) -> int:
    """Find the line at DC among the calibration lines: not in their middle where a line beside them was measured."""
    run = center_lines(acquisition.mask)
    if acquisition.calibration is not None or lines.shape[-1] != run.stop - run.start:
        return lines.shape[-1] // 2
    return acquisition.matrix[1] // 2 - run.start


def _too_few(lines: Tensor) -> bool:
    return min(lines.shape[1:]) < FEWEST_LINES
