"""Sampling masks: drawn to undersample full scans, or found in k-space that a scanner undersampled."""
