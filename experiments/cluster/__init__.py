"""Divide the work of a command among processes, machines, and runs of the command."""
