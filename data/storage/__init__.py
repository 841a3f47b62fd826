"""Reads and writes files safely: guarded HDF5, atomic writes, limits on what a file may claim."""
