"""
Comparing methods honestly
==========================

A method is compared with compressed sensing whose weight an oracle has chosen, knowing the truth.
"""

# %%
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np

import recon
from recon.simulation.raw_files import simulate_folder

folder = Path(mkdtemp())
simulate_folder(folder, volumes=1, slices=1, coils=8, size=(160, 144), seed=11, snr=40)
slice_ = recon.open(next(folder.glob("*.h5")))[0]

# %%
# Two accelerations, five methods
# -------------------------------
# All methods see the same lines of the same k-space, and all images get the noise floor of a full scan.
names = ["zero-filled", "sense", "grappa", "cs-wavelet", "varnet"]
for acceleration in (4, 8):
    under = recon.undersample(slice_, acceleration, mask="random")
    for name in names:
        scores = recon.score(slice_.target, recon.reconstruct(under, name, noise_floor=True))
        print(f"{acceleration}x {name:12} SSIM {scores.ssim:.3f}, PSNR {scores.psnr:.1f} dB")

# %%
# The oracle
# ----------
# ``cs-wavelet`` chooses its weight by itself. How much would a weight gain that knows the truth? ``recon compare
# --oracle cs-wavelet`` answers this for every slice.
under = recon.undersample(slice_, 8, mask="random")
weights = np.geomspace(1e-4, 1e-2, 9)
psnr = [
    recon.score(slice_.target, recon.reconstruct(under, "cs-wavelet", noise_floor=True, lamda=float(weight))).psnr
    for weight in weights
]
network = recon.score(slice_.target, recon.reconstruct(under, "varnet", noise_floor=True)).psnr
automatic = recon.score(slice_.target, recon.reconstruct(under, "cs-wavelet", noise_floor=True)).psnr

figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
axis.semilogx(weights, psnr, "o-", label="cs-wavelet at a given weight")
axis.axhline(automatic, color="C0", linestyle=":", label="cs-wavelet, automatic weight")
axis.axhline(network, color="C1", label="varnet")
axis.set(xlabel="lamda", ylabel="PSNR in dB", title="8x")
axis.legend()
