"""Run `recon demo`: compare methods, with the shipped weights, on a real brain and on simulated heads."""

from __future__ import annotations

from pathlib import Path

import torch

from recon.data.sources.shipped import shipped_brain
from recon.experiments.commands.arguments.samplings import parse_protocol
from recon.experiments.console import progress, say
from recon.experiments.engine.comparison.compare import compare
from recon.experiments.engine.comparison.comparison import Comparison
from recon.registry import create
from recon.simulation.raw_files import simulate_folder

METHODS = ("zero-filled", "sense", "grappa", "cs-wavelet", "cs-tv", "varnet")
VOLUMES, SLICES, COILS, SIZE = 3, 2, 6, (160, 160)
SEED, SNR = 2, 40.0


def demo(output: Path, device: torch.device) -> None:
    """Compare methods at 4x and 8x on the real brain that ships, and on simulated heads.

    Work that an earlier run finished is not repeated.

    Parameters
    ----------
    output
        Folder for the raw data and the comparison.
    device
        Device to compute on.

    Raises
    ------
    InputError
        If the weights are missing.
    """
    raw = output / "raw"
    say(f"a real brain: {shipped_brain(raw)}")
    if len(list(raw.glob("simulated_*.h5"))) < VOLUMES:
        say(f"simulating {VOLUMES} heads: {raw}")
        with progress() as bar:
            task = bar.add_task("simulate", total=VOLUMES)
            simulate_folder(raw, VOLUMES, SLICES, COILS, SIZE, SEED, SNR, progress=lambda: bar.advance(task))
    say(f"comparing {len(METHODS)} methods at 4x and 8x")
    methods = {name: create(name) for name in METHODS}
    comparison = Comparison(methods, parse_protocol("equispaced_fraction", "4,8", None, "0"))
    compare([raw], comparison, output / "comparison", device)
