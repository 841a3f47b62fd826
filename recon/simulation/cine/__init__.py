"""Simulates series of beating hearts: measured cines or drawn hearts, with breathing, phase, coils and noise."""
