"""Writes Siemens raw data with the package `twixtools`."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from twixtools import mdh_def, write_twix
from twixtools.hdr_def import MrParcRaidFileEntry
from twixtools.mdb import Mdb_local

Complex = NDArray[np.complex64]

SIGNALS = 160
"""Number of bytes of a block of physiological signals."""

PROTOCOL = {
    "sKSpace.ucTrajectory": "0x1",
    "sSliceArray.asSlice[0].dThickness": 4.0,
    "sRXSPEC.alDwellTime[0]": 7500,
    "sTXSPEC.asNucleusInfo[0].lFrequency": 63_866_217,
    "tProtocolName": '"t2_tse"',
}
"""Parameters of every protocol besides the matrix."""


TITLES = {
    "VB": "",
    "VD": "object=MrProtDataImpl@MrProtocolData version=41210006 converter=%MEASCONST%/ConverterList/Prot.txt ",
    "E11": "object=MrProtDataImpl@MrProtocolData version=51130001 converter=%MEASCONST%/ConverterList/Prot.txt ",
    "E12": "object=MrProtDataImpl@MrProtocolData version=51280000 converter=%MEASCONST%/ConverterList/Prot.txt ",
    "XA": "object=MrProtDataImpl@MrProtocolData version=61010001 converter=%MEASCONST%/ConverterList/Prot.txt ",
}
"""Text after the beginning of a block of parameters, by the version of the scanner's software."""

OTHER_OBJECT = (
    "### ASCCONV BEGIN object=MrCardioViewLabelSuffixListImpl@MrProtocolData ###\n"
    'asLabel.__attribute__.size\t = \t2\nasLabel[0].tName\t = \t"LAX"\n### ASCCONV END ###\n'
)
"""Block of another object, which precedes the protocol since E11."""


def protocol(
    base: int,
    lines: int,
    oversampling: float = 2,
    regridding: int = 1,
    software: str = "VD",
    blocks: int = 1,
    **more: Any,
) -> str:
    """Return a protocol with pixels of 2 mm; keywords are further lines, with two underscores for every dot.

    `blocks` is the number of blocks of parameters: the second repeats the protocol, as in Phoenix; the third is put
    before them and describes another object.
    """
    parameters = PROTOCOL | {
        "sKSpace.lBaseResolution": base,
        "sKSpace.lPhaseEncodingLines": lines,
        "sSliceArray.asSlice[0].dReadoutFOV": 2.0 * base,
        "sSliceArray.asSlice[0].dPhaseFOV": 2.0 * lines,
    }
    parameters |= {name.replace("__", ".").replace("_0", "[0]"): value for name, value in more.items()}
    equal = " = " if software == "VB" else "\t = \t"
    listed = "".join(f"{name}{equal}{value}\n" for name, value in parameters.items() if value is not None)
    block = f"### ASCCONV BEGIN {TITLES[software]}###\n{listed}### ASCCONV END ###\n"
    text = (
        '<XProtocol>\n{\n  <ParamMap."YAPS">\n  {\n'
        f'    <ParamDouble."flReadoutOSFactor">  {{ <Precision> 6  {oversampling} }}\n'
        f'    <ParamLong."alRegridMode">  {{ {regridding} 1 1 }}\n  }}\n}}\n'
        f"{OTHER_OBJECT * (blocks == 3)}{block * min(blocks, 2)}"
    )
    return text.replace("\n", "\r\n") if software == "XA" else text


def readout(samples: Complex, line: int = 0, flags: Iterable[str] = (), vb: bool = False, **head: Any) -> Mdb_local:
    """Make a readout of `(coils, samples)`; keywords set fields of the header or its counters."""
    made = Mdb_local(samples, version_is_ve=not vb)
    if not vb:
        made.channel_hdr = [mdh_def.Channel_header(ChannelId=channel) for channel in range(len(samples))]
    for name, value in ({"CenterCol": samples.shape[1] // 2, "Lin": line} | head).items():
        if name in {"SlicePos", "Quaternion"}:
            _set_place(made, name, value)
        else:
            setattr(made.mdh.Counter if hasattr(made.mdh.Counter, name) else made.mdh, name, value)
    for flag in flags:
        made.add_flag(flag)
    return made


class _Signals(Mdb_local):
    data = property(lambda _: np.zeros(SIGNALS, np.uint8))


def signals() -> Mdb_local:
    """Make a block of physiological signals, which is not a readout."""
    made = _Signals()
    made.add_flag("SYNCDATA")
    mdh_def.set_dma_len(made.mdh, ctypes.sizeof(made.mdh) + SIGNALS)
    return made


def write(
    path: Path,
    text: str,
    readouts: Sequence[Mdb_local],
    noise: Sequence[Mdb_local] = (),
    adjustments: Sequence[tuple[str, str, Sequence[Mdb_local]]] = (),
) -> Path:
    """Write a file; a noise scan becomes a separate adjustment, after others of name, protocol and readouts."""
    parts = [_measurement(*adjustment) for adjustment in adjustments]
    if noise:
        parts.append(_measurement("AdjCoilSens", text, noise))
    path.unlink(missing_ok=True)  # twixtools replaces no file
    write_twix([*parts, _measurement("t2_tse", text, readouts)], path)
    return path


def write_vb(path: Path, text: str, readouts: Sequence[Mdb_local]) -> Path:
    """Write a file in the layout before VD, in which every channel has its own header."""
    content = _header(text, 10_016)  # smaller numbers mark a table of measurements
    for made in readouts:
        for channel, samples in enumerate(made.data):
            made.mdh.ChannelId = channel
            content += bytes(made.mdh) + samples.tobytes()
    path.write_bytes(content + bytes(_end(vb=True).mdh) + bytes(256))
    return path


def _set_place(made: Mdb_local, name: str, value: tuple[float, ...]) -> None:
    place = made.mdh.SliceData
    if name == "Quaternion":
        place.Quaternion[:] = value
    else:
        place.SlicePos.Sag, place.SlicePos.Cor, place.SlicePos.Tra = value


def _header(text: str, smallest: int = 0) -> bytes:
    content = b"Meas\0" + struct.pack("<I", len(text)) + text.encode()
    size = max(8 + len(content), smallest)
    return struct.pack("<II", size, 1) + content.ljust(size - 8, b"\0")


def _end(vb: bool = False) -> Mdb_local:
    end = Mdb_local(version_is_ve=not vb)
    end.add_flag("ACQEND")
    return end


def _measurement(name: str, text: str, readouts: Sequence[Mdb_local]) -> dict[str, Any]:
    entry = np.zeros((), MrParcRaidFileEntry)
    entry["protName_"] = name.encode()
    return {"hdr_str": np.frombuffer(_header(text), "S1"), "mdb": [*readouts, _end()], "raidfile_hdr": entry}
