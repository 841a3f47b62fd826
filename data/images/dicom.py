"""Writes images as DICOM (MR Image Storage).

Files hold nothing about the patient: names, dates and identifiers are empty and all UIDs are new, as the basic
confidentiality profile of PS3.15, table E.1-1, requires; all descriptions are this software's own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
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

EMPTY = [
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientPosition", "Laterality"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator"),
    *("ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime", "EchoTrainLength"),
]
"""Required attributes that may be empty, because they are unknown or name the patient."""

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
    magnitudes = np.abs(stack.images).astype(np.float64)
    unit = _unit(float(magnitudes.max()))
    slope = _round_decimal(max(float(magnitudes.max()) / unit, 1.0) / BRIGHTEST)
    series = _series(stack, unit, slope, window=float(np.percentile(magnitudes, 99.5)) / unit)
    frames = _frames(stack)
    for number, path in enumerate(paths):
        image, placement = magnitudes[number], stack.placements[number]
        if stack.oriented:
            image, placement = upright(image, placement)
        stored = np.clip(np.rint(image / unit / slope), 0, BRIGHTEST).astype("<u2")
        instance = _instance(series, stored, placement, number)
        instance.update(frames[number])
        if stack.oriented:
            along_rows = _along(stack.placements[number].across, placement.across)
            instance.InPlanePhaseEncodingDirection = "ROW" if along_rows else "COL"
        with atomic_path(path) as temporary:
            instance.save_as(temporary, enforce_file_format=True)


def _unit(largest: float) -> float:
    """Return the power of ten that scales the largest value to thousands, because a window must be wider than 1."""
    return 10.0 ** (math.floor(math.log10(largest)) - 3) if largest > 0 else 1.0


def _series(stack: Stack, unit: float, slope: float, window: float) -> Dataset:
    """Make the attributes that all images share."""
    series = Dataset()
    series.SpecificCharacterSet = "ISO_IR 192"
    series.SOPClassUID = MRImageStorage
    for empty in EMPTY:
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
    series.DeidentificationMethodCodeSequence = [_code(value, "DCM", meaning) for value, meaning in PROFILES.items()]
    series.LongitudinalTemporalInformationModified = "REMOVED"
    series.BurnedInAnnotation = "NO"
    series.ImageType = ["DERIVED", "PRIMARY", "OTHER"]
    series.DerivationDescription = f"Reconstructed from raw data; one unit is {unit:g} of the reconstruction's"
    if not stack.oriented:
        series.ImageComments = UNKNOWN_ORIENTATION
    series.ScanningSequence = "RM"
    series.SequenceVariant = "NONE"
    if stack.field_strength is not None:
        series.MagneticFieldStrength = _decimal(stack.field_strength)
    series.SamplesPerPixel = 1
    series.PhotometricInterpretation = "MONOCHROME2"
    series.BitsAllocated, series.BitsStored, series.HighBit, series.PixelRepresentation = 16, 12, 11, 0
    series.RescaleSlope, series.RescaleIntercept, series.RescaleType = _decimal(slope), 0, "US"
    width = max(window, 2.0)
    series.WindowCenter, series.WindowWidth = _decimal(width / 2), _decimal(width)
    distance = slice_distance(stack.placements)
    if distance is not None:
        series.SpacingBetweenSlices = _decimal(distance)
    return series


def _frames(stack: Stack) -> list[Dataset]:
    """Make the attributes that tell images at one place apart; none if all places differ.

    Contrasts are numbered as echoes, repetitions and cardiac phases as temporal positions, with the time since the
    first frame if it is known, and each further set is a series of its own. Images whose counters are unknown or
    equal are temporal positions in their order.
    """
    counters = stack.frames or (Frame(),) * len(stack.placements)
    seen: Counter[tuple[int, Frame]] = Counter()
    moments = []
    for place, frame in zip(same_places(stack.placements).tolist(), counters, strict=True):
        moments.append((*frame.time, seen[place, frame]))
        seen[place, frame] += 1
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
            apart.EchoTime = _decimal(stack.echo_times[frame.contrast])
        if len(times) > 1:
            apart.AcquisitionNumber = apart.TemporalPositionIdentifier = times.index(moment) + 1
            apart.NumberOfTemporalPositions = len(times)
            apart.TemporalPositionIndex = times.index(moment) + 1
            if stack.frame_interval is not None:
                apart.TriggerTime = _decimal(times.index(moment) * stack.frame_interval)
                apart.TemporalResolution = _decimal(stack.frame_interval)
        made.append(apart)
    return made


def _instance(series: Dataset, stored: NDArray[np.uint16], placement: Placement, number: int) -> FileDataset:
    """Make the data set of one image."""
    identifier = generate_uid(prefix=None)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = identifier
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION
    instance = FileDataset("", series.copy(), file_meta=meta, preamble=bytes(128))
    instance.SOPInstanceUID = identifier
    instance.InstanceNumber = number + 1
    instance.Rows, instance.Columns = stored.shape
    instance.PixelSpacing = _decimals(placement.spacing)
    instance.SliceThickness = _decimal(placement.thickness)
    instance.ImagePositionPatient = _decimals(placement.corner)
    across, down = (vector / np.linalg.norm(vector) for vector in (placement.across, placement.down))
    instance.ImageOrientationPatient = _decimals([*across, *down])
    instance.PixelData = stored.tobytes()
    return instance


def _along(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Return whether two vectors enclose less than 45 degrees, whichever way they point."""
    return bool(np.linalg.norm(np.cross(one, other)) < abs(np.dot(one, other)))


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _decimal(value: float) -> DSfloat:
    """Round a number to the sixteen characters that DICOM allows."""
    return DSfloat(float(value) + 0.0, auto_format=True)


def _decimals(values: Iterable[Any]) -> list[DSfloat]:
    return [_decimal(value) for value in values]


def _round_decimal(value: float) -> float:
    """Return the number as a reader of the file will see it."""
    return float(str(_decimal(value)))
