"""Reads Siemens raw data (twix), from VB to XA."""
