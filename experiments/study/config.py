"""Defines the YAML file of a study: its arms, regions, edges and tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from recon.contract import Reconstruction
from recon.data.errors import InputError, did_you_mean
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling, check_sampling, default_center_fraction
from recon.experiments.sections import Section, find_config, read_values, validated
from recon.quality.noise_map import REPLICAS
from recon.registry import create

FOLDER = "studies"
"""Folder of the studies that ship, below `experiments/configs`."""


def _parse_slices(value: Any) -> Any:
    if value in ("all", "middle"):
        return value
    if isinstance(value, list | tuple) and value and all(type(number) is int and number >= 0 for number in value):
        return tuple(value)
    raise ValueError("give all, middle, or a list of numbers of slices, counted from 0")


def _dump_slices(slices: str | tuple[int, ...]) -> str | list[int]:
    return slices if isinstance(slices, str) else list(slices)


Slices = Annotated[
    Literal["all", "middle"] | tuple[int, ...], PlainValidator(_parse_slices), PlainSerializer(_dump_slices)
]
"""Slices to reconstruct."""

Point = tuple[float, float]
"""Position `(x, y)` in mm: from the middle of the image to the right, and downwards."""


class ArmConfig(Section):
    """One way to acquire and reconstruct the scans.

    Attributes
    ----------
    method
        Name of the method.
    settings
        Settings of the method.
    averages
        Number of averages to use; null for all.
    acceleration
        Number of lines over number of measured lines.
    fraction
        Measured share of the lines, instead of the acceleration.
    mask
        fastMRI's mask that undersamples the scans.
    center_fraction
        Fully sampled share of the lines; null for 0.32 / acceleration.
    seed
        Seed of the mask.
    """

    method: str
    settings: dict[str, Any] = Field(default_factory=dict)
    averages: int | None = Field(default=None, ge=1)
    acceleration: float | None = Field(default=None, ge=1)
    fraction: float | None = Field(default=None, gt=0, le=1)
    mask: MaskKind = MaskKind.RANDOM
    center_fraction: float | None = Field(default=None, ge=0, le=1)
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _check_sampling(self) -> ArmConfig:
        if self.acceleration is not None and self.fraction is not None:
            raise ValueError("give the acceleration or the fraction of lines, not both")
        if (sampling := self.sampling) is not None:
            check_sampling(sampling.kind, sampling.acceleration, sampling.center_fraction)
        return self

    @property
    def sampling(self) -> Sampling | None:
        """Undersampling of the scans; None for none."""
        acceleration = self.acceleration if self.fraction is None else 1 / self.fraction
        if acceleration is None:
            return None
        fraction = (
            default_center_fraction(acceleration, self.mask) if self.center_fraction is None else self.center_fraction
        )
        return Sampling(self.mask, acceleration, fraction, self.seed)


class RoiChange(Section):
    """A region of interest, or its changes for one subject.

    It is an ellipse by `center` and `radii`, or a `label` of the study's label maps.

    Attributes
    ----------
    center
        Centre of the ellipse `(x, y)`, in mm from the middle of the image to the right and downwards.
    radii
        Half axes of the ellipse along x and y, in mm.
    angle
        Angle by which the ellipse is turned from x to y, that is clockwise, in degrees.
    slices
        Numbers of the slices in which the ellipse lies; null for all slices of the study.
    label
        Value of the region's voxels in the label map.
    """

    center: Point | None = None
    radii: tuple[float, float] | None = None
    angle: float = 0.0
    slices: tuple[int, ...] | None = None
    label: int | None = None


class RoiConfig(RoiChange):
    """A complete region of interest."""

    @model_validator(mode="after")
    def _check_kind(self) -> RoiConfig:
        if self.label is None and (self.center is None or self.radii is None):
            raise ValueError("give an ellipse by center: [x, y] and radii: [a, b] in mm, or a label")
        if self.label is not None and (self.center is not None or self.radii is not None):
            raise ValueError("give an ellipse or a label, not both")
        if self.radii is not None and min(self.radii) <= 0:
            raise ValueError("the radii must be above 0 mm")
        return self


class EdgeConfig(Section):
    """An edge whose sharpness is measured: along a line, or across the border of an ellipse.

    Attributes
    ----------
    start, end
        Ends of the line `(x, y)`, in mm from the middle of the image; it crosses one edge.
    width
        Width over which parallel lines are averaged, in mm.
    roi
        Region whose border is crossed, instead of a line; an ellipse.
    reach
        Length of the lines across the border on either side of it, in mm.
    slice
        Number of the slice; null for the first slice of the study, or of the region.
    """

    start: Point | None = None
    end: Point | None = None
    width: float = Field(default=0.0, ge=0)
    roi: str | None = None
    reach: float = Field(default=5.0, gt=0)
    slice: int | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> EdgeConfig:
        if (self.roi is None) == (self.start is None or self.end is None):
            raise ValueError("give a line by start: [x, y] and end: [x, y] in mm, or a roi")
        if self.start is not None and self.start == self.end:
            raise ValueError("start and end are the same point")
        return self


class SubjectConfig(Section):
    """Changes of the study for one subject.

    Attributes
    ----------
    rois
        Changes of the study's regions.
    edges
        Edges that replace those of the study.
    slices
        Slices instead of the study's.
    """

    rois: dict[str, RoiChange] = Field(default_factory=dict)
    edges: dict[str, EdgeConfig] = Field(default_factory=dict)
    slices: Slices | None = None


class StudyConfig(Section):
    """A whole study.

    Attributes
    ----------
    title
        Title of the report.
    arms
        Arms by name.
    rois
        Regions by name.
    air
        Name of the region of background air, whose standard deviation is the noise.
    reference
        Name of the reference tissue of contrasts; null to measure no contrast.
    pairs
        Pairs of arms to test against each other.
    edges
        Edges by name.
    labels
        Path of the NIfTI label map of each subject, with `{name}` in place of the scan's name without its suffix,
        relative to the study's file; null for ellipses only.
    slices
        Numbers of the slices to reconstruct, `middle` or `all`.
    file_averages
        Number of averages whose mean the files hold, where they do not hold single ones.
    replicas
        Number of pseudo-replicas by which the noise is measured too, unless the method has a formula; 0 for none.
    preprocess
        Comma-separated steps to apply to the raw data first, as for `recon compare`. Prewhitening uses up the noise
        scan, which pseudo-replicas would take their noise from.
    subjects
        Changes for single subjects, by the scan's name without its suffix.
    """

    title: str = "Study"
    arms: dict[str, ArmConfig] = Field(min_length=1)
    rois: dict[str, RoiConfig] = Field(min_length=2)
    air: str
    reference: str | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    edges: dict[str, EdgeConfig] = Field(default_factory=dict)
    labels: str | None = None
    slices: Slices = "middle"
    file_averages: int = Field(default=1, ge=1)
    replicas: int = Field(default=REPLICAS, ge=0)
    preprocess: str = "none"
    subjects: dict[str, SubjectConfig] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_names(self) -> StudyConfig:
        _check_known("air", self.air, self.rois)
        if self.reference is not None:
            _check_known("reference", self.reference, self.rois)
        if self.reference == self.air:
            raise ValueError("the reference tissue must be another region than the air")
        for pair in self.pairs:
            for name in pair:
                _check_known("pairs", name, self.arms)
            if pair[0] == pair[1]:
                raise ValueError(f"pairs: {pair[0]!r} cannot be tested against itself")
        self._check_edges(self.edges)
        for name, subject in self.subjects.items():
            for roi in subject.rois:
                _check_known(f"subjects.{name}.rois", roi, self.rois)
            self._check_edges(subject.edges)
        return self

    @model_validator(mode="after")
    def _check_values(self) -> StudyConfig:
        if self.replicas == 1:
            raise ValueError("replicas: a standard deviation takes two replicas or more; 0 leaves them out")
        if any(roi.label is not None for roi in self.rois.values()) and self.labels is None:
            raise ValueError("a region has a label, but labels names no label map")
        folders: dict[str, str] = {}
        for name in self.arms:
            other = folders.setdefault(folder_name(name), name)
            if other != name:
                raise ValueError(f"the arms {other!r} and {name!r} would share a folder; rename one of them")
        return self

    def _check_edges(self, edges: Mapping[str, EdgeConfig]) -> None:
        for name, edge in edges.items():
            if edge.roi is not None:
                _check_known(f"edges.{name}.roi", edge.roi, self.rois)
                if self.rois[edge.roi].label is not None:
                    raise ValueError(f"edges.{name}: the border of a label cannot be crossed; give start and end")

    @property
    def tissues(self) -> list[str]:
        """Names of all regions but the air."""
        return [name for name in self.rois if name != self.air]

    def methods(self) -> dict[str, Reconstruction]:
        """Create the method of every arm.

        Raises
        ------
        InputError
            If a method or a setting is unknown.
        """
        methods = {}
        for name, arm in self.arms.items():
            try:
                methods[name] = create(arm.method, arm.settings)
            except InputError as error:
                raise InputError(f"arm {name!r}: {error}") from error
        return methods

    def for_subject(self, name: str) -> StudyConfig:
        """Return the study with the changes for one subject.

        Raises
        ------
        InputError
            If a region is not complete, or no longer one region, after the changes.
        """
        change = self.subjects.get(name)
        if change is None:
            return self
        values = self.model_dump(exclude_unset=True, exclude={"subjects"})
        for roi, changed in change.rois.items():
            values["rois"][roi] |= changed.model_dump(exclude_unset=True)
        values["edges"] = values.get("edges", {}) | {
            edge: changed.model_dump(exclude_unset=True) for edge, changed in change.edges.items()
        }
        if change.slices is not None:
            values["slices"] = change.slices
        return validated(StudyConfig, values, Path(f"subjects.{name}"))


def load_study(path: Path) -> tuple[StudyConfig, Path]:
    """Read a study, and return it with the path of its file.

    Parameters
    ----------
    path
        YAML file, or the name of a study that ships with the package.

    Raises
    ------
    InputError
        If the file cannot be read, or a key or value is wrong; for an unknown key the message names the nearest one.
    """
    file = find_config(path, FOLDER)
    return validated(StudyConfig, read_values(file), path), file


def folder_name(name: str) -> str:
    """Return the name of an arm as that of a folder."""
    return re.sub(r"[^\w+.%-]+", "_", name).strip("._") or "_"


def _check_known(what: str, name: str, choices: Iterable[str]) -> None:
    if name not in choices:
        raise ValueError(f"{what}: unknown name {name!r}{did_you_mean(name, choices)}")
