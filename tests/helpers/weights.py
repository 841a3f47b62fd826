"""Tiny networks in files, with cards, and a folder of them that passes for the shipped ones."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch

import recon.models.checkpoints.shipped
from helpers.networks import SMALL
from recon.models.checkpoints.card import Card, TrainedRange, write_card
from recon.models.checkpoints.checkpoint import save_weights
from recon.models.zoo import build

TRAINED = TrainedRange(accelerations=(2, 10), center_fractions=(0.03, 0.16), coils=(2, 32), matrix=(24, 384))


def write_weights(path: Path, network: str = "varnet", **card: Any) -> Path:
    """Write weights of the smallest network of that name, and the card beside them that fits."""
    torch.manual_seed(0)
    save_weights(path, build(network, SMALL[network]), network, SMALL[network], {})
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    write_card(path, Card.model_validate({"sha256": sha256, "trained": TRAINED} | card))
    return path


def ship(monkeypatch: pytest.MonkeyPatch, folder: Path, **card: Any) -> Path:
    """Let `varnet-general` ship from a folder."""
    monkeypatch.setattr(recon.models.checkpoints.shipped, "folder", lambda: folder)
    return write_weights(folder / "varnet-general.safetensors", **card)
