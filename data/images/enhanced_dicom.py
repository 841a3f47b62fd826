"""Writes images as DICOM, all in one file (Enhanced MR Image Storage).

As the other files, it holds nothing about the patient; dates that must not be empty are made up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import EnhancedMRImageStorage, generate_uid

from recon.data.errors import InputError
from recon.data.images.dicom import (
    ScaledStack,
    code,
    counted,
    decimal,
    decimals,
    describe,
    new_file,
    orientation,
    scale,
)
from recon.data.images.placement import Placement, Stack, slice_distance
from recon.data.series import Frame
from recon.data.storage.atomic import atomic_path

IMAGE_TYPE = ["DERIVED", "PRIMARY", "OTHER", "NONE"]

MADE_UP_DATE, MADE_UP_TIME = "19000101", "000000"
"""Values of attributes that must not be empty, in place of when the patient was scanned."""

DIMENSIONS = {"StackID": "stack", "InStackPositionNumber": "position", "TemporalPositionIndex": "time"}
"""Attributes of a frame by which frames are sorted, and what they count."""


def write_enhanced_dicom(path: Path, stack: Stack) -> None:
    """Write magnitudes as one file with a frame per image, upright if the orientation is known.

    Each contrast and set is a stack of its own, in which positions and times are numbered.

    Parameters
    ----------
    path
        Path of the file.
    stack
        Images to write.

    Raises
    ------
    InputError
        If images differ in size once they are upright.
    """
    scaled = scale(stack)
    stored, placements = zip(*(scaled.stored(number) for number in range(len(stack.images))), strict=True)
    if len({image.shape for image in stored}) > 1:
        raise InputError(
            f"{path}: images of different orientations have different sizes, which one DICOM file cannot hold; name "
            "a folder, and --format dicom"
        )
    file = new_file(_attributes(stack, scaled.unit))
    file.Rows, file.Columns = stored[0].shape
    file.NumberOfFrames = len(stored)
    file.SharedFunctionalGroupsSequence = [_shared(scaled, placements[0])]
    file.PerFrameFunctionalGroupsSequence = _frames(stack, placements)
    file.PixelData = np.stack(stored).tobytes()
    with atomic_path(path) as temporary:
        file.save_as(temporary, enforce_file_format=True)


def _attributes(stack: Stack, unit: float) -> Dataset:
    """Make the attributes that are not those of single frames."""
    made = describe(stack, unit)
    made.ImageComments = ". ".join(filter(None, (made.get("ImageComments"), made.DerivationDescription)))
    del made.Laterality, made.DerivationDescription
    made.SOPClassUID = EnhancedMRImageStorage
    made.ImageType = IMAGE_TYPE
    made.InstanceNumber = 1
    made.ContentQualification, made.ApplicableSafetyStandardAgency = "RESEARCH", "IEC"
    made.ContentDate, made.ContentTime = MADE_UP_DATE, MADE_UP_TIME
    made.ManufacturerModelName, made.DeviceSerialNumber = "unrolled-recon", "none"
    if stack.field_strength is not None:
        made.MagneticFieldStrength = stack.field_strength
    made.update(_kind())
    made.LossyImageCompression, made.PresentationLUTShape = "00", "IDENTITY"
    made.AcquisitionContextSequence = []
    organisation = Dataset()
    organisation.DimensionOrganizationUID = generate_uid(prefix=None)
    made.DimensionOrganizationSequence = [organisation]
    made.DimensionIndexSequence = [
        _dimension(keyword, label, organisation.DimensionOrganizationUID) for keyword, label in DIMENSIONS.items()
    ]
    return made


def _kind() -> Dataset:
    """Say what the values of pixels are: magnitudes, without a calculation from several images."""
    made = Dataset()
    made.PixelPresentation, made.VolumetricProperties = "MONOCHROME", "VOLUME"
    made.VolumeBasedCalculationTechnique = "NONE"
    made.ComplexImageComponent, made.AcquisitionContrast = "MAGNITUDE", "UNKNOWN"
    return made


def _dimension(keyword: str, label: str, organisation: str) -> Dataset:
    made = Dataset()
    made.DimensionOrganizationUID = organisation
    made.DimensionIndexPointer = Tag(tag_for_keyword(keyword) or 0)
    made.FunctionalGroupPointer = Tag(tag_for_keyword("FrameContentSequence") or 0)
    made.DimensionDescriptionLabel = label
    return made


def _shared(scaled: ScaledStack, placement: Placement) -> Dataset:
    """Make the functional groups that all frames share."""
    measures, values, window, kind, anatomy = (Dataset() for _ in range(5))
    measures.PixelSpacing = decimals(placement.spacing)
    measures.SliceThickness = decimal(placement.thickness)
    distance = slice_distance(scaled.stack.placements)
    if distance is not None:
        measures.SpacingBetweenSlices = decimal(distance)
    values.RescaleIntercept, values.RescaleSlope, values.RescaleType = 0, decimal(scaled.slope), "US"
    window.WindowCenter, window.WindowWidth = decimal(scaled.window / 2), decimal(scaled.window)
    kind.FrameType = IMAGE_TYPE
    kind.update(_kind())
    anatomy.FrameLaterality = "U"
    anatomy.AnatomicRegionSequence = [code("38266002", "SCT", "Entire body")]
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.PixelValueTransformationSequence = [measures], [values]
    shared.FrameVOILUTSequence, shared.MRImageFrameTypeSequence = [window], [kind]
    shared.FrameAnatomySequence = [anatomy]
    return shared


def _frames(stack: Stack, placements: tuple[Placement, ...]) -> list[Dataset]:
    """Make the functional groups of every frame: its place, its time, and its echo time if that is known."""
    counters, moments = counted(stack)
    kinds, times = sorted({_stack(frame) for frame in counters}), sorted(set(moments))
    heights = np.round([float(one.corner @ stack.placements[0].normal) for one in stack.placements], 2)
    positions = np.unique(heights, return_inverse=True)[1].tolist()
    made = []
    for frame, moment, position, placement in zip(counters, moments, positions, placements, strict=True):
        content, place, turned, group = (Dataset() for _ in range(4))
        content.StackID = str(kinds.index(_stack(frame)) + 1)
        content.InStackPositionNumber, content.TemporalPositionIndex = position + 1, times.index(moment) + 1
        content.FrameAcquisitionNumber = content.TemporalPositionIndex
        content.DimensionIndexValues = [
            kinds.index(_stack(frame)) + 1,
            content.InStackPositionNumber,
            content.TemporalPositionIndex,
        ]
        place.ImagePositionPatient = decimals(placement.corner)
        turned.ImageOrientationPatient = decimals(orientation(placement))
        group.FrameContentSequence = [content]
        group.PlanePositionSequence, group.PlaneOrientationSequence = [place], [turned]
        if len(times) > 1 and stack.frame_interval is not None:
            since = Dataset()
            since.TemporalPositionTimeOffset = times.index(moment) * stack.frame_interval / 1000
            group.TemporalPositionSequence = [since]
        if frame.contrast < len(stack.echo_times):
            echo = Dataset()
            echo.EffectiveEchoTime = stack.echo_times[frame.contrast]
            group.MREchoSequence = [echo]
        made.append(group)
    return made


def _stack(frame: Frame) -> tuple[int, int]:
    return frame.contrast, frame.set
