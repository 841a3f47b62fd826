"""The physics and the classical reconstructions, and the one contract every method fulfils."""
