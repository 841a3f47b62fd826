"""Reads from an ISMRMRD header how k-space was sampled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from recon.data.acquisition import Header
from recon.data.errors import printable, warn_of_input
from recon.data.formats.header.reader import LARGEST_NUMBER, LONGEST_QUOTE, image_space, parse_header, quoted
from recon.data.formats.header.xml import HeaderError, parse_xml
from recon.data.formats.unread import CORRECT_FIRST, GRID_FIRST

Size = tuple[int, int, int]


@dataclass(frozen=True)
class Partitions:
    """The second phase encoding of a 3-D scan.

    Attributes
    ----------
    count
        Number of encoded partitions.
    center
        Step at the centre of k-space.
    image_count
        Number of partitions of the image; fewer if the slab was oversampled.
    field_of_view, encoded_field_of_view
        Extent of the image and of the encoded slab, in mm; None if unknown.
    """

    count: int
    center: int
    image_count: int
    field_of_view: float | None
    encoded_field_of_view: float | None


@dataclass(frozen=True)
class ScanHeader:
    """The part of an ISMRMRD header that is needed to sort readouts into images.

    Attributes
    ----------
    header
        Header as every format provides it.
    matrix
        Encoded matrix `(readout, phase, second phase)`.
    center
        Phase-encoding step at the centre of k-space.
    field_of_view
        Field of view of the image along readout, phase and slice, in mm; None if unknown.
    separate_calibration
        Whether the calibration lines are a scan of their own, not part of the image's k-space; None if unknown.
    noise_bandwidth
        Noise bandwidth of the receiver relative to the sampling rate.
    diffusion_counter
        ISMRMRD's name of the counter that counts the diffusion weightings; None if unknown.
    is_pulseq
        Whether the sequence was played by Pulseq, so that counters and flags may not describe it.
    partitions
        Second phase encoding; None if the matrix has a single partition.
    repetition_time
        Repetition time in ms; None if unknown or if there are several.
    echo_train
        Number of lines of an image that are measured in one repetition time.
    has_ticks
        Whether time stamps count in the unit that Siemens' clocks have; that of other vendors is unknown.
    """

    header: Header
    matrix: Size
    center: int
    field_of_view: tuple[float, float, float] | None
    separate_calibration: bool | None
    noise_bandwidth: float
    diffusion_counter: str | None = None
    is_pulseq: bool = False
    partitions: Partitions | None = None
    repetition_time: float | None = None
    echo_train: int = 1
    has_ticks: bool = True


def parse_scan_header(xml: bytes | str, name: str | Path = "a scan") -> ScanHeader:
    """Read the header of a Cartesian scan.

    Parameters
    ----------
    xml
        Text of the header.
    name
        Name of the file, for warnings.

    Raises
    ------
    HeaderError
        If the scan is of another kind, or the header cannot be used.
    """
    header = parse_header(xml, name=name)
    root = parse_xml(xml)
    trajectory = (_text(root, "encoding/trajectory") or "cartesian").lower()
    if trajectory != "cartesian":
        name = printable(trajectory, LONGEST_QUOTE)
        way = CORRECT_FIRST if trajectory == "epi" else GRID_FIRST
        raise HeaderError(f"its trajectory is {name}; only Cartesian scans are read; {way}")
    x, y, z = (int(_number(root, f"encoding/encodedSpace/matrixSize/{axis}", 1)) for axis in "xyz")
    if min(x, y, z) < 1:
        raise HeaderError(f"its ISMRMRD header says that the encoded matrix is {(x, y, z)}")
    center = _number(root, "encoding/encodingLimits/kspace_encoding_step_1/center", y // 2)
    space = image_space(root)
    fov = f"encoding/{space}/fieldOfView_mm"
    sizes = _number(root, f"{fov}/x", 0), _number(root, f"{fov}/y", 0), header.slice_thickness or 0
    diffusion = _text(root, "sequenceParameters/diffusionDimension")
    mode = _text(root, "encoding/parallelImaging/calibrationMode")
    times = {text.strip() for text in (one.text or "" for one in root.findall("sequenceParameters/TR"))}
    repetition = _unimportant(root, "sequenceParameters/TR", 0, name) if len(times) == 1 else 0
    train = _unimportant(root, "encoding/echoTrainLength", 1, name)
    vendor = (_text(root, "acquisitionSystemInformation/systemVendor") or "siemens").lower()
    bandwidth = _unimportant(root, "acquisitionSystemInformation/relativeReceiverNoiseBandwidth", 1, name)
    return ScanHeader(
        header=header,
        matrix=(x, y, z),
        center=int(center),
        field_of_view=sizes if all(size > 0 for size in sizes) else None,
        separate_calibration=None if mode is None else mode.lower() in {"separate", "external"},
        noise_bandwidth=bandwidth if bandwidth > 0 else 1,
        diffusion_counter=diffusion,
        is_pulseq="pulseq" in (_text(root, "measurementInformation/sequenceName") or "").lower(),
        partitions=_partitions(root, z, space) if z > 1 else None,
        repetition_time=repetition if repetition > 0 else None,
        echo_train=max(int(train), 1),
        has_ticks="siemens" in vendor,
    )


def _partitions(root: ET.Element, count: int, space: str) -> Partitions:
    extents = [_number(root, f"encoding/{name}/fieldOfView_mm/z", 0) for name in (space, "encodedSpace")]
    image, encoded = (extent if extent > 0 else None for extent in extents)
    return Partitions(
        count=count,
        center=int(_number(root, "encoding/encodingLimits/kspace_encoding_step_2/center", count // 2)),
        image_count=max(int(_number(root, f"encoding/{space}/matrixSize/z", count)), 1),
        field_of_view=image,
        encoded_field_of_view=encoded,
    )


def _unimportant(root: ET.Element, path: str, default: float, name: str | Path) -> float:
    """Return a number that does not matter to the image; the default, with a warning, if it is impossible."""
    try:
        return _number(root, path, default)
    except HeaderError as error:
        warn_of_input(f"{name}: {error}; the value is left out")
        return default


def _text(root: ET.Element, path: str) -> str | None:
    text = root.findtext(path)
    return None if text is None else text.strip()


def _number(root: ET.Element, path: str, default: float) -> float:
    text = _text(root, path)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError as error:
        raise HeaderError(f"its ISMRMRD header says {path} is {quoted(text)}, not a number") from error
    if not abs(value) <= LARGEST_NUMBER:
        raise HeaderError(f"its ISMRMRD header says {path} is {quoted(text)}")
    return value
