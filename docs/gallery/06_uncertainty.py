"""
Uncertainty
===========

How wrong may each pixel be? Six more reconstructions from altered data say so, without the truth.
"""

# %%
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np

import recon
from recon.experiments.engine.run import Runner
from recon.registry import create
from recon.simulation.raw_files import simulate_folder

folder = Path(mkdtemp())
simulate_folder(folder, volumes=1, slices=1, coils=8, size=(160, 144), seed=21, snr=40)
slice_ = recon.open(next(folder.glob("*.h5")))[0]
under = recon.undersample(slice_, 6, mask="random")

# %%
# One standard deviation for every pixel
# --------------------------------------
# ``recon reconstruct --uncertainty`` writes the same map. The calibration of the weights that ship was made on
# simulated scans alone (``recon calibrate``).
method = create("varnet")
result = Runner("varnet", method, uncertainty=method.uncertainty_calibration, floor=True).volume([under])
image, sigma = result.images[0], result.maps["uncertainty"][0]
error = np.abs(image - slice_.target.numpy())

# %%
# Is it honest?
# -------------
# About 68 % of the errors should lie within one standard deviation, 95 % within two.
for factor in (1, 2):
    print(f"within {factor} sigma: {(error < factor * sigma).mean():.2f}")

white = float(np.percentile(slice_.target, 99.5))
figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), layout="constrained")
for axis, picture, title, top in zip(
    axes,
    (image, error, sigma),
    ("image, 6x", "error", "one standard deviation"),
    (white, white / 10, white / 10),
    strict=True,
):
    axis.imshow(picture, cmap="gray" if top == white else "magma", vmin=0, vmax=top)
    axis.set_title(title)
    axis.set_axis_off()
