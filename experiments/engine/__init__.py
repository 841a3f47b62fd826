"""Runs methods over volumes: reconstruct, compare, tune, calibrate, evaluate."""
