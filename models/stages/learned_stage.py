"""Base of post-processing stages that apply a trained network of the zoo."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from recon.data.errors import InputError
from recon.models.checkpoints.checkpoint import Checkpoint, load_model
from recon.models.checkpoints.locate import locate, shipped_weights
from recon.models.precision import Precision
from recon.postprocessing.stage import Stage


@dataclass(frozen=True)
class LearnedStage(Stage):
    """A stage that has the name of its network and of its shipped weights.

    Attributes
    ----------
    checkpoint
        Weights of `recon train`: a file, the name of shipped weights, or `owner/repository:file` on the Hugging Face
        Hub. None for the weights that ship.
    precision
        Precision of the convolutions, as in `recon.models.learned`.
    """

    checkpoint: str | Path | None = None
    precision: Precision = "float32"

    def prepare(self) -> None:
        """Read the weights.

        Raises
        ------
        InputError
            If the weights are missing, or belong to another network.
        """
        _ = self.loaded

    def settings(self) -> dict[str, Any]:
        """Return the settings, with the name and hash of the weights."""
        return super().settings() | {"checkpoint": self.loaded.path.name, "sha256": self.loaded.sha256}

    @property
    def trained(self) -> bool:
        """Whether the stage has trained weights: yes."""
        return True

    @cached_property
    def loaded(self) -> Checkpoint:
        """The network with its weights, read once.

        Raises
        ------
        InputError
            If the weights are missing, damaged, or those of another network.
        """
        name = self.name
        if self.checkpoint is None and name not in shipped_weights():
            raise InputError(
                f"no weights ship for {name}: name some with --set {name}.checkpoint=FILE, or train some: "
                f"`recon train {name}`"
            )
        checkpoint = load_model(locate(name if self.checkpoint is None else self.checkpoint))
        if checkpoint.name != self.name:
            raise InputError(f"{checkpoint.path}: holds weights of the network {checkpoint.name}, not of {self.name}")
        return checkpoint
