"""Reads images whose readouts came over a stream and lie in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from recon.data.formats.ismrmrd.images import Complex, Readouts, SortedVolume
from recon.data.formats.ismrmrd.lines import Indices
from recon.data.stream.messages import Readout


@dataclass(frozen=True, eq=False)
class StreamedVolume(SortedVolume):
    """Images whose readouts lie in memory.

    Attributes
    ----------
    lines
        The readouts, in the order of their headers.
    """

    lines: Sequence[Readout]

    def readouts(self) -> AbstractContextManager[Readouts]:
        """Return a function that reads the samples of readouts."""

        def read(rows: Indices) -> Iterator[tuple[int, Complex]]:
            yield from ((row, self.lines[row].samples) for row in rows.tolist())

        return nullcontext(read)
