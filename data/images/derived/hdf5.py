"""Reads reconstructions in fastMRI's submission layout, and writes images derived from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import write_reconstruction
from recon.data.images import WARNING
from recon.data.images.derived.series import Images, Series
from recon.data.storage.hdf5 import attribute, open_hdf5, read_dataset

REPLACED = {"creator", "sha256", "seconds", "protocol", "derived", "use", "path", "images", "maps"}
"""Attributes that describe the source alone, and names that `write_reconstruction` uses itself."""


def read_hdf5(path: Path) -> Series:
    """Read the data set `reconstruction`.

    Raises
    ------
    InputError
        If the file is damaged, or holds no magnitude images `(images, rows, columns)`.
    """
    with open_hdf5(path) as file:
        stored = read_dataset(file, "reconstruction")
        if stored.ndim != 3 or stored.dtype.kind not in "fiu":
            raise InputError(
                f"{path}: the reconstruction of type {stored.dtype} and shape {stored.shape} is not a stack of "
                "magnitude images"
            )
        images = np.asarray(stored[()], np.float32)
        values = {str(name): _plain(attribute(file, name)) for name in file.attrs}
    kept = {name: value for name, value in values.items() if name not in REPLACED and isinstance(value, str | float)}
    if isinstance(protocol := values.get("protocol"), str):
        kept["source_protocol"] = protocol

    def write(target: Path, derived: Images, note: str) -> None:
        write_reconstruction(target, derived, None, **kept, derived=note, use=WARNING)

    return Series(path, images, write)


def _plain(value: Any) -> Any:
    """Convert a NumPy number to Python's, and whole numbers to float."""
    value = value.item() if isinstance(value, np.generic) else value
    return float(value) if isinstance(value, int) else value
