"""Benchmark of denoisers on images with added noise."""
