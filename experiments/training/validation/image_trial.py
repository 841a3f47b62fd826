"""Scores a denoiser or an enlarger under training on one image with noise of one level."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from recon.data.masks.sampling import seed_of
from recon.experiments.engine.run import check_finite
from recon.experiments.engine.scores.metrics import score, score_file
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.validation.validator import ExampleSlice, VolumeScore
from recon.simulation.cropped_scans import lowered
from recon.simulation.noisy_patches import brightness, white_noise
from recon.simulation.scanner.subject.anatomy import Anatomy
from recon.simulation.scanner.subject.phase import vary_phase


@dataclass(frozen=True)
class ImageTrial:
    """The middle slice of a volume of magnitude images with noise, for an enlarger cut to the centre of its k-space.

    Attributes
    ----------
    anatomy
        The volume; its name alone decides on phase and noise.
    noise
        Standard deviation of the noise, as share of the brightness of the image.
    phase
        Whether the image gets a phase.
    largest
        Largest side in pixels of the image to restore from the central half, along both axes, of its k-space. Larger
        anatomies are cut to it first: they may have more pixels than resolution. None for a denoiser.
    """

    anatomy: Anatomy
    noise: float
    phase: bool
    largest: int | None = None

    @property
    def kind(self) -> Hashable:
        """Level of the noise."""
        return self.noise

    def __call__(self, network: nn.Module, accelerator: Accelerator) -> tuple[VolumeScore, ExampleSlice | None]:
        """Score a network by the magnitude of its image.

        Raises
        ------
        InputError
            If the image is not finite.
        """
        anatomy, device = self.anatomy, accelerator.device
        rng = np.random.default_rng(seed_of(anatomy.name))
        clean = torch.from_numpy(anatomy.slice(len(anatomy) // 2)).to(device)
        clean = vary_phase(clean, rng) if self.phase else clean
        sigma = clean.new_tensor(self.noise * brightness(clean)).real
        seen = clean
        size: tuple[tuple[int, int], ...] = ()
        if self.largest is not None:
            rows, columns = (min(side, self.largest) for side in clean.shape)
            clean = lowered(clean, (rows, columns))
            seen, size = lowered(clean, (-(-rows // 2), -(-columns // 2))), ((rows, columns),)
        noisy = seen + sigma * white_noise(seen, rng)
        with torch.no_grad(), accelerator.autocast():
            better = network(noisy[None], sigma.reshape(1, 1, 1), *size)[0]
        check_finite(better, f"{anatomy.path}: the {'enlarged' if size else 'denoised'} image")
        target, image = (values.abs().float().cpu().numpy()[None] for values in (clean, better))
        metrics = asdict(score_file(anatomy.path, target, image, score))
        scored = VolumeScore(anatomy.name, "", None, **metrics, noise=self.noise)
        return scored, ExampleSlice(scored, target[0], image[0])


def image_trials(config: TrainConfig, images: Sequence[Anatomy]) -> list[ImageTrial]:
    """Pair each volume of images with each level of the noise."""
    patches = config.data.patches
    largest = config.data.simulated.matrix[1] if config.training.mode == "enlarge" else None
    return [ImageTrial(image, level, patches.phase, largest) for image in images for level in patches.levels]
