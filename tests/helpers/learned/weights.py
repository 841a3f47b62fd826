"""Files of weights with cards, and a folder of them that stands in for the shipped weights."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

import recon.models.checkpoints.locate
from helpers.learned import networks
from recon.models.checkpoints.card import Card, TrainedRange, write_card

TRAINED = TrainedRange(accelerations=(2, 10), center_fractions=(0.03, 0.16), coils=(2, 32), matrix=(24, 384))


def write_weights(path: Path, network: str = "varnet", **card: Any) -> Path:
    """Write the weights of a small network and a matching card beside them."""
    networks.write_weights(path, network)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    write_card(path, Card.model_validate({"sha256": sha256, "trained": TRAINED} | card))
    return path


def ship(monkeypatch: pytest.MonkeyPatch, folder: Path, **card: Any) -> Path:
    """Write weights `varnet-general` to a folder and make it the folder of shipped weights."""
    monkeypatch.setattr(recon.models.checkpoints.locate, "weights_folder", lambda: folder)
    return write_weights(folder / "varnet-general.safetensors", **card)
