"""Run methods over scans: reconstruct, compare, tune, calibrate, evaluate."""
