"""Networks that reconstruct the frames of a series together."""
