"""What a training run reads: files, slices and batches."""
