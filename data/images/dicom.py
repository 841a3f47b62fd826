"""Writes images as DICOM, one file per image (MR Image Storage).

Files hold nothing about the patient: names, dates and identifiers are empty and all UIDs are new, as the basic
confidentiality profile of PS3.15, table E.1-1, requires; all descriptions are this software's own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pydicom.valuerep import DSfloat

from recon.data.images import WARNING
from recon.data.images.placement import Placement, Stack, same_places, slice_distance, upright
from recon.data.series import Frame
from recon.data.storage.atomic import atomic_path
from recon.data.versions import own_version

IMPLEMENTATION = UID("2.25.305828488182831875890203105390285383139")
"""UID of this software, drawn once at random."""

BRIGHTEST = 4095
"""Largest stored value, of twelve bits, which every viewer can show."""

OF_PATIENT = [
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientPosition", "Laterality"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator"),
]
OF_SEQUENCE = ["ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime", "EchoTrainLength"]
"""Required attributes that may be empty, because they name the patient or are unknown."""

PROFILES = {"113100": "Basic Application Confidentiality Profile", "113105": "Clean Descriptors Option"}
"""Methods of de-identification, by codes of PS3.16."""

UNKNOWN_ORIENTATION = "The raw data holds no orientation and position: those given here are made up."


def write_dicom(paths: list[Path], stack: Stack) -> None:
    """Write magnitudes as a new series of one file per image, upright if the orientation is known.

    Parameters
    ----------
    paths
        Path of the file of each image.
    stack
        Images to write.
    """
    scaled = scale(stack)
    series = _series(stack, scaled)
    frames = _frames(stack)
    for number, path in enumerate(paths):
        stored, placement = scaled.stored(number)
        instance = _instance(series, stored, placement, number)
        instance.update(frames[number])
        if stack.oriented and not stack.volumetric:
            along_rows = _along(stack.placements[number].across, placement.across)
            instance.InPlanePhaseEncodingDirection = "ROW" if along_rows else "COL"
        with atomic_path(path) as temporary:
            instance.save_as(temporary, enforce_file_format=True)


@dataclass(frozen=True, eq=False)
class ScaledStack:
    """Magnitudes of a stack as DICOM stores them.

    Attributes
    ----------
    stack
        The images.
    unit
        Power of ten of the reconstruction's units that is one unit of the file.
    slope
        Units of the file that one stored step is.
    window
        Width of the window that shows the images, in units of the file.
    """

    stack: Stack
    unit: float
    slope: float
    window: float

    def stored(self, number: int) -> tuple[NDArray[np.uint16], Placement]:
        """Return one image in stored steps and its placement, upright if the orientation is known."""
        image, placement = np.abs(self.stack.images[number]).astype(np.float64), self.stack.placements[number]
        if self.stack.oriented:
            image, placement = upright(image, placement)
        return np.clip(np.rint(image / self.unit / self.slope), 0, BRIGHTEST).astype("<u2"), placement


def scale(stack: Stack) -> ScaledStack:
    """Choose unit, slope and window by the largest value and the brightest pixels of all images."""
    magnitudes = np.abs(stack.images).astype(np.float64)
    largest = float(magnitudes.max())
    # A power of ten that scales the largest value to thousands, because a window must be wider than 1.
    unit = 10.0 ** (math.floor(math.log10(largest)) - 3) if largest > 0 else 1.0
    slope = _round_decimal(max(largest / unit, 1.0) / BRIGHTEST)
    return ScaledStack(stack, unit, slope, max(float(np.percentile(magnitudes, 99.5)) / unit, 2.0))


def describe(stack: Stack, unit: float) -> Dataset:
    """Make the attributes of patient, study, series and equipment, which files of any layout share."""
    series = Dataset()
    series.SpecificCharacterSet = "ISO_IR 192"
    for empty in OF_PATIENT:
        setattr(series, empty, None)
    series.StudyInstanceUID = generate_uid(prefix=None)
    series.SeriesInstanceUID = generate_uid(prefix=None)
    series.FrameOfReferenceUID = generate_uid(prefix=None)
    series.SeriesNumber = 1
    series.Modality = "MR"
    series.SeriesDescription = f"{stack.description[: 62 - len(WARNING)]}, {WARNING}".removeprefix(", ")
    series.Manufacturer = "unrolled-recon"
    series.SoftwareVersions = own_version()
    series.PatientIdentityRemoved = "YES"
    series.DeidentificationMethod = "Written without data of the patient"
    series.DeidentificationMethodCodeSequence = [code(value, "DCM", meaning) for value, meaning in PROFILES.items()]
    series.LongitudinalTemporalInformationModified = "REMOVED"
    series.BurnedInAnnotation = "NO"
    series.DerivationDescription = f"Reconstructed from raw data; one unit is {unit:g} of the reconstruction's"
    if not stack.oriented:
        series.ImageComments = UNKNOWN_ORIENTATION
    series.SamplesPerPixel = 1
    series.PhotometricInterpretation = "MONOCHROME2"
    series.BitsAllocated, series.BitsStored, series.HighBit, series.PixelRepresentation = 16, 12, 11, 0
    return series


def _series(stack: Stack, scaled: ScaledStack) -> Dataset:
    """Make the attributes that all images share."""
    series = describe(stack, scaled.unit)
    series.SOPClassUID = MRImageStorage
    for empty in OF_SEQUENCE:
        setattr(series, empty, None)
    if stack.volumetric:
        series.MRAcquisitionType = "3D"
    series.ImageType = ["DERIVED", "PRIMARY", "OTHER"]
    series.ScanningSequence = "RM"
    series.SequenceVariant = "NONE"
    if stack.field_strength is not None:
        series.MagneticFieldStrength = decimal(stack.field_strength)
    series.RescaleSlope, series.RescaleIntercept, series.RescaleType = decimal(scaled.slope), 0, "US"
    series.WindowCenter, series.WindowWidth = decimal(scaled.window / 2), decimal(scaled.window)
    distance = slice_distance(stack.placements)
    if distance is not None:
        series.SpacingBetweenSlices = decimal(distance)
    return series


def _frames(stack: Stack) -> list[Dataset]:
    """Make the attributes that tell images at one place apart; none if all places differ.

    Contrasts are numbered as echoes, repetitions and cardiac phases as temporal positions, with the time since the
    first frame if it is known, and each further set is a series of its own. Images whose counters are unknown or
    equal are temporal positions in their order.
    """
    counters, moments = counted(stack)
    times, sets = sorted(set(moments)), sorted({frame.set for frame in counters})
    contrasts = sorted({frame.contrast for frame in counters})
    series = [generate_uid(prefix=None) for _ in sets]
    made = []
    for frame, moment in zip(counters, moments, strict=True):
        apart = Dataset()
        if len(sets) > 1:
            number = sets.index(frame.set)
            apart.SeriesInstanceUID, apart.SeriesNumber = series[number], number + 1
        if len(contrasts) > 1:
            apart.EchoNumbers = contrasts.index(frame.contrast) + 1
        if frame.contrast < len(stack.echo_times):
            apart.EchoTime = decimal(stack.echo_times[frame.contrast])
        if len(times) > 1:
            apart.AcquisitionNumber = apart.TemporalPositionIdentifier = times.index(moment) + 1
            apart.NumberOfTemporalPositions = len(times)
            apart.TemporalPositionIndex = times.index(moment) + 1
            if stack.frame_interval is not None:
                apart.TriggerTime = decimal(times.index(moment) * stack.frame_interval)
                apart.TemporalResolution = decimal(stack.frame_interval)
        made.append(apart)
    return made


def counted(stack: Stack) -> tuple[Sequence[Frame], list[tuple[int, int, int]]]:
    """Return the counters of every image, and its moment: images of equal counters at one place are later ones."""
    counters = stack.frames or (Frame(),) * len(stack.placements)
    seen: Counter[tuple[int, Frame]] = Counter()
    moments = []
    for place, frame in zip(same_places(stack.placements).tolist(), counters, strict=True):
        moments.append((*frame.time, seen[place, frame]))
        seen[place, frame] += 1
    return counters, moments


def _instance(series: Dataset, stored: NDArray[np.uint16], placement: Placement, number: int) -> FileDataset:
    """Make the data set of one image."""
    instance = new_file(series)
    instance.InstanceNumber = number + 1
    instance.Rows, instance.Columns = stored.shape
    instance.PixelSpacing = decimals(placement.spacing)
    instance.SliceThickness = decimal(placement.thickness)
    instance.ImagePositionPatient = decimals(placement.corner)
    instance.ImageOrientationPatient = decimals(orientation(placement))
    instance.PixelData = stored.tobytes()
    return instance


def new_file(attributes: Dataset) -> FileDataset:
    """Make a file of these attributes, which name its SOP class, with a new identifier."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = attributes.SOPClassUID
    meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION
    file = FileDataset("", attributes.copy(), file_meta=meta, preamble=bytes(128))
    file.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    return file


def orientation(placement: Placement) -> list[float]:
    """Return the unit vectors along the rows and along the columns, as one list of six numbers."""
    across, down = (vector / np.linalg.norm(vector) for vector in (placement.across, placement.down))
    return [*across.tolist(), *down.tolist()]


def _along(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Return whether two vectors enclose less than 45 degrees, whichever way they point."""
    return bool(np.linalg.norm(np.cross(one, other)) < abs(np.dot(one, other)))


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Make the item of a sequence of codes."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def decimal(value: float) -> DSfloat:
    """Round a number to the sixteen characters that DICOM allows."""
    return DSfloat(float(value) + 0.0, auto_format=True)


def decimals(values: Iterable[Any]) -> list[DSfloat]:
    """Round numbers to the sixteen characters that DICOM allows."""
    return [decimal(value) for value in values]


def _round_decimal(value: float) -> float:
    """Return the number as a reader of the file will see it."""
    return float(str(decimal(value)))
