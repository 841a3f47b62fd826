"""Reconstruct at the scanner over MRD streams: server and client."""
