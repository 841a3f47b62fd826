"""Convert the text of command-line options to values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.contract import Reconstruction
from recon.data.errors import InputError, did_you_mean
from recon.data.masks.kind import CENTERS, STEPPED, MaskKind, Steps
from recon.data.masks.planes import natural_shift
from recon.data.masks.sampling import WHOLE, Sampling, check_sampling, default_center_fraction
from recon.experiments.commands.arguments.options import Bounds
from recon.postprocessing.stage import Stage
from recon.registry import base_name, create, create_stage, load_plugin, setting_names, stages_of

if TYPE_CHECKING:
    from recon.experiments.engine.tuning.settings import TunedSettings

DEFAULT_COVERAGE = 0.9
"""Share of the pixels that conformal intervals cover by default."""


def parse_size(text: str) -> tuple[int, int]:
    """Convert text of the form `HxW`.

    Raises
    ------
    InputError
        If the text has another form.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise InputError(f"size {text!r} is not of the form HxW, for example 256x256")
    return int(parts[0]), int(parts[1])


def parse_shapes(text: str) -> list[tuple[int, int, int]]:
    """Convert a comma-separated list of `CxHxW`: coils, readout, phase.

    Raises
    ------
    InputError
        If an entry has another form.
    """
    shapes = []
    for word in filter(None, map(str.strip, text.split(","))):
        coils, _, size = word.partition("x")
        if not coils.isdigit() or int(coils) == 0:
            raise InputError(f"shape {word!r} is not of the form CxHxW, for example 16x320x320")
        shapes.append((int(coils), *parse_size(size)))
    return shapes


