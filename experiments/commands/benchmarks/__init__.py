"""The commands of `recon benchmark`."""
