"""Torch datasets: slices to train on, indexed, selected, preprocessed and batched."""
