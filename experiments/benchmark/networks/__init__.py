"""Benchmark of the VarNet against fastMRI's."""
