"""Estimates from calibration lines: coil maps, covariances, noise, virtual coils."""
