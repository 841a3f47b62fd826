"""The command `recon`, for launchers that want a file."""

from recon.experiments.cli import main

if __name__ == "__main__":
    main()
