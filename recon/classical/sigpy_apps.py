"""Reconstructs with sigpy's own apps: the baselines that anyone who knows sigpy would run.

The maps are those of sigpy's `EspiritCalib` and the image is the app's own solution. The measured lines are not put
back into it, as our methods do, because then the image would no longer be the one that sigpy gives. `recon benchmark
classical` reports both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from recon.calibration.acs import calibration_lines
from recon.coils import coil_combine, rss
from recon.contract import Reconstruction
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.extras import extra
from recon.fourier import ifft
from recon.preprocessing.oversampling import without_oversampling
from recon.registry import register

KERNEL_WIDTH = 6
WIDEST_CALIBRATION = 24
"""sigpy's defaults; `EspiritCalib` takes a square of this width about DC, whether it was measured or not."""

BOUND = 9.0
"""Upper bound of `||M F S||^2 + ||G||^2`: one for the encoding with maps of unit norm, eight for the gradient."""


@contextmanager
def needs_sigpy() -> Iterator[None]:
    """Say in one sentence that sigpy is missing, where only a checkout and some of its dependencies were copied.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "sigpy":
            raise
        raise InputError("sigpy is not installed, and its methods need it: pip install sigpy") from error


@dataclass(frozen=True)
class SigpyReconstruction(Reconstruction):
    """One app of `sigpy.mri.app`, from the k-space of a slice to its image.

    Attributes
    ----------
    lamda
        Weight of the regularisation; the data are scaled so that the zero-filled image's maximum is 1. None to
        choose it without the truth, see `automatic_lamda`.
    iterations
        Number of iterations of the app's solver; the default has converged.

    The step sizes in `solver` are given to the app. It would estimate them from a random start, so that no two runs
    agree, and its own for total variation are far from converged after 500 iterations.
    """

    app: ClassVar[Literal["SenseRecon", "L1WaveletRecon", "TotalVariationRecon"]]
    solver: ClassVar[dict[str, float]]
    lamda_fit: ClassVar[tuple[float, float]]

    lamda: Annotated[float, Field(ge=0)] | None = None
    iterations: Annotated[int, Field(ge=1)] = 200

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`.

        Raises
        ------
        InputError
            If there are too few calibration lines, or the k-space lies on a GPU and cupy is not installed.
        """
        return self.complex_image(acquisition).abs()

    @property
    def keeps_phase(self) -> bool:
        """Whether there is a complex image: yes."""
        return True

    def complex_image(self, acquisition: Acquisition) -> Tensor:
        """Return the app's solution, complex64 `(rows, columns)`; its magnitude is the image everywhere.

        Raises
        ------
        InputError
            For the reasons of `__call__`.
        """
        if acquisition.mask.ndim == 1:
            acquisition = without_oversampling(acquisition)
        maps = espirit_maps(acquisition)
        largest = rss(ifft(acquisition.kspace)).amax()
        if largest == 0:
            return acquisition.kspace.new_zeros(acquisition.crop)
        scaled = replace(acquisition, kspace=acquisition.kspace / largest)
        lamda = automatic_lamda(scaled, maps, *self.lamda_fit) if self.lamda is None else self.lamda
        return center_crop(self.solve(scaled, maps, lamda), acquisition.crop) * largest

    def solve(self, acquisition: Acquisition, maps: Tensor, lamda: float) -> Tensor:
        """Run the app.

        Parameters
        ----------
        acquisition
            K-space `(coils, readout, phase)` with a zero-filled image of maximum 1.
        maps
            complex64 `(coils, readout, phase)`, of unit root sum of squares or zero.
        lamda
            Weight of the regularisation.

        Returns
        -------
        Tensor
            complex64 `(readout, phase)`.
        """
        with needs_sigpy():
            from sigpy.mri import app  # noqa: PLC0415 - takes a second to import

        kspace = as_sigpy_array(acquisition.kspace)
        weights = as_sigpy_array(acquisition.mask.expand(acquisition.matrix).float())
        recon = getattr(app, self.app)(
            kspace,
            as_sigpy_array(maps),
            lamda=lamda,
            weights=weights,
            max_iter=self.iterations,
            device=_sigpy_device(maps),
            show_pbar=False,
            **self.solver,
        )
        return torch.as_tensor(recon.run(), device=maps.device)


