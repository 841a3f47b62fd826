"""Input of a training run: files, slices and batches."""
