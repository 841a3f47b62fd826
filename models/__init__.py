"""Learned reconstructions: the U-Net, sensitivity estimation, data consistency, the variational network."""
