"""Reads from the protocol of Siemens raw data how k-space was sampled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recon.data.acquisition import Header
from recon.data.errors import printable, warn_of_input
from recon.data.formats.header.reader import LONGEST_CONTRAST, MOST_ECHOES, PROTON_HZ_PER_TESLA
from recon.data.formats.header.xml import HeaderError
from recon.data.formats.ismrmrd.scan_header import Partitions, ScanHeader
from recon.data.formats.unread import CORRECT_FIRST, GRID_FIRST

TRAJECTORIES = {1: "cartesian", 2: "radial", 4: "spiral", 8: "blade"}

SEPARATE = {2: False, 4: True, 8: True}
"""Whether calibration lines are a separate scan, by the mode in the protocol."""

THREE_DIMENSIONS = 4
"""Value of the protocol's dimension for scans with two phase encodings."""

NOISE_BANDWIDTH = 0.793
"""Noise bandwidth relative to the sampling rate, as the converter `siemens_to_ismrmrd` assumes it."""

LARGEST = 2**16 - 1
"""Largest matrix size, limited by the counters."""

PARAMETERS = ("flReadoutOSFactor", "alRegridMode")
"""Parameters that only the XProtocol notation holds."""


@dataclass(frozen=True)
class TwixProtocol:
    """The protocol in front of a measurement.

    Attributes
    ----------
    text
        Text in Siemens' two notations: XProtocol and, within it, ASCCONV, which is lines of `name = value`.
    path
        Path of the file, for warnings.
    """

    text: str
    path: Path

    @cached_property
    def _values(self) -> Mapping[str, str]:
        values = _protocol_block(self.text)
        for name in PARAMETERS:
            found = re.findall(rf'<Param\w+\."{name}">\s*{{([^{{}}]{{0,500}})}}', self.text)
            words = [word for text in found for word in re.sub(r"<\w+>\s*\S+", "", text).split()]
            if words:
                values[name] = words[0]
        return values

    def number(self, name: str, default: float | None = None) -> float:
        """Look up a number; a negative one is refused, because no parameter that is needed here can be negative.

        Raises
        ------
        HeaderError
            If the value is not a number or is negative, or if it is missing and there is no default.
        """
        text = self._values.get(name)
        if text is None and default is not None:
            return default
        if text is None:
            raise HeaderError(f"its protocol does not say {name}")
        try:
            number = float(int(text, 16)) if text.lower().startswith("0x") else float(text)
        except (ValueError, OverflowError):
            number = -1.0
        if not 0 <= number < float("inf"):
            raise HeaderError(f"its protocol says {name} is {text[:50]!r}")
        return number

    def _optional(self, name: str) -> float:
        """Look up a number that does not matter to the image; warn if it is impossible, and return 0 if unknown."""
        try:
            return self.number(name, 0)
        except HeaderError as error:
            warn_of_input(f"{self.path}: {error}, which is ignored")
            return 0

    @property
    def is_pulseq(self) -> bool:
        """Whether the scan was measured with Pulseq, so that the protocol does not describe it."""
        return "pulseq" in self._values.get("tSequenceFileName", "").lower()

    @property
    def dwell(self) -> float:
        """Time between two samples of the imaging readouts, in microseconds; 0 if unknown."""
        return self._optional("sRXSPEC.alDwellTime[0]") / 1000

    def scan_header(self) -> ScanHeader:
        """Return what an ISMRMRD header would hold of a Cartesian scan, except for the padding.

        Siemens' pixels are square: the matrix has as many lines as pixels, even if fewer lines were measured.

        Raises
        ------
        HeaderError
            If the scan is of another kind, or a number is missing or impossible.
        """
        self._check_kind()
        base, lines = (self.number(f"sKSpace.{name}") for name in ("lBaseResolution", "lPhaseEncodingLines"))
        fov = [self.number(f"sSliceArray.asSlice[0].{name}") for name in ("dReadoutFOV", "dPhaseFOV")]
        thickness = self._optional("sSliceArray.asSlice[0].dThickness")
        oversampling = self.number("flReadoutOSFactor", 2), 1 + self.number("sKSpace.dPhaseOversamplingForDialog", 0)
        pixels = base * fov[1] / max(fov[0], 1e-3)
        sizes = base, pixels, base * oversampling[0], max(lines, pixels * oversampling[1])
        if not all(1 <= size <= LARGEST for size in sizes):
            raise HeaderError(f"its protocol says that the matrix is {sizes[2]:g} x {sizes[3]:g}")
        rows, columns, readout, phase = map(round, sizes)
        partitions = self._partitions(thickness)
        frequency = self._optional("sTXSPEC.asNucleusInfo[0].lFrequency")
        name = _decoded(self._values.get("tProtocolName", "").strip('"'))
        return ScanHeader(
            header=Header(
                crop=(rows, columns),
                padding=(0, phase),
                field_of_view=(fov[0], fov[1]),
                field_strength=frequency / PROTON_HZ_PER_TESLA or None,
                contrast=printable(name, LONGEST_CONTRAST),
                encoded_field_of_view=(fov[0] * oversampling[0], fov[1] * oversampling[1]),
                echo_times=self._echo_times(),
                slice_thickness=thickness / (partitions.image_count if partitions else 1) or None,
            ),
            matrix=(readout, phase, partitions.count if partitions else 1),
            center=phase // 2,
            field_of_view=(fov[0], fov[1], thickness) if thickness else None,
            separate_calibration=SEPARATE.get(int(self.number("sPat.ucRefScanMode", 0))),
            noise_bandwidth=NOISE_BANDWIDTH,
            partitions=partitions,
            repetition_time=self._repetition_time(),
        )

    def _partitions(self, thickness: float) -> Partitions | None:
        """Return the second phase encoding of a 3-D scan, whose slices are slabs of this thickness in mm."""
        if int(self.number("sKSpace.ucDimension", 2)) != THREE_DIMENSIONS:
            return None
        count = self.number("sKSpace.lPartitions", 1)
        shown = self.number("sKSpace.lImagesPerSlab", count)
        oversampling = 1 + self.number("sKSpace.dSliceOversamplingForDialog", 0)
        if not (1 <= count <= LARGEST and 1 <= shown <= LARGEST):
            raise HeaderError(f"its protocol says that a slab has {count:g} partitions, of which {shown:g} are shown")
        return Partitions(
            count=round(count),
            center=round(count) // 2,
            image_count=round(shown),
            field_of_view=thickness or None,
            encoded_field_of_view=thickness * oversampling or None,
        )

    def _repetition_time(self) -> float | None:
        """Return the repetition time in ms; None if unknown, or if a repetition measures several lines."""
        several = any(self._optional(name) > 1 for name in ("sFastImaging.lTurboFactor", "sFastImaging.lSegments"))
        return None if several else self._optional("alTR[0]") / 1000 or None

    def _echo_times(self) -> tuple[float, ...]:
        """Return the echo time of each contrast, in ms; none of them if one is unknown."""
        contrasts = int(min(self._optional("lContrasts") or 1, MOST_ECHOES))
        times = tuple(self._optional(f"alTE[{number}]") / 1000 for number in range(contrasts))
        return times if all(times) else ()

    def _check_kind(self) -> None:
        trajectory = int(self.number("sKSpace.ucTrajectory", 1))
        if trajectory != 1:
            kind = TRAJECTORIES.get(trajectory, f"of kind {trajectory}")
            raise HeaderError(f"its trajectory is {kind}; only Cartesian scans are read; {GRID_FIRST}")
        if self.number("alRegridMode", 1) > 1:
            raise HeaderError(
                f"its readouts were sampled on the ramps of the gradient (EPI), which cannot be read; {CORRECT_FIRST}"
            )
        if self.number("sSliceAcceleration.lMultiBandFactor", 1) > 1:
            raise HeaderError("it excites several slices at once, which cannot be read")


