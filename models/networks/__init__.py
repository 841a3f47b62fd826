"""Networks that reconstruct an image from undersampled k-space, one per file."""
