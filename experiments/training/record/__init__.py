"""What a training run writes: log, pictures, state, provenance and weights."""
