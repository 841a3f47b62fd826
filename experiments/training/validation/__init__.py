"""Validation of a network under training."""
