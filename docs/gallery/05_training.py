"""
Training
========

Train a small variational network on raw data, as ``recon train`` does, and compare its weights.
"""

# %%
# Data
# ----
# Any folder of fully sampled raw data: here simulated heads, in your case fastMRI's ``multicoil_train``.
import json
from pathlib import Path
from tempfile import mkdtemp

import recon
from recon.experiments.training.config.config_file import load_config
from recon.experiments.training.train import train
from recon.simulation.raw_files import simulate_folder

folder = Path(mkdtemp())
for name, volumes, seed in (("train", 4, 1), ("val", 1, 2), ("test", 1, 3)):
    simulate_folder(folder / name, volumes=volumes, slices=2, coils=4, size=(96, 80), seed=seed, snr=40)

# %%
# Run
# ---
# The same as ``recon train varnet_small_cpu data.train=... data.val=... epochs=4``.
config = load_config(
    Path("varnet_small_cpu"),
    [
        f"data.train={folder / 'train'}",
        f"data.val={folder / 'val'}",
        f"output={folder / 'run'}",
        "data.workers=0",
        "epochs=4",
        "network.arguments={num_cascades: 2, chans: 8}",
    ],
)
weights = train(config)
print(weights.relative_to(folder), f"{weights.stat().st_size / 1e6:.1f} MB")

# %%
# The log
# -------
for line in (folder / "run" / "log.jsonl").read_text().splitlines():
    entry = json.loads(line)
    if "psnr" in entry:
        print(f"after {entry['steps']} steps: SSIM {entry['ssim']:.3f}, PSNR {entry['psnr']:.1f} dB")

# %%
# Use the weights
# ---------------
scan = recon.open(next((folder / "test").glob("*.h5")))
under = recon.undersample(scan[0], 4)
images = {
    "cs-wavelet": recon.reconstruct(under, "cs-wavelet", noise_floor=True),
    "a few steps": recon.reconstruct(under, "varnet", checkpoint=str(weights), noise_floor=True),
    "weights that ship": recon.reconstruct(under, "varnet", noise_floor=True),
}
for name, image in images.items():
    print(f"{name:18} PSNR {recon.score(scan[0].target, image).psnr:.1f} dB")
recon.show(scan[0].target, *images.values(), titles=["target", *images])
