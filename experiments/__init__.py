"""What is run: the `recon` command, comparison, training, evaluation, reports, benchmarks."""
