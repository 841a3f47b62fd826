"""Reads and writes the raw-data formats, one module or folder each."""
