"""Converts the options that describe how to undersample: masks, accelerations, centre fractions and seeds."""

from __future__ import annotations

import math

from recon.data.errors import InputError, did_you_mean
from recon.data.masks.kind import CENTERS, STEPPED, MaskKind, Steps
from recon.data.masks.planes import natural_shift
from recon.data.masks.sampling import WHOLE, Sampling, check_sampling, default_center_fraction
from recon.experiments.commands.arguments.words import parse_counts, parse_words


def parse_samplings(text: str) -> tuple[Sampling, ...]:
    """Convert a comma-separated list of `mask:acceleration`, each with its default centre fraction and seed 0.

    Raises
    ------
    InputError
        If an entry is not a valid sampling.
    """
    words = [word.rpartition(":") for word in map(str.strip, text.split(",")) if word]
    return tuple(parse_sampling(mask, _number(acceleration), None, 0) for mask, _, acceleration in words)


def parse_mask(text: str) -> MaskKind:
    """Convert the name of a kind of mask.

    Raises
    ------
    InputError
        If the kind is unknown.
    """
    try:
        return MaskKind(text)
    except ValueError as error:
        raise InputError(f"unknown mask {text!r}{did_you_mean(text, map(str, MaskKind))}") from error


def parse_sampling(mask: str, acceleration: float, center_fraction: float | None, seed: int) -> Sampling:
    """Convert the options that describe how to undersample.

    Parameters
    ----------
    mask
        Kind of the mask, and the centre of k-space that it is limited to if there is one: `random@2x2` measures
        random lines of the central half of readout and phase. A lattice may name its steps along readout and phase
        and its shift, `caipi:2x3:1` or `regular:2x3`, whose product is the acceleration.
    acceleration, center_fraction, seed
        Parameters of the mask; the centre fraction of a mask that measures only the centre follows from its size.

    Raises
    ------
    InputError
        If they do not describe a valid sampling.
    """
    spelled, limited, factors = mask.partition("@")
    name, stepped, lattice = spelled.partition(":")
    kind, within = parse_mask(name), _factors(mask, factors) if limited else WHOLE
    steps = _steps(mask, kind, lattice) if stepped else None
    if steps is not None:
        acceleration = steps[0] * steps[1]
    if kind in CENTERS:
        if limited:
            raise InputError(f"mask {mask!r}: the acceleration alone decides the size of the centre; drop @{factors}")
        center_fraction = None
    check_sampling(kind, acceleration, center_fraction or 0)
    fraction = default_center_fraction(acceleration, kind) if center_fraction is None else center_fraction
    check_sampling(kind, acceleration, fraction)
    if not 0 <= seed < 2**32:
        raise InputError(f"seed {seed} is not between 0 and 2^32")
    return Sampling(kind, acceleration, fraction, seed, within, steps)


def parse_accelerations(text: str, mask: MaskKind, center_fraction: float | None, seed: int) -> tuple[float, ...]:
    """Convert a comma-separated list of accelerations, and check that there are masks for them.

    Raises
    ------
    InputError
        If an acceleration is not a number of 1 or more, or there is no such mask.
    """
    return tuple(sampling.acceleration for sampling in parse_protocol(mask, text, center_fraction, str(seed)))


def parse_protocol(masks: str, accelerations: str, center_fraction: float | None, seeds: str) -> tuple[Sampling, ...]:
    """Convert comma-separated lists, and return the samplings of all combinations.

    Raises
    ------
    InputError
        If a list is empty, an acceleration is not a number of 1 or more, or there is no such mask.
    """
    numbers = [_number(word) for word in parse_words(accelerations)]
    if not numbers:
        raise InputError("no acceleration was given")
    kinds = parse_words(masks)
    if not kinds:
        raise InputError("no mask was given")
    samplings = (
        parse_sampling(kind, acceleration, center_fraction, seed)
        for kind in kinds
        for acceleration in dict.fromkeys(numbers)
        for seed in parse_counts(seeds)
    )
    return tuple(dict.fromkeys(samplings))


def _factors(mask: str, text: str) -> tuple[float, float]:
    """Convert the factors of `random@2x1.5`, by which readout and phase are shortened."""
    try:
        readout, phase = map(float, text.split("x"))
    except ValueError:
        readout = phase = 0.0
    if not (1 <= readout < math.inf and 1 <= phase < math.inf):
        raise InputError(
            f"mask {mask!r} is not of the form KIND@RxP with factors of 1 or more, for example random@2x2"
        )
    return readout, phase


def _steps(mask: str, kind: MaskKind, text: str) -> Steps:
    """Convert the steps and the shift of `caipi:2x3:1`; without the shift, it is the one of the kind."""
    if kind not in STEPPED:
        raise InputError(f"mask {mask!r}: only {' and '.join(STEPPED)} have steps along both axes; drop :{text}")
    sizes, shifted, shift = text.partition(":")
    words = [*sizes.split("x"), *([shift] if shifted else [])]
    numbers = [int(word) if word.isdecimal() and len(word) < 5 else 0 for word in words]
    if len(sizes.split("x")) != 2 or not all(numbers[:2]) or (shifted and not shift.isdecimal()):
        raise InputError(
            f"mask {mask!r} is not of the form {kind}:RxP:SHIFT with whole numbers, for example caipi:2x3:1"
        )
    down, across, *rest = numbers
    steps = down, across, rest[0] if rest else natural_shift(kind, across)
    if steps[2] >= across or (kind == MaskKind.REGULAR and steps[2]):
        reason = "regular has none" if kind == MaskKind.REGULAR else f"it must be less than the step {across}"
        raise InputError(f"mask {mask!r}: a shift of {steps[2]} is impossible; {reason}")
    return steps


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(f"acceleration {text!r} is not a number") from error
    if not math.isfinite(value):
        raise InputError(f"acceleration {text!r} is not a number")
    return value
