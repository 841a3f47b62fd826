"""Signal of each tissue of the phantom in a spin-echo sequence, from its relaxation times."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recon.data.errors import InputError, did_you_mean

FIELD_STRENGTHS = (1.5, 3.0)


@dataclass(frozen=True)
class Tissue:
    """Properties of a tissue that determine its signal.

    Attributes
    ----------
    proton_density
        Proton density relative to CSF; for flowing blood, what the flow void leaves of it.
    t1, t2
        Relaxation times at 3 T in ms.
    texture
        Standard deviation of the signal within the tissue, relative to the mean.
    uptake
        Uptake of contrast agent relative to blood.
    fatty
        Whether fat suppression affects the tissue.
    """

    proton_density: float
    t1: float
    t2: float
    texture: float = 0.03
    uptake: float = 0.0
    fatty: bool = False


TISSUES = {
    "skin": Tissue(0.65, 900, 40, texture=0.10, uptake=0.2),
    "fat": Tissue(0.64, 370, 110, texture=0.10, fatty=True),
    "muscle": Tissue(0.75, 1400, 36, texture=0.14, uptake=0.1),
    "bone": Tissue(0.08, 400, 15, texture=0.30),
    "marrow": Tissue(0.55, 500, 70, texture=0.25, fatty=True),
    "air": Tissue(0.01, 1000, 20, texture=0.0),
    "mucosa": Tissue(0.85, 1300, 90, texture=0.10, uptake=0.8),
    "dura": Tissue(0.45, 900, 25, texture=0.10, uptake=0.6),
    "csf": Tissue(1.0, 4200, 900, texture=0.02),
    "grey matter": Tissue(0.81, 1450, 95, texture=0.05),
    "white matter": Tissue(0.70, 820, 72, texture=0.04),
    "thalamus": Tissue(0.77, 1120, 82, texture=0.04),
    "striatum": Tissue(0.80, 1250, 84, texture=0.03),
    "pallidum": Tissue(0.72, 980, 55, texture=0.04),
    "brainstem": Tissue(0.73, 960, 78, texture=0.04),
    "artery": Tissue(0.08, 1900, 150, texture=0.20),
    "vein": Tissue(0.20, 1900, 90, texture=0.10, uptake=1.0),
    "choroid": Tissue(0.85, 1500, 130, texture=0.20, uptake=1.0),
    "vitreous": Tissue(1.0, 4200, 700, texture=0.01),
    "lens": Tissue(0.60, 1000, 25, texture=0.02),
    "gliosis": Tissue(0.84, 1450, 170, texture=0.06),
    "oedema": Tissue(0.86, 1550, 165, texture=0.05),
    "tumour": Tissue(0.85, 1550, 120, texture=0.10, uptake=0.9),
    "necrosis": Tissue(0.93, 2600, 400, texture=0.06),
}

T1_AT_LOW_FIELD = 0.75
"""Approximate T1 at 1.5 T relative to 3 T, for all tissues but free water."""

AGENT_RATE = 4.0
"""Relaxation rate that the contrast agent adds in blood, per second."""


@dataclass(frozen=True)
class SpinEchoProtocol:
    """A spin-echo sequence, with or without an inversion before it.

    Attributes
    ----------
    contrast
        Name of the contrast in fastMRI.
    field_strength
        Field strength in tesla.
    repetition_time, echo_time
        Repetition and echo time in ms.
    inverted
        Whether an inversion nulls the CSF (FLAIR).
    agent
        Whether a contrast agent was given.
    fat_left
        Fraction of the signal of fat that remains under fat suppression; 1 without suppression.
    """

    contrast: str
    field_strength: float
    repetition_time: float
    echo_time: float
    inverted: bool = False
    agent: bool = False
    fat_left: float = 1.0


ROUTINE = (
    SpinEchoProtocol("AXT1", 3.0, repetition_time=550, echo_time=10),
    SpinEchoProtocol("AXT1POST", 3.0, repetition_time=550, echo_time=10, agent=True),
    SpinEchoProtocol("AXT2", 3.0, repetition_time=5000, echo_time=100),
    SpinEchoProtocol("AXFLAIR", 3.0, repetition_time=9000, echo_time=115, inverted=True),
    SpinEchoProtocol("AXPD", 3.0, repetition_time=3000, echo_time=18),
)
"""Available contrasts, each with its usual timing."""


def draw_protocol(rng: np.random.Generator, contrast: str | None = None) -> SpinEchoProtocol:
    """Draw a contrast, a field strength, a timing near the usual one, and whether fat is suppressed.

    Parameters
    ----------
    rng
        Source of all random choices.
    contrast
        Name of the contrast, if it is not to be drawn.

    Raises
    ------
    InputError
        If there is no such contrast.
    """
    routine = ROUTINE[rng.integers(len(ROUTINE))]
    if contrast is not None:
        by_name = {protocol.contrast: protocol for protocol in ROUTINE}
        if contrast not in by_name:
            raise InputError(f"unknown contrast {contrast!r}{did_you_mean(contrast, by_name)}")
        routine = by_name[contrast]
    suppressed = rng.random() < (0.7 if routine.inverted else 0.25)
    return replace(
        routine,
        field_strength=float(rng.choice(FIELD_STRENGTHS)),
        repetition_time=routine.repetition_time * rng.uniform(0.85, 1.15),
        echo_time=routine.echo_time * rng.uniform(0.85, 1.15),
        fat_left=rng.uniform(0.05, 0.25) if suppressed else 1.0,
    )


def tissue_signals(protocol: SpinEchoProtocol, rng: np.random.Generator) -> dict[str, float]:
    """Compute the signal of each tissue, with relaxation times and densities varied by a few per cent.

    The magnetisation is excited by 90 degrees every TR and refocused at TE, with or without an inversion TI before
    each excitation (Bernstein, King and Zhou, Handbook of MRI Pulse Sequences, 2004, sections 14.2 and 14.3):

        S = PD |1 - 2 exp(-TI/T1) + exp(-TR/T1)| exp(-TE/T2)     inverted
        S = PD (1 - exp(-TR/T1)) exp(-TE/T2)                     not inverted
    """
    slower = T1_AT_LOW_FIELD if protocol.field_strength < 2 else 1.0
    null_time = nulling_inversion_time(TISSUES["csf"].t1, protocol.repetition_time)
    signals = {}
    for name, tissue in TISSUES.items():
        varied = rng.normal(1, 0.03, 3)
        t1 = tissue.t1 * varied[0] * (slower if tissue.t1 < 4000 else 1.0)
        if protocol.agent:
            t1 = 1 / (1 / t1 + tissue.uptake * AGENT_RATE / 1000)
        recovery = 1 - np.exp(-protocol.repetition_time / t1)
        if protocol.inverted:
            recovery = abs(1 - 2 * np.exp(-null_time / t1) + np.exp(-protocol.repetition_time / t1))
        decay = np.exp(-protocol.echo_time / (tissue.t2 * varied[1]))
        kept = protocol.fat_left if tissue.fatty else 1.0
        signals[name] = float(tissue.proton_density * varied[2] * recovery * decay * kept)
    return signals


def nulling_inversion_time(t1: float, repetition_time: float) -> float:
    """Solve `1 - 2 exp(-TI/T1) + exp(-TR/T1) = 0` for TI, in ms."""
    return t1 * float(np.log(2 / (1 + np.exp(-repetition_time / t1))))
