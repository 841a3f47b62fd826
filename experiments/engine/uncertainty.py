"""What turns the uncertainty of a method's images into standard deviations."""

from __future__ import annotations

from recon.experiments.console import warn
from recon.experiments.engine.methods import Reconstruction
from recon.models.learned import LearnedReconstruction
from recon.quality.uncertainty import Calibration


def calibration_of(name: str, method: Reconstruction) -> Calibration:
    """Give the calibration that the card of a method's weights holds; without one, warn and take the plain spread.

    Raises
    ------
    InputError
        If the weights are missing.
    """
    card = method.loaded.card if isinstance(method, LearnedReconstruction) else None
    if card is not None and card.uncertainty is not None:
        return card.uncertainty
    how = "; `recon calibrate` does that" if isinstance(method, LearnedReconstruction) else ""
    warn(f"the uncertainty of {name} is not calibrated: it is the plain spread between reconstructions{how}")
    return Calibration()
