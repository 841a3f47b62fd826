"""Benchmarks of time, memory and the number of kernels."""
