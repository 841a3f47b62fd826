"""Benchmark of what each part of the general network contributes."""
