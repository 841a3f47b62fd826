"""Classical reconstruction methods, one file each; importing this package registers them all."""

from recon.classical import (
    compressed_sensing,
    grappa,
    kt_sense,
    low_rank_sparse,
    sense,
    sigpy_apps,
    temporal_variation,
    unfolding,
    zero_filled,
)

__all__ = [
    "compressed_sensing",
    "grappa",
    "kt_sense",
    "low_rank_sparse",
    "sense",
    "sigpy_apps",
    "temporal_variation",
    "unfolding",
    "zero_filled",
]
