"""Draws a random head and images it in one contrast, as an ideal scanner would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.simulation.phantom.anatomy.canvas import Canvas
from recon.simulation.phantom.anatomy.cerebrum import Cerebrum
from recon.simulation.phantom.anatomy.cranium import Cranium
from recon.simulation.phantom.anatomy.face import Face
from recon.simulation.phantom.anatomy.hindbrain import Hindbrain
from recon.simulation.phantom.anatomy.lesions import Lesions
from recon.simulation.phantom.anatomy.shapes import column
from recon.simulation.phantom.anatomy.vessels import Vessels
from recon.simulation.phantom.contrast import SpinEchoProtocol, tissue_signals
from recon.simulation.phantom.fields import Array, RandomField, smooth_field
from recon.simulation.phantom.grid import BRAIN_HEIGHT, centred_axis, field_of_view, slice_heights

REACH = (100.0, 118.0)
"""Half axes (side, back) in mm of an ellipse that contains every head, however deformed."""

MIDDLE = 10.0
"""Height in mm of the middle of the brain above the origin of the anatomy."""


@dataclass(frozen=True, eq=False)
class Pose:
    """Position of a head in the scanner, and its deviation from the mean anatomy.

    Attributes
    ----------
    rotation
        float32 `(3, 3)`: rotation from the axes of the scanner to those of the head.
    shift
        Position of the middle of the head in mm.
    size
        Size along the axes of the head, relative to the mean.
    deformation
        Three channels: large, smooth displacement.
    unevenness
        Three channels: small, fine displacement.
    """

    rotation: Array
    shift: tuple[float, float, float]
    size: tuple[float, float, float]
    deformation: RandomField
    unevenness: RandomField

    @classmethod
    def draw(cls, rng: np.random.Generator, free_height: float) -> Pose:
        """Draw a pose; `free_height` is the range in mm over which the stack may move within the brain."""
        pitch, roll, yaw = np.radians(rng.normal(0, (4, 2.5, 3)).clip(-8, 8))
        x, y, z = rng.uniform(-4, 4), rng.uniform(-4, 4), 0.5 * free_height * rng.uniform(-0.9, 0.9)
        width, length, height = rng.normal(1, 0.03, 3).clip(0.93, 1.06).tolist()
        return cls(
            rotation=_rotation(pitch, roll, yaw),
            shift=(x, y, z - MIDDLE),
            size=(width, length, height),
            deformation=smooth_field(rng, 40.0, channels=3),
            unevenness=smooth_field(rng, 4.0, channels=3, size=64),
        )

    def to_head(self, points: Array) -> Array:
        """Transform points `(3, n)` of the scanner to the coordinates of the rigid, unscaled head."""
        return self.rotation @ (points - column(self.shift)) / column(self.size)

    def to_anatomy(self, points: Array) -> Array:
        """Displace points `(3, n)` of the head to those of the mean anatomy."""
        return points + 1.6 * self.deformation(points) + 0.35 * self.unevenness(points)


def head(shape: tuple[int, int], slices: int, protocol: SpinEchoProtocol, rng: np.random.Generator) -> Array:
    """Draw a person and image them.

    Every body is given by the depth of the centre of a pixel below its surface in mm, so that an edge is a ramp one
    pixel wide and a finer matrix shows the same head more sharply.

    Parameters
    ----------
    shape
        Matrix `(readout, phase)`; readout runs front to back.
    slices
        Number of axial slices, 6 mm apart, or closer if they would exceed the brain.
    protocol
        Sequence, which sets the contrast.
    rng
        Source of the person.

    Returns
    -------
    ndarray
        float32 `(slices, readout, phase)`: magnitude, 1 where fully relaxed water would fill the pixel.
    """
    heights = slice_heights(slices)
    pose = Pose.draw(rng, BRAIN_HEIGHT - float(heights[-1] - heights[0]))
    age = rng.random()
    grain = smooth_field(rng, 0.8, size=64)
    cranium, face, cerebrum = Cranium.draw(rng), Face.draw(rng), Cerebrum.draw(rng, age)
    hindbrain, vessels, lesions = Hindbrain.draw(rng, age), Vessels.draw(rng), Lesions.draw(rng, age)
    signals = tissue_signals(protocol, rng)

    size = field_of_view(shape)
    rows, columns = np.meshgrid(*(centred_axis(n, mm) for n, mm in zip(shape, size, strict=True)), indexing="ij")
    volume = np.zeros((slices, *shape), np.float32)
    for image, height in zip(volume, heights, strict=True):
        points = np.stack([columns, rows, np.full(shape, height)]).astype(np.float32).reshape(3, -1)
        points = pose.to_head(points)
        near = (points[0] / REACH[0]) ** 2 + (points[1] / REACH[1]) ** 2 < 1
        inside = points[:, near]
        canvas = Canvas(
            points=pose.to_anatomy(inside),
            pixel=size[0] / shape[0],
            signals=signals,
            texture=0.8 * grain(inside)[0] + 0.6 * pose.unevenness(inside)[0],
            image=np.zeros(inside.shape[1], np.float32),
        )
        cranium.paint(canvas)
        face.paint(canvas)
        white = cerebrum.paint(canvas)
        hindbrain.paint(canvas)
        vessels.paint(canvas, white)
        lesions.paint(canvas, white)
        image[near.reshape(shape)] = canvas.image
    return volume


def _rotation(pitch: float, roll: float, yaw: float) -> Array:
    """Compose rotations in radians about the axes to the side (pitch), backwards (roll) and upwards (yaw)."""
    about_x = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    about_y = [[np.cos(roll), 0, np.sin(roll)], [0, 1, 0], [-np.sin(roll), 0, np.cos(roll)]]
    about_z = [[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]]
    return (np.array(about_x) @ about_y @ about_z).astype(np.float32)
