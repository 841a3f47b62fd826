"""Output of a training run: log, pictures, state, provenance and weights."""
