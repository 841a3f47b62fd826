"""Pairs valid inputs of every kind that strangers send with the functions that read them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from helpers.files.raw_files import write_raw_file
from helpers.files.twix_files import protocol, readout, write
from helpers.learned import networks
from recon.data.errors import InputError
from recon.data.formats.numpy import NPZ
from recon.data.formats.whole_scan import WholeScan
from recon.data.open import open_volume
from recon.data.training.index import index_files, load_index
from recon.experiments.engine.results.image_record import ImageRecord, read_record
from recon.experiments.training.config.config_file import load_config
from recon.models.checkpoints.card import Card, card_path, read_card, write_card
from recon.models.checkpoints.checkpoint import load_model

Reader = Callable[[bytes], object]

CONFIG = b"""\
output: out
data: {train: &data knees, val: *data, accelerations: [4, 8], center_fractions: [0.08, 0.04]}
network: {name: varnet, arguments: {num_cascades: 2, chans: 4}}
optimizer: {lr: 1e-3}
epochs: 3
"""


def checkpoint(folder: Path) -> tuple[bytes, Reader]:
    """Return weights of this program."""
    path = folder / "weights.safetensors"
    networks.write_weights(path, "varnet")
    return _file(path, load_model)


def torch_checkpoint(folder: Path) -> tuple[bytes, Reader]:
    """Return weights of fastMRI's VarNet with a score of NumPy, as its trainer writes them."""
    path = folder / "weights.pt"
    networks.write_weights(folder / "ours.safetensors", "varnet")
    weights = load_model(folder / "ours.safetensors").network.state_dict()
    torch.save({"state_dict": dict(weights), "best": np.float64(0.5)}, path)
    return _file(path, load_model)


def card(folder: Path) -> tuple[bytes, Reader]:
    """Return the card of a file of weights."""
    weights = folder / "weights.safetensors"
    write_card(weights, Card(sha256="0" * 64, licence="MIT", metrics={"heads": {"ssim": 0.9}}))
    return _file(card_path(weights), lambda _: read_card(weights))


def config(folder: Path) -> tuple[bytes, Reader]:
    """Return a config of training."""
    path = folder / "run.yaml"
    path.write_bytes(CONFIG)
    return _file(path, load_config)


def index(folder: Path) -> tuple[bytes, Reader]:
    """Return the index of a folder; a damaged one is never believed."""
    raw = folder / "raw"
    write_raw_file(raw / "scan.h5", 2, 1, (6, 4))
    whole = index_files([raw]).entries[raw / "scan.h5"]

    def read(_: Path) -> None:
        assert load_index(raw) in ({}, {"scan.h5": whole})

    return _file(folder / ".raw.index.json", read)


def sidecar(folder: Path) -> tuple[bytes, Reader]:
    """Return the record of images that were written before; a damaged one is refused."""
    path = folder / "scan.json"
    record = ImageRecord(path)
    record.begin({"method": "sense"}, 1.5, [folder / "scan_png" / "0001.png"])
    return _file(path, lambda _: read_record(path).is_complete({"method": "sense"}, [folder / "scan.nii.gz"]))


def npz(folder: Path) -> tuple[bytes, Reader]:
    """Return an archive of NumPy."""
    path = folder / "scan.npz"
    NPZ.write(path, WholeScan.of(open_volume(write_raw_file(folder / "whole.h5", 2, 1, (3, 2)))))
    return _file(path, _read_all)


def twix(folder: Path) -> tuple[bytes, Reader]:
    """Return raw data of Siemens."""
    generator = np.random.default_rng(0)
    lines = [
        readout((generator.normal(size=(2, 8)) + 1j).astype(np.complex64), line, CenterLin=3) for line in range(6)
    ]
    return _file(write(folder / "scan.dat", protocol(4, 6), lines), _read_all)


TARGETS = {made.__name__: made for made in (checkpoint, torch_checkpoint, card, config, index, sidecar, npz, twix)}


def _file(path: Path, read: Callable[[Path], object]) -> tuple[bytes, Reader]:
    def replace(content: bytes) -> None:
        path.write_bytes(content)
        try:
            read(path)
        except InputError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017 - any other error is a finding
            raise

    return path.read_bytes(), replace


def _read_all(path: Path) -> None:
    volume = open_volume(path)
    for number in range(len(volume)):
        assert volume.read(number).kspace.isfinite().all()
