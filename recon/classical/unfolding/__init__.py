"""SENSE in closed form where few pixels fold onto each other, for equally spaced lines and for lattices."""

from recon.classical.unfolding import sense_unfold

__all__ = ["sense_unfold"]
