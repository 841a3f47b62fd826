"""Siemens twix raw data, from VB to XA."""