def _decoded(name: str) -> str:
    """Return a name, read as Latin-1, in the letters that the scanner shows: it writes UTF-8, and UTF-7 before."""
    with suppress(UnicodeError):
        name = name.encode("latin-1").decode()
    return name.replace("+AF8-", "_")


def _protocol_block(text: str) -> dict[str, str]:
    """Return the parameters of the ASCCONV block that describes the scan; since E11 others may precede it."""
    blocks = [_Block(part) for part in text.split("### ASCCONV BEGIN")[1:]]
    return max(blocks, key=_Block.rank, default=_Block("")).values


class _Block:
    """One ASCCONV block: an object's name in its first line, then lines of `name = value`."""

    def __init__(self, part: str) -> None:
        title, _, listed = part.partition("\n")
        self._object = title.strip()
        parts = (line.partition("=") for line in listed.partition("### ASCCONV END")[0].splitlines())
        self.values = {name.strip(): _value(value) for name, _, value in parts}

    def rank(self) -> tuple[bool, bool, bool]:
        """Rank blocks; the first of several best ones is taken."""
        says = ("sKSpace.lBaseResolution" in self.values, any(name.startswith("sKSpace.") for name in self.values))
        return says[0], self._object.startswith("object=MrProtDataImpl"), says[1]


def _value(text: str) -> str:
    """Return a value without the comment behind it; quoted text may hold the sign of a comment."""
    text = text.strip()
    return (
        text[: text.find('"', 1) + 1] if text.startswith('"') and '"' in text[1:] else text.partition("#")[0].strip()
    )
