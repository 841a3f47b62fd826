"""Methods that reconstruct all frames of a series together, one file each."""

from recon.classical.dynamic import kt_sense, low_rank_sparse, temporal_variation

__all__ = ["kt_sense", "low_rank_sparse", "temporal_variation"]
