"""Auto-calibration lines: the fully sampled low frequencies from which coils and kernels are learned."""

from torch import Tensor

from data.acquisition import Acquisition
from data.errors import InputError
from data.masks import center_lines

FEWEST_LINES = 4
"""Below this no coil sensitivity and no kernel can be told from the data."""


def calibration_lines(acquisition: Acquisition) -> Tensor:
    """Give the fully sampled lines about DC, or the separate reference scan where there is one.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.

    Returns
    -------
    Tensor
        complex64 `(coils, readout, lines)`.

    Raises
    ------
    InputError
        If fewer than four lines about DC were measured.
    """
    if acquisition.calibration is not None:
        return acquisition.calibration
    lines = center_lines(acquisition.mask)
    found = lines.stop - lines.start
    if found < FEWEST_LINES:
        raise InputError(
            f"{acquisition.name}: only {found} neighbouring lines at the centre of k-space were measured, "
            f"calibration needs {FEWEST_LINES} or more"
        )
    return acquisition.kspace[..., lines]
