"""Converts images to messages of the MRD stream and back, with their position in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Geometry, Vector, are_orthonormal
from recon.data.errors import InputError
from recon.data.images.placement import Stack, pixel_size, place
from recon.data.stream.messages import COMPLEX, MAGNITUDE, Image, make_image
from recon.data.stream.meta import Attributes, decimal, describe, format_meta
from recon.data.stream.pixels import values
from recon.data.stream.scan import Finished

COUNTERS = ("average", "slice", "contrast", "phase", "repetition", "set")
COPIED = ("measurement_uid", "acquisition_time_stamp", "physiology_time_stamp", "patient_table_position")
PLACED = ("position", "read_dir", "phase_dir", "slice_dir")

INDICES = 65_535
"""Largest number of images in a series."""


def image_message(
    pixels: NDArray[Any], finished: Finished, index: int, description: str, attributes: Attributes | None = None
) -> Image:
    """Make the message of an image.

    Parameters
    ----------
    pixels
        Pixels `(readout, phase)` of a type that MRD knows.
    finished
        K-space that the image was reconstructed from.
    index
        Number of the image in the session, from 0.
    description
        Name of the reconstruction.
    attributes
        What the pixels mean, see `PixelScale`.
    """
    acquisition, head = finished.acquisition, finished.head
    shape = pixels.shape[0], pixels.shape[1]
    fields: dict[str, Any] = {name: head["idx"][name] for name in COUNTERS}
    fields |= {name: head[name] for name in (*COPIED, *PLACED)}
    header = acquisition.header
    if header.geometry is not None:
        (geometry,) = header.geometry
        pixel = pixel_size(header, geometry, acquisition.matrix, shape)
        fields |= {"position": geometry.position, **{name: getattr(geometry, name) for name in PLACED[1:]}}
        fields["field_of_view"] = (shape[0] * pixel[0], shape[1] * pixel[1], geometry.field_of_view[2])
    elif header.field_of_view is not None:
        fields["field_of_view"] = (*header.field_of_view, header.slice_thickness or 1)
    if header.volumetric:
        fields["slice"] = acquisition.slice
    fields["image_index"], fields["image_series_index"] = 1 + index % INDICES, 1 + index // INDICES
    fields["image_type"] = COMPLEX if np.iscomplexobj(pixels) else MAGNITUDE
    directions = {
        "ImageRowDir": [decimal(float(part)) for part in fields["read_dir"]],
        "ImageColumnDir": [decimal(float(part)) for part in fields["phase_dir"]],
    }
    return make_image(pixels, format_meta({**describe(description), **directions, **(attributes or {})}), **fields)


def stack_images(images: Sequence[Image], description: str) -> Stack:
    """Stack received images.

    Parameters
    ----------
    images
        Images of one channel and one slice each.
    description
        Name of the reconstruction.

    Raises
    ------
    InputError
        If there are no images, or images of several channels or slices, different sizes, or values not finite.
    """
    if not images:
        raise InputError("no image came back")
    pixels = [values(image) for image in images]
    if any(volume.shape[:2] != (1, 1) for volume in pixels) or len({volume.shape for volume in pixels}) > 1:
        raise InputError("the images that came back are not all single slices of one size")
    stacked = np.stack([volume[0, 0].T for volume in pixels])
    if stacked.size == 0 or not np.isfinite(stacked).all():
        raise InputError("an image that came back is empty or holds NaN or Inf")
    places = [_geometry(image) for image in images]
    oriented = all(where is not None for where in places)
    shape = stacked.shape[1], stacked.shape[2]
    placements = []
    for number, (where, image) in enumerate(zip(places, images, strict=True)):
        geometry = where if oriented and where else _axial(image, number)
        size = geometry.field_of_view
        placements.append(place(geometry, (size[0] / shape[0], size[1] / shape[1]), shape))
    return Stack(
        images=stacked if np.iscomplexobj(stacked) else stacked.astype(np.float32),
        placements=tuple(placements),
        oriented=oriented,
        description=description,
    )


def _geometry(image: Image) -> Geometry | None:
    """Read position and orientation from the header of an image; None if they are missing or invalid."""
    directions = np.stack([image.head[name] for name in PLACED[1:]])
    finite = np.isfinite(image.head["position"]).all() and np.isfinite(image.head["field_of_view"]).all()
    if not finite or not are_orthonormal(directions) or not (image.head["field_of_view"] > 0).all():
        return None
    position, read, phase, normal = (_vector(image.head[name]) for name in PLACED)
    return Geometry(position, read, phase, normal, _vector(image.head["field_of_view"]))


def _axial(image: Image, number: int) -> Geometry:
    """Make up the position of an axial slice, whose pixels have the size in the header of the image."""
    x, y, thickness = (float(size) if 0 < size < np.inf else 1.0 for size in image.head["field_of_view"])
    return Geometry(
        (0.0, 0.0, number * thickness), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (x, y, thickness)
    )


def _vector(numbers: NDArray[np.float32]) -> Vector:
    x, y, z = map(float, numbers)
    return x, y, z
