"""
A beating heart
===============

Reconstruct a cine at 8x: frame by frame, and all frames together.
"""

# %%
# A series
# --------
# The frames of a series are images at one place, in the order of time. Each has a mask of its own.
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np

import recon
from recon.simulation.cine.files import simulate_cines
from recon.simulation.cine.simulator import CinePlan, CineSimulator

folder = Path(mkdtemp())
plan = CinePlan(matrix=(96, 96), frames=16, coils=8, snr=40)
(path,) = simulate_cines(folder, CineSimulator(varied=False), plan, volumes=1, seed=5)
scan = recon.open(path)
under = recon.undersample(scan, 8, mask="kt-random", center_fraction=0.04)

# %%
# Low rank plus sparse
# --------------------
# ``l+s`` (Otazo et al. 2015) separates what hardly changes from what does.
target = np.stack([frame.target for frame in scan])
series = {name: recon.reconstruct(under, name) for name in ("zero-filled", "cs-wavelet", "l+s")}
for name, images in series.items():
    print(f"{name:12} PSNR {recon.score(target, images).psnr:.1f} dB")

# %%
# One frame, and a column over time
# ---------------------------------
column = int(np.argmax(target.std(axis=0).sum(axis=0)))
figure, axes = plt.subplots(2, 4, figsize=(9, 5), layout="constrained")
for above, below, (name, images) in zip(*axes, {"target": target, **series}.items(), strict=True):
    above.imshow(images[6], cmap="gray", vmin=0, vmax=np.percentile(target, 99.5))
    above.set_title(name)
    below.imshow(
        np.asarray(images)[:, :, column].T, cmap="gray", vmin=0, vmax=np.percentile(target, 99.5), aspect="auto"
    )
    above.set_axis_off()
    below.set(xticks=[], yticks=[], xlabel="time")
