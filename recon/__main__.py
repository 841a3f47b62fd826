"""Runs the command `recon` as `python -m recon`."""

from recon.experiments.cli import main

if __name__ == "__main__":
    main()
