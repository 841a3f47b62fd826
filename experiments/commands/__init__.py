"""The commands of `recon`, by subject; each imports what it needs only when it runs."""
