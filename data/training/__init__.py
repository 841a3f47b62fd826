"""Provides slices to train on: indexed, selected, preprocessed, undersampled and batched."""
