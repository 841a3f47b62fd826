"""
A first reconstruction
======================

Simulate the raw data of a head, leave out three of four lines, and bring the image back.
"""

# %%
# A scan
# ------
# ``recon simulate`` writes files in fastMRI's layout. Any file that ``recon info`` understands does as well.
from pathlib import Path
from tempfile import mkdtemp

import recon
from recon.simulation.raw_files import simulate_folder

folder = Path(mkdtemp())
simulate_folder(folder, volumes=1, slices=1, coils=8, size=(192, 160), seed=4, snr=40)
scan = recon.open(next(folder.glob("*.h5")))
print(scan)

# %%
# Undersample and reconstruct
# ---------------------------
# The masks are fastMRI's. ``varnet`` is the network whose weights ship with the package.
slice_ = scan[0]
undersampled = recon.undersample(slice_, acceleration=4, mask="equispaced_fraction")
zero_filled = recon.reconstruct(undersampled, "zero-filled", noise_floor=True)
image = recon.reconstruct(undersampled, "varnet", noise_floor=True)

# %%
# Look and score
# --------------
# The range of SSIM and PSNR is the largest value of the target, as in fastMRI.
for name, result in {"zero-filled": zero_filled, "varnet": image}.items():
    scores = recon.score(slice_.target, result)
    print(f"{name:12} SSIM {scores.ssim:.3f}, PSNR {scores.psnr:.1f} dB")

recon.show(slice_.target, zero_filled, image, titles=["target", "zero-filled", "varnet"])