@register("sigpy-sense")
@dataclass(frozen=True)
class SigpySense(SigpyReconstruction):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda/2 ||x||^2` by sigpy's `SenseRecon` (Pruessmann et al. 2001)."""

    app: ClassVar[Literal["SenseRecon"]] = "SenseRecon"
    solver: ClassVar[dict[str, float]] = {"tol": 1e-3}
    lamda_fit: ClassVar[tuple[float, float]] = (0.048, -0.55)


@register("sigpy-wavelet")
@dataclass(frozen=True)
class SigpyWavelet(SigpyReconstruction):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda ||W x||_1` by sigpy's `L1WaveletRecon` (Lustig et al. 2007).

    `W` is the orthonormal Daubechies-4 transform, sigpy's default, and the solver FISTA.
    """

    app: ClassVar[Literal["L1WaveletRecon"]] = "L1WaveletRecon"
    solver: ClassVar[dict[str, float]] = {"alpha": 1.0}
    lamda_fit: ClassVar[tuple[float, float]] = (0.0023, 0.44)


@register("sigpy-tv")
@dataclass(frozen=True)
class SigpyTotalVariation(SigpyReconstruction):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda ||G x||_1` by sigpy's `TotalVariationRecon` (Block et al. 2007).

    `G` are finite differences, summed up anisotropically, and the solver is the primal-dual hybrid gradient.
    """

    app: ClassVar[Literal["TotalVariationRecon"]] = "TotalVariationRecon"
    solver: ClassVar[dict[str, float]] = {"sigma": 0.02, "tau": 1 / (0.02 * BOUND)}
    lamda_fit: ClassVar[tuple[float, float]] = (0.0005, 1.22)

    iterations: Annotated[int, Field(ge=1)] = 300


def automatic_lamda(acquisition: Acquisition, maps: Tensor, scale: float, growth: float) -> float:
    """Choose the weight of the regularisation without the truth: `lamda = scale R^growth e`.

    `R` is the acceleration and `e` the root mean square of the zero-filled image. Scale and growth are a fit, app by
    app, to the weights of highest PSNR on two brains and a fruit at 2x to 8x. On these 15 slices the choice loses
    0.23 dB in the mean against the best weight for SENSE, 0.14 dB for wavelets and 0.05 dB for total variation, and
    1.1, 0.3 and 0.2 dB at worst.

    Parameters
    ----------
    acquisition
        K-space `(coils, readout, phase)` with a zero-filled image of maximum 1.
    maps
        complex64 `(coils, readout, phase)`.
    scale, growth
        Constants of the app.
    """
    extent = coil_combine(ifft(acquisition.kspace), maps).abs().square().mean().sqrt()
    return scale * acquisition.acceleration**growth * float(extent)


def espirit_maps(acquisition: Acquisition, crop: float = 0.0) -> Tensor:
    """Estimate maps by sigpy's `EspiritCalib` (Uecker et al. 2014) from no more samples than were measured.

    Parameters
    ----------
    acquisition
        K-space `(coils, readout, phase)`.
    crop
        Eigenvalue below which a map is zero. sigpy's default of 0.95 blackens the background; 0 keeps it, which
        scores a higher SSIM against a root-sum-of-squares target, whose background is noise.

    Returns
    -------
    Tensor
        complex64 `(coils, readout, phase)` of unit root sum of squares, or zero; zero for a coil without signal.

    Raises
    ------
    InputError
        If there are too few calibration lines, or the k-space lies on a GPU and cupy is not installed.
    """
    with needs_sigpy():
        from sigpy import resize  # noqa: PLC0415 - takes a second to import
        from sigpy.mri.app import EspiritCalib  # noqa: PLC0415

    lines = calibration_lines(acquisition).lines
    width = _calibration_width(acquisition, lines)
    alive = lines.flatten(1).any(1)  # the phase of the first coil is divided by its magnitude
    maps = torch.zeros_like(acquisition.kspace)
    if not alive.any():
        return maps
    if acquisition.calibration is None:
        kspace = as_sigpy_array(acquisition.kspace[alive])
    else:  # laid into the matrix, DC on DC
        kspace = resize(as_sigpy_array(lines[alive]), (int(alive.sum()), *acquisition.matrix))
    calibration = EspiritCalib(
        kspace,
        calib_width=width,
        kernel_width=min(KERNEL_WIDTH, width // 2),
        crop=crop,
        device=_sigpy_device(lines),
        show_pbar=False,
    )
    maps[alive] = torch.as_tensor(calibration.run(), device=maps.device)
    return maps


def _calibration_width(acquisition: Acquisition, lines: Tensor) -> int:
    """Find the largest square about DC that was measured in full, up to sigpy's default width."""
    widest = min(WIDEST_CALIBRATION, *lines.shape[1:])
    if acquisition.calibration is not None:
        return widest
    mask = acquisition.mask.expand(acquisition.matrix)
    rows, columns = (size // 2 for size in acquisition.matrix)

    def measured(width: int) -> bool:
        first, last = width // 2, width - width // 2
        return bool(mask[rows - first : rows + last, columns - first : columns + last].all())

    return max(width for width in range(1, widest + 1) if measured(width))


def _sigpy_device(values: Tensor) -> int:
    """Return sigpy's number of the device of a tensor; -1 is the CPU."""
    return -1 if values.device.type == "cpu" else values.device.index or 0


def as_sigpy_array(values: Tensor) -> Any:
    """Return a tensor as sigpy takes it, a NumPy or cupy array on the same memory."""
    if values.device.type == "cpu":
        return values.contiguous().numpy()
    with extra("gpu", "sigpy on a GPU"):
        import cupy  # noqa: PLC0415 - an extra
    return cupy.asarray(values.contiguous())
