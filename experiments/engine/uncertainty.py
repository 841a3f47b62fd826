"""What turns the uncertainty of a method's images into standard deviations."""

from __future__ import annotations

from recon.contract import Reconstruction, UncertaintyCalibration
from recon.experiments.console import warn


def calibration_of(name: str, method: Reconstruction) -> UncertaintyCalibration:
    """Give the calibration that the card of a method's weights holds; without one, warn and take the plain spread.

    Raises
    ------
    InputError
        If the weights are missing.
    """
    calibration = method.uncertainty_calibration
    if calibration is not None:
        return calibration
    how = "; `recon calibrate` does that" if method.trained else ""
    warn(f"the uncertainty of {name} is not calibrated: it is the plain spread between reconstructions{how}")
    return UncertaintyCalibration()
