"""
A network of your own
=====================

Write an unrolled network, train it for a few seconds, and use it as a method.
"""

# %%
# The network
# -----------
# ``SenseNetwork`` estimates coil maps, scales the data and builds the least-squares problem ``y = M F S x``. What is
# left to write is the unrolled iteration: here gradient steps towards the samples, each followed by a small
# convolutional correction of the coil-combined image, as in Hammernik et al. (2018).
from pathlib import Path
from tempfile import mkdtemp

import torch
from torch import Tensor, nn

import recon
from recon.models.networks.kspace_network import UndersampledBatch
from recon.models.networks.sense_network import SenseNetwork
from recon.simulation.raw_files import simulate_folder
from recon.solvers.problem import LeastSquares


class GradientStep(nn.Module):
    """One step `x <- x - step A^H (A x - y) + R(x)`."""

    def __init__(self, chans: int) -> None:
        super().__init__()
        self.step = nn.Parameter(torch.tensor(1.0))
        self.correction = nn.Sequential(
            nn.Conv2d(2, chans, 3, padding=1), nn.ReLU(), nn.Conv2d(chans, 2, 3, padding=1)
        )

    def forward(self, image: Tensor, problem: LeastSquares) -> Tensor:
        """Refine complex `(batch, 1, readout, phase)`."""
        gradient = problem.encoding.normal(image) - problem.encoding.adjoint(problem.measured)
        channels = torch.view_as_real(image[:, 0]).movedim(-1, 1)
        corrected = torch.view_as_complex(self.correction(channels).movedim(1, -1).contiguous())
        return image - self.step * gradient + corrected[:, None]


class TinyNetwork(SenseNetwork):
    """A few gradient steps from the zero-filled image."""

    def __init__(self, num_cascades: int = 4, chans: int = 16) -> None:
        super().__init__(GradientStep(chans) for _ in range(num_cascades))

    def solve(self, problem: LeastSquares) -> Tensor:
        """Return k-space of all coils."""
        image = self.unroll(problem.encoding.adjoint(problem.measured), problem)
        return problem.encoding.coil_kspace(image)


# %%
# Train it
# --------
# A plain loop shows what a network is given. A class in ``models/networks/`` and a line in ``models/zoo.py`` bring
# ``recon train``, checkpoints and the command line.
folder = Path(mkdtemp())
simulate_folder(folder, volumes=3, slices=2, coils=6, size=(96, 80), seed=2, snr=50)
scans = [recon.open(path) for path in sorted(folder.glob("*.h5"))]
slices = [recon.undersample(one, 4) for scan in scans[:2] for one in scan]
torch.manual_seed(0)
network = TinyNetwork()
optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
losses = []
for _ in range(40):
    for one in slices:
        image = network.image(UndersampledBatch(one.kspace[None], one.mask[None, None, None]))[0]
        loss = (image - one.target).abs().mean() / one.target.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
print(f"loss: {sum(losses[:4]) / 4:.3f} at first, {sum(losses[-4:]) / 4:.3f} at last")

# %%
# Look at a head it has not seen
# ------------------------------
test = scans[2][0]
under = recon.undersample(test, 4)
with torch.no_grad():
    image = network.image(UndersampledBatch(under.kspace[None], under.mask[None, None, None]))[0]
zero_filled = recon.reconstruct(under, "zero-filled")
for name, result in {"zero-filled": zero_filled, "tiny network": image}.items():
    print(f"{name:13} PSNR {recon.score(test.target, result).psnr:.1f} dB")
recon.show(test.target, zero_filled, image, titles=["target", "zero-filled", "tiny network"])
