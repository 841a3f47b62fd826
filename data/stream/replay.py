"""Converts a file to the stream that its scanner would have sent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np

from recon.data.formats.ismrmrd.layout import IsmrmrdVolume, open_ismrmrd
from recon.data.formats.ismrmrd.partitions import PartitionedVolume
from recon.data.formats.ismrmrd.readout_type import HEAD
from recon.data.formats.ismrmrd.writer import write_ismrmrd
from recon.data.formats.whole_scan import WholeScan
from recon.data.open import open_volume
from recon.data.stream.messages import Close, HeaderText, Message, Readout


def replay(path: Path) -> Iterator[Message]:
    """Yield the header, all readouts in the order of the file, and the end of the session.

    A file of another format is converted to ISMRMRD first.

    Raises
    ------
    InputError
        If the file is not raw data, is damaged, or cannot be written as readouts.
    """
    volume = open_volume(path)
    lines = volume.lines if isinstance(volume, PartitionedVolume) else volume
    if isinstance(lines, IsmrmrdVolume):
        yield from _messages(lines)
    else:
        with tempfile.TemporaryDirectory() as folder:
            converted = Path(folder) / f"{path.name}.mrd"
            write_ismrmrd(converted, WholeScan.of(volume))
            yield from _messages(cast("IsmrmrdVolume", open_ismrmrd(converted)))  # of images of two dimensions
    yield Close()


def _messages(volume: IsmrmrdVolume) -> Iterator[Message]:
    for number, (xml, head, samples) in enumerate(volume.replay()):
        if number == 0:
            yield HeaderText(xml)
        packed = np.zeros((), HEAD)
        for name in set(HEAD.names or ()) & set(head.dtype.names):
            packed[name] = head[name]
        yield Readout(packed[()], samples, np.zeros((samples.shape[1], 0), "<f4"))
