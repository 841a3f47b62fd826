"""Reads MATLAB files."""
