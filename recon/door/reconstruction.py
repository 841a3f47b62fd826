"""Reconstructs slices and whole scans by any method."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.door.image import Image, place
from recon.door.scan import NAMELESS, Scan
from recon.experiments.engine.device import pick_device
from recon.experiments.engine.run import Runner
from recon.preprocessing.echo import centre_echo
from recon.preprocessing.steps import parse_steps
from recon.registry import create, method_names


@dataclass(frozen=True)
class Method:
    """A method with its settings, called on a slice or a scan.

    Attributes
    ----------
    name
        Name under which the method is registered.
    reconstruction
        The method itself, from one slice to a tensor.
    """

    name: str
    reconstruction: Reconstruction

    def __call__(self, scan: Scan | Acquisition, device: str = "auto", preprocess: str = "auto") -> Image:
        """Reconstruct a slice or a scan, see `recon.reconstruct`."""
        return reconstruct(scan, self, device=device, preprocess=preprocess)


def methods() -> list[str]:
    """Return the names of all methods: ours, sigpy's, and those of plugins."""
    return method_names()


def method(name: str, /, **settings: Any) -> Method:
    """Return the method of a name, with settings other than its defaults.

    Raises
    ------
    InputError
        If the name, a setting's name or its value is unknown; the nearest right one is suggested.
    """
    return Method(name, create(name, settings))


def reconstruct(
    scan: Scan | Acquisition,
    method: str | Method | Reconstruction = "varnet",
    *,
    device: str = "auto",
    preprocess: str = "auto",
    noise_floor: bool = False,
    **settings: Any,
) -> Image:
    """Reconstruct a slice or a whole scan, as `recon reconstruct` does.

    Parameters
    ----------
    scan
        One slice, k-space `(coils, readout, phase)`, or a scan.
    method
        Name of a method, see `recon.methods()`; or one that `recon.method` or a class of its own made.
    device
        `auto` for the GPU where there is one, `cpu` or `cuda`.
    preprocess
        Steps before all else, comma-separated; `auto` prewhitens by the noise scan where there is one and no target.
    noise_floor
        Whether to bring images to the noise floor of a full scan, which `recon compare` does before it scores them.
    settings
        Settings of the named method, for example `lamda=0.002`.

    Returns
    -------
    Image
        float32 `(rows, columns)` of a slice, `(slices, rows, columns)` of a scan, on the scale of the
        root-sum-of-squares target.

    Raises
    ------
    InputError
        If the method, a setting or the device is unknown, or a slice cannot be reconstructed.

    Warns
    -----
    UserWarning
        If the scan lies outside the range that a network was trained on.
    """
    name, built = _named(method, settings)
    runner = Runner(name, built, pick_device(device), floor=noise_floor)
    slices = map(parse_steps(preprocess), _slices(scan))
    first = next(slices)
    for reason in built.range_warnings(centre_echo(first)):
        about = f"{first.name or NAMELESS}: outside the training range of {name}: {reason}"
        warnings.warn(about, stacklevel=2)
    images = runner.volume(chain([first], slices)).images
    if not isinstance(scan, Scan):
        return place(images[0], first.header, first.matrix, [first.slice])
    numbers = [scan.volume.number(index) for index in range(len(scan))]
    return place(images, first.header, first.matrix, numbers)


def _named(method: str | Method | Reconstruction, settings: dict[str, Any]) -> tuple[str, Reconstruction]:
    """Return a method and what it is called."""
    if isinstance(method, str):
        return method, create(method, settings)
    if settings:
        raise InputError(f"the setting {next(iter(settings))!r} needs the name of a method; this one is made already")
    if isinstance(method, Method):
        return method.name, method.reconstruction
    return type(method).__name__, method


def _slices(scan: Scan | Acquisition) -> Iterator[Acquisition]:
    """Iterate over slices."""
    if isinstance(scan, Scan):
        return iter(scan)
    if scan.kspace.ndim != 3:
        raise InputError(
            f"{scan.name or NAMELESS}: k-space has shape {tuple(scan.kspace.shape)}; expected one slice (coils, "
            "readout, phase); recon.from_arrays makes a scan of several"
        )
    return iter([scan])
