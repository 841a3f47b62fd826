"""Fetches small real scans from their public homes, and converts them to fastMRI's layout."""
