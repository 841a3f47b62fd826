"""Reads and writes the ISMRMRD format: readouts with headers, sorted into k-space."""