def parse_words(text: str) -> list[str]:
    """Split text at commas, and keep each word once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def parse_counts(text: str) -> tuple[int, ...]:
    """Convert a comma-separated list of whole numbers that are not negative.

    Raises
    ------
    InputError
        If an entry is not a positive number, or the list is empty.
    """
    words = parse_words(text)
    for word in words:
        if not word.isdigit():
            raise InputError(f"{word!r} is not a whole number")
    if not words:
        raise InputError("no number was given")
    return tuple(map(int, words))


def parse_shares(text: str) -> tuple[float, ...]:
    """Convert a comma-separated list of positive numbers.

    Raises
    ------
    InputError
        If an entry is something else, or the list is empty.
    """
    shares = []
    for word in parse_words(text):
        try:
            shares.append(float(word))
        except ValueError as error:
            raise InputError(f"{word!r} is not a number") from error
        if not 0 < shares[-1] < math.inf:
            raise InputError(f"{word} is not a positive number")
    if not shares:
        raise InputError("no number was given")
    return tuple(shares)


def parse_samplings(text: str) -> tuple[Sampling, ...]:
    """Convert a comma-separated list of `mask:acceleration`, each with its default centre fraction and seed 0.

    Raises
    ------
    InputError
        If an entry is not a valid sampling.
    """
    words = [word.rpartition(":") for word in map(str.strip, text.split(",")) if word]
    return tuple(parse_sampling(mask, _number(acceleration), None, 0) for mask, _, acceleration in words)


def parse_coverage(bounds: Bounds | None, coverage: float | None) -> float | None:
    """Return the share of the pixels that intervals should cover; None for standard deviations.

    Raises
    ------
    InputError
        If a coverage is given without conformal bounds, or does not lie between 0 and 1.
    """
    if bounds != Bounds.CONFORMAL:
        if coverage is not None:
            raise InputError("--coverage belongs to --uncertainty conformal")
        return None
    share = DEFAULT_COVERAGE if coverage is None else coverage
    if not 0 < share < 1:
        raise InputError(f"--coverage {share:g} is not between 0 and 1")
    return share


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


def load_plugins(plugins: Iterable[Path] | None) -> None:
    """Load files that register methods or stages; None for none.

    Raises
    ------
    InputError
        If a file cannot be loaded.
    """
    for plugin in plugins or ():
        load_plugin(plugin)


def build_method(
    name: str, settings: list[str], checkpoint: str | None, plugins: Iterable[Path] | None = None
) -> Reconstruction:
    """Create a method with settings given as `key=value`, after loading the plugins that may define it.

    Raises
    ------
    InputError
        If a plugin cannot be loaded, methods are several, or the method, a setting or the checkpoint is unknown.
    """
    load_plugins(plugins)
    if "," in name:
        raise InputError(f"{name!r} are several methods, and this command takes one; recon compare takes several")
    return create(name, parse_settings(settings, checkpoint))


def parse_settings(settings: Iterable[str], checkpoint: str | None = None) -> dict[str, Any]:
    """Convert settings given as `key=value`, and the checkpoint if there is one, to values by name.

    Raises
    ------
    InputError
        If a setting has another form.
    """
    values: dict[str, Any] = dict(_split(setting) for setting in settings)
    return values if checkpoint is None else values | {"checkpoint": checkpoint}


def build_stage(name: str, settings: list[str], plugins: Iterable[Path] | None = None) -> Stage:
    """Create a post-processing stage with settings given as `key=value`, after loading the plugins.

    Raises
    ------
    InputError
        If a plugin cannot be loaded, or the stage or a setting is unknown.
    """
    load_plugins(plugins)
    return create_stage(name, dict(_split(setting) for setting in settings))


def build_methods(
    names: str, settings: list[str], checkpoint: str | None, plugins: Iterable[Path] | None = None
) -> dict[str, Reconstruction]:
    """Create several methods with settings given as `method.key=value`, after loading the plugins.

    With a single method, its name may be left out: `key=value`. A setting that begins with a stage, as
    `gain.strength=0.7`, applies to every method with this stage; one that begins with a method, as
    `sense+gain.gain.strength=0.7`, to that method alone.

    Raises
    ------
    InputError
        If a plugin cannot be loaded, or a method or a setting is unknown.
    """
    load_plugins(plugins)
    chosen = parse_words(names)
    if not chosen:
        raise InputError("no method was given")
    by_method: dict[str, list[str]] = {name: [] for name in chosen}
    by_stage = {stage: [name for name in chosen if stage in stages_of(name)] for stage in _stages(chosen)}
    # Settings of stages come first: the last value counts, and that of a single method should win.
    for setting in sorted(settings, key=lambda one: one.partition(".")[0] in by_method):
        name, dot, rest = setting.partition(".")
        if dot and name in by_method:
            by_method[name].append(rest)
        elif dot and name in by_stage:
            for composed in by_stage[name]:
                by_method[composed].append(setting)
        elif len(chosen) == 1:
            by_method[chosen[0]].append(setting)
        else:
            known = ", ".join([*chosen, *by_stage])
            raise InputError(f"setting {setting!r} does not begin with one of {known} and a dot")
    return {
        name: build_method(name, by_method[name], checkpoint if "checkpoint" in setting_names(name) else None)
        for name in chosen
    }


def parse_oracle(names: str, methods: Mapping[str, Reconstruction]) -> tuple[str, ...]:
    """Convert a comma-separated list of the methods that also run with the best weight for each slice.

    Raises
    ------
    InputError
        If a name is not among the methods, or the method has no weight.
    """
    chosen = tuple(parse_words(names))
    for name in chosen:
        if name not in methods:
            raise InputError(f"--oracle {name}: is not among the methods{did_you_mean(name, methods)}")
        if stages_of(name):
            raise InputError(f"--oracle {name}: only methods without stages are tuned; give {base_name(name)}")
        if not hasattr(methods[name], "lamda"):
            raise InputError(f"--oracle {name}: has no setting lamda, so there is nothing to tune")
    return chosen


def parse_tuned(path: Path | None, methods: Iterable[str], explicit: list[str]) -> TunedSettings | None:
    """Read a file of `recon tune` for some methods, beside explicit settings given as `method.key=value`.

    Raises
    ------
    InputError
        If the file holds nothing for these methods, or a setting is given twice.
    """
    if path is None:
        return None
    from recon.experiments.engine.tuning.settings import read_tuned

    tuned = read_tuned(path)
    names = list(methods)
    if not any(tuned.keys(name) for name in names):
        raise InputError(f"{path}: holds no settings for {', '.join(names)}")
    twice = [f"{name}.{key}" for name in names for key in tuned.keys(name)]
    if len(names) == 1:  # which need not be named
        twice += tuned.keys(names[0])
    for key in (setting.partition("=")[0].strip() for setting in explicit):
        if key in twice:
            raise InputError(f"{key} is given twice, by --set and in {path}; drop one of them")
    return tuned


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


def _stages(names: Iterable[str]) -> list[str]:
    """Return the stages of composed methods, each once."""
    return list(dict.fromkeys(stage for name in names for stage in stages_of(name)))


def _split(setting: str) -> tuple[str, str]:
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise InputError(f"setting {setting!r} is not of the form key=value")
    return key.strip(), value.strip()


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(f"acceleration {text!r} is not a number") from error
    if not math.isfinite(value):
        raise InputError(f"acceleration {text!r} is not a number")
    return value
