"""Benchmarks against other packages: quality, time and memory under one protocol."""
