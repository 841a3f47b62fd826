"""Every method that the commands know: importing a module here is what registers it."""

import models.learned
import recon.compressed_sensing
import recon.grappa
import recon.sense
import recon.unfolding
import recon.zero_filled
from recon.registry import METHODS, Reconstruction, create

__all__ = ["METHODS", "Reconstruction", "create", "models", "recon"]
