"""Programs to run: the `recon` command, comparison, training, evaluation, reports, benchmarks."""
