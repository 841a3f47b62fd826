"""Warn of what a method does not vouch for: scans outside its training range, uncertainty without calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from recon.contract import Reconstruction, UncertaintyCalibration
from recon.data.acquisition import Acquisition
from recon.experiments.console import warn
from recon.preprocessing.echo import centre_echo
from recon.registry import stages_of


@dataclass
class RangeWarnings:
    """Warns of scans outside the range on which a method's weights were trained, once for each scan and reason.

    Attributes
    ----------
    sentences
        Warnings so far.
    """

    sentences: list[str] = field(default_factory=list)

    def check(self, name: str, method: Reconstruction, read: Callable[[], Acquisition]) -> list[str]:
        """Warn if a slice lies outside the training range of a method.

        Parameters
        ----------
        name, method
            The method, and the name under which it is registered.
        read
            Function that reads the slice; called only if the method has trained weights.

        Returns
        -------
        list of str
            New warnings.

        Raises
        ------
        InputError
            If the weights are missing, or the slice cannot be read.
        """
        if not method.trained:
            return []
        acquisition = centre_echo(read())
        subject = f"{acquisition.name}: outside the training range of {name}"
        warnings = [f"{subject}: {reason}" for reason in method.range_warnings(acquisition)]
        new = [sentence for sentence in warnings if sentence not in self.sentences]
        self.sentences += new
        for sentence in new:
            warn(sentence)
        return new


def calibration_or_warning(name: str, method: Reconstruction) -> UncertaintyCalibration:
    """Return the calibration of a method's uncertainty; if it has none, warn and return one that changes nothing.

    Raises
    ------
    InputError
        If the weights are missing.
    """
    calibration = method.uncertainty_calibration
    if calibration is not None:
        return calibration
    remedy = "; `recon calibrate` calibrates it" if method.trained and not stages_of(name) else ""
    warn(f"the uncertainty of {name} is not calibrated: it is the plain spread between reconstructions{remedy}")
    return UncertaintyCalibration()
