"""Benchmarks of the quality of images."""
