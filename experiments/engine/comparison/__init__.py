"""Compares methods on fully sampled scans, and stores every result."""
