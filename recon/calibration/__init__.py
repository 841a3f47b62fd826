"""What the calibration lines tell: coil maps, covariances, noise, virtual coils."""
