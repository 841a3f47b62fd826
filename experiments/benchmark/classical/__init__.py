"""Benchmark of the classical methods against sigpy, BART and pygrappa."""
