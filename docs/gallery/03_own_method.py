"""
A method of your own
====================

A method is a frozen dataclass that is called on a slice. Its fields are its settings.
"""

# %%
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import torch

import recon
from recon.coils import rss
from recon.fourier import fft, ifft
from recon.simulation.raw_files import simulate_folder

# %%
# Projections onto convex sets
# ----------------------------
# We write POCS with a fixed support: the image outside the object is zero, and the measured samples stay. The
# docstring names the objective, as for all methods.


@recon.register("support-pocs")
@dataclass(frozen=True)
class SupportPocs(recon.Reconstruction):
    """Find an image that vanishes outside the object and agrees with the samples, by alternating projections.

    Attributes
    ----------
    threshold
        Share of the largest value of the low-resolution image below which a pixel is outside.
    iterations
        Number of projections.
    """

    threshold: float = 0.05
    iterations: int = 20

    def __call__(self, acquisition: recon.Acquisition) -> torch.Tensor:
        """Reconstruct one slice, k-space `(coils, readout, phase)`."""
        measured, mask = acquisition.kspace, acquisition.mask
        low = rss(ifft(measured * _centre(mask)))
        inside = low > self.threshold * low.max()
        kspace = measured
        for _ in range(self.iterations):
            kspace = torch.where(mask, measured, fft(ifft(kspace) * inside))
        return rss(ifft(kspace))


def _centre(mask: torch.Tensor) -> torch.Tensor:
    """Keep the fully sampled lines in the middle."""
    middle = len(mask) // 2
    kept = torch.zeros_like(mask)
    kept[middle - 6 : middle + 6] = True
    return kept & mask


# %%
# Use it like any other
# ---------------------
# ``--plugin my_method.py`` loads the file into every command.
folder = Path(mkdtemp())
simulate_folder(folder, volumes=1, slices=1, coils=8, size=(160, 144), seed=11, snr=40)
slice_ = recon.open(next(folder.glob("*.h5")))[0]
under = recon.undersample(slice_, 4, mask="random")
images = {name: recon.reconstruct(under, name) for name in ("zero-filled", "support-pocs", "sense")}
for name, image in images.items():
    print(f"{name:13} PSNR {recon.score(slice_.target, image).psnr:.1f} dB")
recon.show(slice_.target, *images.values(), titles=["target", *images])
