"""Reads and writes fastMRI's HDF5 layout."""
