"""Registers every network of the zoo, with trained weights, as a reconstruction method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from recon.calibration.combination import combine
from recon.coils import power_of_two, rss
from recon.contract import SLICES_ON_GPU, Reconstruction, UncertaintyCalibration, in_groups
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.training.collate import pad_coils
from recon.fourier import ifft
from recon.models.checkpoints.checkpoint import Checkpoint, load_model
from recon.models.checkpoints.locate import locate, shipped_weights
from recon.models.networks.kspace_network import KspaceNetwork, UndersampledBatch
from recon.models.networks.series.series_network import takes_series
from recon.models.precision import Precision, computing_in
from recon.models.zoo import NETWORKS, method_of
from recon.preprocessing.steps import Steps
from recon.preprocessing.time_average import check_series
from recon.registry import register
from recon.solvers.problem import accelerations


@register("varnet")
@dataclass(frozen=True)
class LearnedReconstruction(Reconstruction):
    """The end-to-end variational network with trained weights (Sriram et al. 2020).

    The k-space is divided by the largest power of two up to the maximum of its zero-filled image before the network,
    and the image multiplied by it afterwards, so very small and very large values stay within the range of float32.
    Networks scale with their input, so weights trained on fastMRI's raw values produce the same image with and
    without this division.

    Attributes
    ----------
    checkpoint
        Weights of `recon train`, a VarNet or U-Net checkpoint of fastMRI, or the authors' weights of the deep cascade
        or the recurrent network: a file, the name of shipped weights, or `owner/repository:file` on the Hugging Face
        Hub. None for the weights that ship for the method.
    precision
        Precision of the convolutions; everything else, such as Fourier transforms and norms, is float32. `tf32` is
        faster on a GPU than `float32`, which is exact, and the same on a CPU. `auto` is `bf16` on a GPU that computes
        in it, and `float32` elsewhere; `bf16` is `float32` on a CPU that lacks it.
    remove_oversampling
        Whether to crop the readout to the field of view of the image first, which halves the work where the readout
        is oversampled. None to do as in training.
    virtual_coils
        Number of coils to compress to first; the image is then that of the virtual coils, a little darker where they
        miss signal. None to do as in training.
    """

    network: ClassVar[str] = "varnet"

    checkpoint: str | Path | None = None
    precision: Precision = "float32"
    remove_oversampling: bool | None = None
    virtual_coils: Annotated[int, Field(ge=1)] | None = None

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct one slice `(coils, readout, phase)` to float32 `(rows, columns)`, on the device of the k-space.

        Raises
        ------
        InputError
            If the weights are missing or do not fit, or the reference scan is larger than the k-space.
        """
        return self.batch([acquisition])[0]

    def batch(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        """Reconstruct several slices, those of the same size together; each image equals that of `__call__`.

        A network that takes series is given the frames of one series, whose images depend on one another.

        Raises
        ------
        InputError
            As in `__call__`, or if the frames of a series differ in size.
        """
        if self.takes_series:
            check_series(acquisitions)
            if self.virtual_coils is not None:
                raise InputError(f"virtual_coils: {self.loaded.name} needs the same coils in all frames of a series")
        prepared = [self._prepared(acquisition) for acquisition in acquisitions]
        images = in_groups(
            prepared, lambda one: (one.matrix, one.mask.shape, one.calibration is None), self._reconstruct
        )
        return [center_crop(image, one.crop) for image, one in zip(images, prepared, strict=True)]

    def batch_size(self, device: torch.device) -> int:
        """Return how many slices to reconstruct together: one on a CPU, because one already fills its caches."""
        return SLICES_ON_GPU if device.type == "cuda" and not self.takes_series else 1

    @property
    def takes_series(self) -> bool:
        """Whether the network reconstructs all frames of a series together."""
        return takes_series(self.loaded.network)

    def prepare(self) -> None:
        """Read the weights.

        Raises
        ------
        InputError
            If the weights are missing or do not fit.
        """
        _ = self.loaded

    def settings(self) -> dict[str, Any]:
        """Return the settings, with the name and hash of the weights."""
        return super().settings() | {"checkpoint": self.loaded.path.name, "sha256": self.loaded.sha256}

    def range_warnings(self, acquisition: Acquisition) -> list[str]:
        """Return in what respects a slice lies outside the training range, if the weights have a card that states it.

        Raises
        ------
        InputError
            If the weights are missing, or the slice cannot be given to them.
        """
        card = self.loaded.card
        return [] if card is None or card.trained is None else card.trained.warnings(self._prepared(acquisition))

    @property
    def trained(self) -> bool:
        """Whether the method has trained weights: yes."""
        return True

    @property
    def uncertainty_calibration(self) -> UncertaintyCalibration | None:
        """The uncertainty calibration on the card of the weights; None if there is none."""
        card = self.loaded.card
        return None if card is None else card.uncertainty

    def _prepared(self, acquisition: Acquisition) -> Acquisition:
        own = {"remove_oversampling": self.remove_oversampling, "virtual_coils": self.virtual_coils}
        settings = self.loaded.preprocessing | {name: value for name, value in own.items() if value is not None}
        if acquisition.mask.ndim == 2:
            settings["remove_oversampling"] = False
        return Steps.of(settings)(acquisition)

    @property
    def keeps_phase(self) -> bool:
        """Whether the network predicts the image of every coil, with its phase, from one slice alone."""
        network = NETWORKS[self.network] if self.checkpoint is None else type(self.loaded.network)
        return issubclass(network, KspaceNetwork) and not takes_series(network)

    def complex_image(self, acquisition: Acquisition) -> Tensor | None:
        """Return complex64 `(rows, columns)`: the network's coil images along the sensitivities.

        Raises
        ------
        InputError
            As in `__call__`, or if there are too few calibration lines for the sensitivities.
        """
        if not self.keeps_phase:
            return None
        if self.takes_series:
            raise InputError(
                f"{acquisition.name}: {self.loaded.name} gives no phase, which the images of one frame have"
            )
        prepared = self._prepared(acquisition)
        coil_images = self._reconstruct([prepared], "coil_images")[0]
        return center_crop(combine(coil_images, prepared), prepared.crop)

    def prepare_coils(self, read: Callable[[], Acquisition]) -> None:
        """Do what the network does with the calibration lines of a slice whose other lines have yet to come.

        Without a method of this name the network needs all lines, and the slice is not assembled.
        """
        network = self.loaded.network
        prepare = getattr(network, "prepare_coils", None)
        if prepare is None:
            return
        batch, _ = self._batched([self._prepared(read())])
        device = batch.masked_kspace.device
        network.to(device)
        with torch.no_grad(), computing_in(self.precision, device):
            prepare(batch)

    def _reconstruct(self, acquisitions: Sequence[Acquisition], what: str = "__call__") -> Tensor:
        """Call the network, or a method of it, on slices of the same size; return `(batch, ..., readout, phase)`."""
        batch, scale = self._batched(acquisitions)
        device = batch.masked_kspace.device
        network = self.loaded.network.to(device)
        with torch.no_grad(), computing_in(self.precision, device):
            images: Tensor = getattr(network, what)(*batch)
        if images.is_complex():
            return images.to(torch.complex64) * scale.unsqueeze(1)
        return images.float() * scale

    def _batched(self, acquisitions: Sequence[Acquisition]) -> tuple[UndersampledBatch, Tensor]:
        """Return slices of the same size as a batch of ordinary scale, and the scale, real `(batch, 1, 1)`.

        The scale is a power of two, so that the samples keep all their bits.
        """
        coils = max(acquisition.coils for acquisition in acquisitions)
        kspace = torch.stack([pad_coils(acquisition.kspace, coils) for acquisition in acquisitions])
        masks = torch.stack([acquisition.mask for acquisition in acquisitions])
        scans = [acquisition.reference_kspace() for acquisition in acquisitions]
        scanned = [pad_coils(scan, coils) for scan in scans if scan is not None]
        largest = rss(ifft(kspace)).amax((-2, -1))
        if self.takes_series:
            largest = largest.amax().expand(len(largest))
        scale = power_of_two(largest).reshape(-1, 1, 1)
        batch = UndersampledBatch(
            kspace.div_(scale.unsqueeze(1)),
            masks.reshape(len(masks), 1, -1, masks.shape[-1]),
            calibration=torch.stack(scanned).div_(scale.unsqueeze(1)) if scanned else None,
            acceleration=accelerations(acquisitions),
        )
        return batch, scale

    @cached_property
    def loaded(self) -> Checkpoint:
        """The network with its weights, read once.

        Raises
        ------
        InputError
            If the weights are missing, damaged, or those of another network.
        """
        checkpoint = load_model(self._path())
        if method_of(checkpoint.name) != self.network:
            raise InputError(
                f"{checkpoint.path}: holds weights of the network {checkpoint.name}, not of {self.network}"
            )
        return checkpoint

    def _path(self) -> Path:
        if self.checkpoint is not None:
            return locate(self.checkpoint)
        for name in (f"{self.network}-general", self.network):
            if name in shipped_weights():
                return locate(name)
        raise InputError(
            f"no weights ship for {self.network}: name some with --checkpoint, or train some with `recon train`"
        )


def register_network(name: str) -> None:
    """Register the network `name` of the zoo, with trained weights, as a method of the same name."""
    members = {"network": name, "__doc__": NETWORKS[name].__doc__}
    register(name)(dataclass(frozen=True)(type(name, (LearnedReconstruction,), members)))


for _name in NETWORKS:
    if _name == method_of(_name) != LearnedReconstruction.network:
        register_network(_name)
