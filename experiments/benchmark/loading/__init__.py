"""Benchmark of data loading against fastMRI's loader."""
