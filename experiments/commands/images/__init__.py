"""The commands that reconstruct, compare, denoise and score images."""
