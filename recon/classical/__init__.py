"""Classical reconstruction methods, one file each; importing this package registers them all."""

from recon.classical import (
    compressed_sensing,
    dynamic,
    grappa,
    sense,
    sigpy_apps,
    unfolding,
    volumetric,
    zero_filled,
)

__all__ = [
    "compressed_sensing",
    "dynamic",
    "grappa",
    "sense",
    "sigpy_apps",
    "unfolding",
    "volumetric",
    "zero_filled",
]
