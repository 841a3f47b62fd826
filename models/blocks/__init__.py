"""The parts networks are built from."""
