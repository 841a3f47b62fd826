"""
Two phase encodings
===================

In three dimensions the readout is measured in full, so each position along it is a plane of two phase encodings.
"""

# %%
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np

import recon
from recon.simulation.raw_files import simulate_folder

folder = Path(mkdtemp())
simulate_folder(folder, volumes=1, slices=1, coils=8, size=(144, 128), seed=31, snr=40)
plane = recon.open(next(folder.glob("*.h5")))[0]

# %%
# Masks along both axes
# ---------------------
# CAIPIRINHA shifts the lattice from row to row; Poisson discs suit compressed sensing.
samplings = {"caipi:2x2": 4, "poisson": 8}
scans = {mask: recon.undersample(plane, acceleration, mask=mask) for mask, acceleration in samplings.items()}
figure, axes = plt.subplots(1, 2, figsize=(6, 3.2), layout="constrained")
for axis, (mask, scan) in zip(axes, scans.items(), strict=True):
    axis.imshow(np.broadcast_to(scan.mask, plane.matrix), cmap="gray", interpolation="nearest")
    axis.set(title=f"{mask}, {samplings[mask]}x", xticks=[], yticks=[])

# %%
# Methods
# -------
# All two-dimensional methods take such masks, and the network does too.
for mask, scan in scans.items():
    for name in ("zero-filled", "sense", "cs-wavelet", "varnet"):
        psnr = recon.score(plane.target, recon.reconstruct(scan, name, noise_floor=True)).psnr
        print(f"{mask:10} {name:12} PSNR {psnr:.1f} dB")

recon.show(
    plane.target,
    *(
        recon.reconstruct(scans["poisson"], name, noise_floor=True)
        for name in ("zero-filled", "cs-wavelet", "varnet")
    ),
    titles=["target", "zero-filled", "cs-wavelet", "varnet"],
)
