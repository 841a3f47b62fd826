"""Draws a slice through a chest, perpendicular to the long axis of a heart that beats."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recon.simulation.cine.motion import contraction
from recon.simulation.phantom.anatomy.shapes import coverage
from recon.simulation.phantom.fields import Array, RandomField, smooth_field

MATRIX, PIXEL = 304, 1.25
"""Rows and columns of the drawn image, and size of a pixel in mm."""

FAT, MUSCLE, LUNG, LIVER, BONE, MARROW, BLOOD, MYOCARDIUM = 0.85, 0.35, 0.05, 0.45, 0.12, 0.5, 0.95, 0.33
"""Brightness of tissues in a balanced steady-state image."""

VARIATION = 0.08
"""Standard deviation of the brightness within a tissue, relative to its mean."""

TWIST = math.radians(12)
"""Angle by which the papillary muscles turn from end diastole to end systole."""

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Torso:
    """A person in mm: x to the image's right, y downwards, both from the centre of the chest.

    Attributes
    ----------
    chest
        Half axes of the chest.
    fat
        Thickness of the fat below the skin.
    heart
        Centre of the left ventricle.
    cavity, wall
        Radius of its cavity and thickness of its muscle at end diastole, at the base.
    shortening
        Share by which the radius of the cavity shrinks at end systole.
    angle
        Direction of the right ventricle as seen from the left one, in radians.
    brightness
        Factor of the brightness of blood, muscle and fat.
    texture, heart_texture
        Variation of the brightness, which stays in place, or moves with the heart.
    """

    chest: Point
    fat: float
    heart: Point
    cavity: float
    wall: float
    shortening: float
    angle: float
    brightness: tuple[float, float, float]
    texture: RandomField
    heart_texture: RandomField

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Torso:
        """Draw a person."""
        blood, muscle, fat = rng.uniform(0.85, 1.05), rng.uniform(0.85, 1.2), rng.uniform(0.6, 1.1)
        return cls(
            chest=(rng.uniform(145, 172), rng.uniform(102, 126)),
            fat=rng.uniform(7, 20),
            heart=(rng.uniform(18, 42), rng.uniform(-30, -8)),
            cavity=rng.uniform(21, 28),
            wall=rng.uniform(7.5, 12),
            shortening=rng.uniform(0.25, 0.42),
            angle=math.pi + rng.uniform(0, 0.7),
            brightness=(blood, muscle, fat),
            texture=smooth_field(rng, rng.uniform(8, 20)),
            heart_texture=smooth_field(rng, rng.uniform(5, 10)),
        )

    def render(self, phases: NDArray[np.float64], height: float = 0.0) -> NDArray[np.float32]:
        """Draw the frames of one slice.

        Parameters
        ----------
        phases
            Times of the frames in heart cycles.
        height
            Place of the slice between the base of the heart, 0, and its apex, 1.

        Returns
        -------
        ndarray
            float32 `(frames, rows, columns)`, roughly between 0 and 1.
        """
        axis = (np.arange(MATRIX, dtype=np.float32) - MATRIX // 2) * np.float32(PIXEL)
        y, x = np.meshgrid(axis, axis, indexing="ij")
        body = self._body(x, y, height)
        return np.stack([self._with_heart(body, x, y, height, float(one)) for one in contraction(phases)])

    def _body(self, x: Array, y: Array, height: float) -> Array:
        """Draw all that does not move."""
        a, b = self.chest
        _, muscle, fat = self.brightness
        image = np.zeros_like(x)
        rough = self.texture(np.stack([x.ravel(), y.ravel(), np.full(x.size, 40 * height, np.float32)]))
        shapes = [
            ((0.0, 0.0), (a, b), FAT * fat),
            ((0.0, 0.0), (a - self.fat, b - self.fat), MUSCLE * muscle),
            ((-0.45 * a, 2.0), (0.36 * a, 0.62 * b), LUNG),
            ((0.45 * a, 6.0), (0.37 * a, 0.62 * b), LUNG),
            ((0.0, 0.62 * b), (19.0, 17.0), MARROW),
            ((0.0, 0.62 * b + 19), (7.0, 6.0), BLOOD),
            ((4.0, -0.8 * b), (14.0, 6.0), MARROW * fat),
            ((-0.5 * a, 0.3 * b), (0.3 * a, (0.05 + 0.4 * height) * b), LIVER * muscle),
        ]
        for centre, semi_axes, brightness in shapes:
            image = _over(image, _ellipse(x, y, centre, semi_axes), brightness)
        for side in (-1, 1):  # ribs lie within the chest wall
            for turn in np.linspace(0.5, 2.6, 6):
                centre = side * (a - self.fat - 9) * math.sin(turn), -(b - self.fat - 9) * math.cos(turn)
                image = _over(image, _ellipse(x, y, centre, (8.0, 5.0), side * turn), BONE)
        return image * (1 + np.float32(VARIATION) * rough.reshape(x.shape))

    def _with_heart(self, body: Array, x: Array, y: Array, height: float, contracted: float) -> NDArray[np.float32]:
        """Draw the heart over the body; the area of its muscle stays the same while it contracts."""
        blood, muscle, _ = self.brightness
        taper = math.sqrt(1 - 0.75 * height**2)
        relaxed = self.cavity * taper
        cavity = relaxed * (1 - self.shortening * contracted)
        wall = math.sqrt(cavity**2 + (relaxed + self.wall) ** 2 - relaxed**2) - cavity
        outer = cavity + wall
        cx, cy = self.heart[0] - 1.5 * contracted, self.heart[1] + 2.5 * contracted
        dx, dy = x - np.float32(cx), y - np.float32(cy)
        right = cx + 0.9 * outer * math.cos(self.angle), cy + 0.9 * outer * math.sin(self.angle)
        long, short = 1.25 * relaxed * (1 - 0.2 * contracted), 0.85 * relaxed * (1 - 0.35 * contracted)

        image = _over(body, _ellipse(x, y, (cx, cy), (outer + 6, outer + 5)), FAT * 0.8)
        image = _over(image, _ellipse(x, y, right, (short + 3, long + 3), self.angle), MYOCARDIUM * muscle)
        image = _over(image, _ellipse(x, y, right, (short, long), self.angle), BLOOD * 0.9 * blood)
        image = _over(image, _ellipse(x, y, (cx, cy), (outer, outer)), MYOCARDIUM * muscle)
        image = _over(image, _ellipse(x, y, (cx, cy), (cavity, cavity)), BLOOD * blood)
        for turn in (0.6, 2.2):
            angle = turn + TWIST * contracted
            centre = cx + 0.62 * cavity * math.cos(angle), cy + 0.62 * cavity * math.sin(angle)
            radius = 0.17 * relaxed * (1 + 0.1 * contracted)
            image = _over(image, _ellipse(x, y, centre, (radius, radius)), MYOCARDIUM * muscle)
        aorta = 11 * (1 + 0.04 * contracted)
        image = _over(image, _ellipse(x, y, (28.0, 0.45 * self.chest[1]), (aorta, aorta)), BLOOD * blood)

        scale = np.float32((relaxed + self.wall) / outer)  # the texture is that of the same piece of muscle
        points = np.stack([(scale * dx).ravel(), (scale * dy).ravel(), np.full(x.size, 40 * height, np.float32)])
        inside = coverage(_ellipse(x, y, (cx, cy), (1.6 * outer, 1.6 * outer)), 8.0)
        rough = np.float32(VARIATION) * self.heart_texture(points).reshape(x.shape)
        moving: NDArray[np.float32] = (image * (1 + inside * rough)).astype(np.float32)
        return moving


def _over(image: Array, depth: Array, brightness: float) -> Array:
    """Paint a shape of a brightness over an image; edges are a pixel wide."""
    share = coverage(depth, PIXEL)
    return image + share * (np.float32(brightness) - image)


def _ellipse(x: Array, y: Array, centre: Point, semi_axes: Point, angle: float = 0.0) -> Array:
    """Compute the depth in mm below the border of an ellipse, positive inside, exact to first order at the border."""
    cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    dx, dy = x - np.float32(centre[0]), y - np.float32(centre[1])
    u, v = (cosine * dx + sine * dy) / np.float32(semi_axes[0]), (cosine * dy - sine * dx) / np.float32(semi_axes[1])
    radius = np.sqrt(u**2 + v**2)
    slope = np.sqrt((u / np.float32(semi_axes[0])) ** 2 + (v / np.float32(semi_axes[1])) ** 2)
    return radius * (1 - radius) / np.maximum(slope, np.float32(1e-6))
