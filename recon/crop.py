"""Centre crop and centre pad with fastMRI's rounding: an odd surplus loses its extra pixel at the far end."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import pad


def center_crop(image: Tensor, shape: Sequence[int]) -> Tensor:
    """Cut the middle out of the last axes.

    Parameters
    ----------
    image
        `(..., readout, phase)`.
    shape
        Size of the last `len(shape)` axes to keep.

    Raises
    ------
    ValueError
        If the image is smaller than `shape`.
    """
    for axis, size in enumerate(shape, start=-len(shape)):
        surplus = image.shape[axis] - size
        if surplus < 0:
            raise ValueError(f"cannot crop an axis of {image.shape[axis]} to {size}")
        image = image.narrow(axis, surplus // 2, size)
    return image


def center_pad(image: Tensor, shape: Sequence[int]) -> Tensor:
    """Surround the last axes with zeros: the adjoint of `center_crop`.

    Parameters
    ----------
    image
        `(..., readout, phase)`.
    shape
        Size that the last `len(shape)` axes get.

    Raises
    ------
    ValueError
        If the image is larger than `shape`.
    """
    widths: list[int] = []
    for axis, size in enumerate(shape, start=-len(shape)):
        missing = size - image.shape[axis]
        if missing < 0:
            raise ValueError(f"cannot pad an axis of {image.shape[axis]} to {size}")
        widths = [missing // 2, missing - missing // 2, *widths]
    return pad(image, widths)
