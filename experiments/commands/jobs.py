"""The options of commands whose work processes and machines share, as the text that travels to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recon.experiments.cluster.job import Work
from recon.experiments.commands.options import Bounds
from recon.experiments.commands.parse import (
    build_methods,
    parse_coverage,
    parse_oracle,
    parse_protocol,
    parse_tuned,
)
from recon.experiments.engine.comparison import Comparison
from recon.experiments.engine.comparison_work import ComparisonWork
from recon.experiments.engine.device import pick_device
from recon.preprocessing.steps import parse_steps

Words = tuple[str, ...]
Paths = tuple[Path, ...]


@dataclass(frozen=True)
class CompareJob:
    """The options of `recon compare` on which its numbers depend, named as there."""

    output: Path
    methods: str
    accelerations: str
    mask: str
    center_fraction: float | None
    seed: str
    oracle: str
    settings: Words
    tuned: Path | None
    checkpoint: str | None
    plugins: Paths
    preprocess: str
    uncertainty: Bounds | None
    coverage: float | None
    noise_floor: bool
    shown: int
    device: str

    def comparison(self) -> Comparison:
        """Build the methods and the protocol.

        Raises
        ------
        InputError
            If an option has a wrong value.
        """
        built = build_methods(self.methods, list(self.settings), self.checkpoint, self.plugins)
        return Comparison(
            methods=built,
            samplings=parse_protocol(self.mask, self.accelerations, self.center_fraction, self.seed),
            shown=self.shown,
            tuned=parse_tuned(self.tuned, built, list(self.settings)),
            steps=parse_steps(self.preprocess),
            uncertain=self.uncertainty is not None,
            coverage=parse_coverage(self.uncertainty, self.coverage),
            oracle=parse_oracle(self.oracle, built),
            floor=self.noise_floor,
        )

    def work(self) -> Work:
        """Build the methods, and return the function that reconstructs and scores one scan with one of them."""
        return ComparisonWork(self.comparison(), self.output, pick_device(self.device))
