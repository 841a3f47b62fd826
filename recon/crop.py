"""Crop and pad about the centre, which is index `N // 2` of an axis of `N`, in images as in k-space.

`center_crop` and `center_pad` keep index `N // 2` at the middle, whatever the parity of both sizes. They cut every
image that is placed in the patient, readout oversampling, and calibration lines. Where an even axis is cut to an odd
size, fastMRI starts one pixel earlier: `fastmri_crop` and `fastmri_pad` are for what must equal fastMRI's, which are
targets, what is scored against them, and the padding inside its networks.
"""

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn.functional import pad


def center_crop(image: Tensor, shape: Sequence[int]) -> Tensor:
    """Cut the middle out of the last axes; index `N // 2` becomes index `shape // 2`.

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
    return _crop(image, shape, _front)


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
    return _pad(image, shape, _front)


def fastmri_crop(image: Tensor, shape: Sequence[int]) -> Tensor:
    """Crop `(..., readout, phase)` like `center_crop`, but as fastMRI does: an odd surplus goes at the far end."""
    return _crop(image, shape, _half)


def fastmri_pad(image: Tensor, shape: Sequence[int]) -> Tensor:
    """Pad `(..., readout, phase)` like `center_pad`, but as fastMRI's networks do: the adjoint of `fastmri_crop`."""
    return _pad(image, shape, _half)


def _front(large: int, small: int) -> int:
    return large // 2 - small // 2


def _half(large: int, small: int) -> int:
    return (large - small) // 2


def _crop(image: Tensor, shape: Sequence[int], front: Callable[[int, int], int]) -> Tensor:
    for axis, size in enumerate(shape, start=-len(shape)):
        if image.shape[axis] < size:
            raise ValueError(f"cannot crop an axis of {image.shape[axis]} to {size}")
        image = image.narrow(axis, front(image.shape[axis], size), size)
    return image


def _pad(image: Tensor, shape: Sequence[int], front: Callable[[int, int], int]) -> Tensor:
    widths: list[int] = []
    for axis, size in enumerate(shape, start=-len(shape)):
        missing = size - image.shape[axis]
        if missing < 0:
            raise ValueError(f"cannot pad an axis of {image.shape[axis]} to {size}")
        before = front(size, image.shape[axis])
        widths = [before, missing - before, *widths]
    return pad(image, widths)
