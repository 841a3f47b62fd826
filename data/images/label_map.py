"""Reads NIfTI label maps, and looks up the labels of an image's pixels by their place in the patient."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.images.placement import TO_RAS, Millimetres, Placement
from recon.data.storage.limits import check_size

Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Labels of voxels.

    Attributes
    ----------
    labels
        int64 `(i, j, k)`.
    to_voxel
        float64 `(4, 4)`: affine from mm (right, anterior, superior) to indices of voxels.
    """

    labels: Labels
    to_voxel: Millimetres

    def at(self, placement: Placement, shape: tuple[int, int]) -> Labels:
        """Return the label of the voxel in which the centre of each pixel lies, 0 outside the map.

        Parameters
        ----------
        placement
            Placement of the image.
        shape
            Size of the image `(rows, columns)`.

        Returns
        -------
        ndarray
            int64 `(rows, columns)`.
        """
        to_patient = np.eye(4)
        to_patient[:3] = np.stack([placement.down, placement.across, placement.normal, placement.corner], axis=1)
        rows, columns = np.indices(shape)
        pixels = np.stack([rows, columns, np.zeros(shape), np.ones(shape)])
        places = np.tensordot(self.to_voxel @ TO_RAS @ to_patient, pixels, 1)[:3]
        voxels = np.floor(places + 0.5).astype(np.int64)
        sizes = np.array(self.labels.shape)[:, None, None]
        inside = ((voxels >= 0) & (voxels < sizes)).all(axis=0)
        i, j, k = np.where(inside, voxels, 0)
        return np.where(inside, self.labels[i, j, k], 0)


def read_label_map(path: Path) -> LabelMap:
    """Read a NIfTI file of whole numbers.

    Raises
    ------
    InputError
        If there is no such file, it is damaged or too large, has more than three axes, its affine has no inverse, or
        a value is not a whole number.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such label map")
    try:
        image = nib.Nifti1Image.from_filename(path)
        check_size(path, "the label map", image.shape, 16)
        values = np.asanyarray(image.dataobj)
        affine = _affine(image)
    except InputError:
        raise
    except (ImageFileError, WrapStructError, OSError, EOFError, ValueError, TypeError, zlib.error) as error:
        raise InputError(f"{path}: is not a NIfTI file that can be read") from error
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim > 3 or values.dtype.kind not in "iuf":
        raise InputError(f"{path}: a label map has three axes of whole numbers, not {values.dtype} {values.shape}")
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < np.finfo(np.float64).tiny:
        raise InputError(f"{path}: its affine has no inverse, so the places of its voxels are unknown")
    with np.errstate(invalid="ignore"):
        labels = values.astype(np.int64)
        if not np.array_equal(labels, values):
            raise InputError(f"{path}: holds values that are not whole numbers, so it is no label map")
    to_voxel = np.asarray(np.linalg.inv(affine), np.float64)
    return LabelMap(labels.reshape(*labels.shape, *[1] * (3 - labels.ndim)), to_voxel)


def _affine(image: nib.Nifti1Image) -> Millimetres:
    """Return the affine; of images of unknown orientation too, for which `write_nifti` also stores one."""
    header: Any = image.header
    coded = header["sform_code"] or header["qform_code"]
    stored = header.get_sform()
    return np.asarray(image.affine if coded or not stored[:3].any() else stored, np.float64)
