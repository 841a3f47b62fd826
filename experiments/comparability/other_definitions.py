"""Recognises scores that follow another definition than fastMRI's, from the scores that it would give."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from recon.experiments.engine.scores.metrics import Images, common_field, score, score_as_fastmri

CLOSE = 1e-3
"""Largest relative difference of a score from that of another definition at which this definition is named."""


@dataclass(frozen=True)
class OtherDefinition:
    """A definition that others use.

    Attributes
    ----------
    name
        Words that follow "that is the value".
    scores
        Function that returns the scores of images `(slices, rows, columns)` under it.
    """

    name: str
    scores: Callable[[Images, Images], dict[str, float]]


def _by_slice(target: Images, images: Images) -> dict[str, float]:
    """Score each slice with its own largest value as range, and average."""
    scores = [asdict(score(one[None], other[None])) for one, other in zip(target, images, strict=True)]
    return {name: float(np.mean([one[name] for one in scores])) for name in scores[0]}


def _by_largest_image(target: Images, images: Images) -> dict[str, float]:
    return asdict(score(target, images, float(images.max())))


def _scaled(target: Images, images: Images) -> dict[str, float]:
    """Score images that are scaled to the target by least squares."""
    factor = float(np.vdot(images, target) / np.vdot(images, images)) if images.any() else 1.0
    return asdict(score(target, (factor * images).astype(np.float32)))


DEFINITIONS = (
    OtherDefinition("with the maximum of each slice instead of the volume's", _by_slice),
    OtherDefinition(
        "over the centred square of the leaderboard", lambda target, images: asdict(score_as_fastmri(target, images))
    ),
    OtherDefinition("with the largest value of the image instead of the target's", _by_largest_image),
    OtherDefinition("after scaling the images to the target", _scaled),
)


def other_definition(metric: str, value: float, target: Images, images: Images) -> str:
    """Return the end of a sentence that names the definition under which images have a score; empty if none has it.

    Parameters
    ----------
    metric, value
        `ssim`, `psnr` or `nmse`, and its value in the table.
    target, images
        `(slices, rows, columns)`; both are cropped to the smaller size.
    """
    target, images = common_field(target, images)
    for definition in DEFINITIONS:
        found = definition.scores(target, images).get(metric, math.nan)
        if math.isclose(found, value, rel_tol=CLOSE):
            return f"; that is the value {definition.name}"
    return ""
