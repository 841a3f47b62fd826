"""Reads and writes files safely: guarded HDF5, atomic writes, limits on declared sizes."""
