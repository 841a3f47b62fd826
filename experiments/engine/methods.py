"""Every method that the commands know: importing a module here is what registers it."""

import recon.classical.compressed_sensing
import recon.classical.grappa
import recon.classical.sense
import recon.classical.unfolding
import recon.classical.zero_filled
import recon.models.learned
from recon.registry import METHODS, Reconstruction, create

__all__ = ["METHODS", "Reconstruction", "create", "recon"]
