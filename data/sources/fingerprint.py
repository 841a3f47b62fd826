"""Recognises k-space by a few numbers to which every sample contributes, whatever its scale and the rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NUMBERS = 4
"""Number of projections."""

TOLERANCE = 1e-4
"""Largest difference of a projection that rounding may explain; other data differ by about 1."""


def fingerprint(kspace: NDArray[np.complexfloating]) -> tuple[complex, ...]:
    """Project k-space, divided by its norm, on vectors of 1 and -1 that look random.

    Parameters
    ----------
    kspace
        Complex, of any shape.

    Returns
    -------
    tuple of complex
        `NUMBERS` projections of magnitude about 1, which change by about e if the samples change by a share e.
    """
    samples = kspace.astype(np.complex128).ravel()
    samples = samples / max(float(np.linalg.norm(samples)), np.finfo(float).tiny)
    return tuple(complex(samples @ _signs(samples.size, number)) for number in range(NUMBERS))


def agrees(kspace: NDArray[np.complexfloating], known: tuple[complex, ...]) -> bool:
    """Return whether k-space has a known fingerprint, up to rounding and a real factor."""
    found = np.array(fingerprint(kspace))
    return bool(np.isfinite(found).all() and np.abs(found - np.array(known)).max() < TOLERANCE)


def _signs(size: int, number: int) -> NDArray[np.float64]:
    """Return 1 or -1 by the last bit of a hash of each index (Steele et al. 2014), alike on every machine."""
    mixed = (np.arange(size, dtype=np.uint64) + np.uint64(number << 40)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return 1.0 - 2.0 * ((mixed ^ (mixed >> np.uint64(31))) & np.uint64(1)).astype(np.float64)
