"""Post-processing stages that run a network: denoising and enlarging."""
