"""A fingerprint of k-space depends on every sample, and on nothing else."""

import numpy as np

from recon.data.sources.fingerprint import TOLERANCE, agrees, fingerprint
from recon.data.sources.originals import to_images, to_kspace


def test_the_fingerprint_ignores_scale_and_rounding_and_sees_everything_else() -> None:
    rng = np.random.default_rng(1)
    kspace = (rng.standard_normal((1, 3, 24, 20)) + 1j * rng.standard_normal((1, 3, 24, 20))).astype(np.complex64)
    known = fingerprint(kspace)
    assert agrees(3e-7 * kspace, known)
    assert agrees(to_kspace(to_images(kspace)), known)
    others = (np.roll(kspace, 1, -1), kspace.conj(), kspace.swapaxes(-2, -1), kspace[:, ::-1], -kspace, 0 * kspace)
    assert not any(agrees(other, known) for other in others)
    slightly = kspace.copy()
    slightly[0, 0, 0, 0] += 100 * TOLERANCE * np.linalg.norm(kspace)
    assert not agrees(slightly, known)
