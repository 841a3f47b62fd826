"""From a configuration to batches of slices."""
