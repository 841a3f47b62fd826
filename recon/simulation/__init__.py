"""Simulated raw data: a head phantom, coils, and a scanner with its imperfections."""
