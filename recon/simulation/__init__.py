"""Simulated raw data: a head phantom, loop coils, and a scanner with its imperfections."""
