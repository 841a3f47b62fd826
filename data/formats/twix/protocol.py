"""Reads from the protocol of Siemens raw data how k-space was sampled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from recon.data.acquisition import Header
from recon.data.formats.header import MOST_ECHOES, PROTON_HZ_PER_TESLA, HeaderError
from recon.data.formats.ismrmrd.scan_header import ScanHeader

TRAJECTORIES = {1: "cartesian", 2: "radial", 4: "spiral", 8: "blade"}

SEPARATE = {2: False, 4: True, 8: True}
"""Whether calibration lines are a separate scan, by the mode in the protocol."""

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
    """

    text: str

    @cached_property
    def _values(self) -> Mapping[str, str]:
        lines = self.text.partition("### ASCCONV BEGIN")[2].partition("### ASCCONV END")[0].splitlines()[1:]
        parts = (line.partition("=") for line in lines)
        values = {name.strip(): value.partition("#")[0].strip() for name, _, value in parts}
        for name in PARAMETERS:
            found = re.search(rf'<Param\w+\."{name}">\s*{{([^{{}}]{{0,500}})}}', self.text)
            words = re.sub(r"<\w+>\s*\S+", "", found[1]).split() if found else []
            if words:
                values[name] = words[0]
        return values

    def number(self, name: str, default: float | None = None) -> float:
        """Look up a number; a negative one is refused, because no parameter that is needed here can be negative.

        Raises
        ------
        HeaderError
            If the value is not such a number, or is missing and there is no default.
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

    @property
    def dwell(self) -> float:
        """Time between two samples of the imaging readouts, in microseconds; 0 if unknown."""
        return self.number("sRXSPEC.alDwellTime[0]", 0) / 1000

    def scan_header(self) -> ScanHeader:
        """Return what an ISMRMRD header would hold of a Cartesian 2-D scan, except for the padding.

        Siemens' pixels are square: the matrix has as many lines as pixels, even if fewer lines were measured.

        Raises
        ------
        HeaderError
            If the scan is of another kind, or a number is missing or impossible.
        """
        self._check_kind()
        base, lines = (self.number(f"sKSpace.{name}") for name in ("lBaseResolution", "lPhaseEncodingLines"))
        fov = [self.number(f"sSliceArray.asSlice[0].{name}") for name in ("dReadoutFOV", "dPhaseFOV")]
        thickness = self.number("sSliceArray.asSlice[0].dThickness", 0)
        oversampling = self.number("flReadoutOSFactor", 2), 1 + self.number("sKSpace.dPhaseOversamplingForDialog", 0)
        pixels = base * fov[1] / max(fov[0], 1e-3)
        sizes = base, pixels, base * oversampling[0], max(lines, pixels * oversampling[1])
        if not all(1 <= size <= LARGEST for size in sizes):
            raise HeaderError(f"its protocol says that the matrix is {sizes[2]:g} x {sizes[3]:g}")
        rows, columns, readout, phase = map(round, sizes)
        frequency = self.number("sTXSPEC.asNucleusInfo[0].lFrequency", 0)
        return ScanHeader(
            header=Header(
                crop=(rows, columns),
                padding=(0, phase),
                field_of_view=(fov[0], fov[1]),
                field_strength=frequency / PROTON_HZ_PER_TESLA or None,
                contrast=self._values.get("tProtocolName", "").strip('"'),
                encoded_field_of_view=(fov[0] * oversampling[0], fov[1] * oversampling[1]),
                echo_times=self._echo_times(),
            ),
            matrix=(readout, phase, 1),
            center=phase // 2,
            field_of_view=(fov[0], fov[1], thickness) if thickness else None,
            separate_calibration=SEPARATE.get(int(self.number("sPat.ucRefScanMode", 0))),
            noise_bandwidth=NOISE_BANDWIDTH,
        )

    def _echo_times(self) -> tuple[float, ...]:
        """Return the echo time of each contrast, in ms; none of them if one is unknown."""
        contrasts = int(min(self.number("lContrasts", 1), MOST_ECHOES))
        times = tuple(self.number(f"alTE[{number}]", 0) / 1000 for number in range(contrasts))
        return times if all(times) else ()

    def _check_kind(self) -> None:
        trajectory = int(self.number("sKSpace.ucTrajectory", 1))
        if trajectory != 1:
            kind = TRAJECTORIES.get(trajectory, f"of kind {trajectory}")
            raise HeaderError(f"its trajectory is {kind}; only Cartesian 2-D scans are read")
        if self.number("alRegridMode", 1) > 1:
            raise HeaderError("its readouts were sampled on the ramps of the gradient (EPI), which cannot be read")
        if self.number("sSliceAcceleration.lMultiBandFactor", 1) > 1:
            raise HeaderError("it excites several slices at once, which cannot be read")
