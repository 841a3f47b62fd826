"""What a network was not trained on is told, and reconstructed all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.experiments.console import warn


@dataclass
class Doubts:
    """Warns of scans that lie outside of what weights were trained on, once for each scan and reason.

    Attributes
    ----------
    sentences
        What was told.
    """

    sentences: list[str] = field(default_factory=list)

    def consider(self, name: str, method: Reconstruction, read: Callable[[], Acquisition]) -> list[str]:
        """Look at one slice that a method is about to reconstruct; it is read only if the method has weights.

        Returns
        -------
        list of str
            What there was to tell that had not been told before.

        Raises
        ------
        InputError
            If the weights are missing, or the slice cannot be read.
        """
        if not method.trained:
            return []
        acquisition = read()
        about = f"{acquisition.name}: outside of what the weights of {name} know"
        found = [f"{about}: {reason}" for reason in method.range_warnings(acquisition)]
        new = [sentence for sentence in found if sentence not in self.sentences]
        self.sentences += new
        for sentence in new:
            warn(sentence)
        return new
