"""Warn of scans outside a method's training range, and of uncertainty without calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from recon.contract import Reconstruction, UncertaintyCalibration
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
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
        return self.tell(range_warnings(name, method, read))

    def tell(self, sentences: Iterable[str]) -> list[str]:
        """Print the warnings among some that were not printed before, and return them."""
        new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in self.sentences]
        self.sentences += new
        for sentence in new:
            warn(sentence)
        return new


def range_warnings(name: str, method: Reconstruction, read: Callable[[], Acquisition]) -> list[str]:
    """Return why a slice lies outside the training range of a method; parameters and errors as of `check`."""
    if not method.trained:
        return []
    acquisition = centre_echo(read())
    subject = f"{acquisition.name}: outside the training range of {name}"
    return [f"{subject}: {reason}" for reason in method.range_warnings(acquisition)]


def calibration_for(name: str, method: Reconstruction, coverage: float | None = None) -> UncertaintyCalibration:
    """Return the calibration of a method's uncertainty.

    For standard deviations, a method without calibration gets one that changes nothing, and a warning.

    Parameters
    ----------
    name, method
        The method, and the name under which it is registered.
    coverage
        Share of the pixels that intervals shall cover; None for standard deviations.

    Raises
    ------
    InputError
        If the weights are missing, or the calibration cannot give intervals of this coverage.
    """
    calibration = method.uncertainty_calibration
    remedy = "; `recon calibrate` calibrates it" if method.trained and not stages_of(name) else ""
    if coverage is not None:
        if calibration is None:
            raise InputError(
                f"{name}: conformal bounds need the errors of a calibration, which this method does not have{remedy}"
            )
        calibration.factor(coverage)
    elif calibration is None:
        warn(f"the uncertainty of {name} is not calibrated: it is the plain spread between reconstructions{remedy}")
    return calibration or UncertaintyCalibration()
