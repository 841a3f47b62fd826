"""Builds methods and stages from their names, settings, weights and plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.contract import Reconstruction
from recon.data.errors import InputError, did_you_mean
from recon.experiments.commands.arguments.words import parse_words
from recon.postprocessing.stage import Stage
from recon.registry import base_name, create, create_stage, load_plugin, setting_names, stages_of

if TYPE_CHECKING:
    from recon.experiments.engine.tuning.settings import TunedSettings


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
    name: str, settings: Iterable[str] | None, checkpoint: str | None, plugins: Iterable[Path] | None = None
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


def parse_settings(settings: Iterable[str] | None, checkpoint: str | None = None) -> dict[str, Any]:
    """Convert settings given as `key=value`, and the checkpoint if there is one, to values by name.

    Raises
    ------
    InputError
        If a setting has another form.
    """
    values: dict[str, Any] = dict(_split(setting) for setting in settings or ())
    return values if checkpoint is None else values | {"checkpoint": checkpoint}


def build_stage(name: str, settings: Iterable[str], plugins: Iterable[Path] | None = None) -> Stage:
    """Create a post-processing stage with settings given as `key=value`, after loading the plugins.

    Raises
    ------
    InputError
        If a plugin cannot be loaded, or the stage or a setting is unknown.
    """
    load_plugins(plugins)
    return create_stage(name, parse_settings(settings))


def build_methods(
    names: str, settings: Iterable[str] | None, checkpoint: str | None, plugins: Iterable[Path] | None = None
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
    for setting in sorted(settings or (), key=lambda one: one.partition(".")[0] in by_method):
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


def parse_tuned(path: Path | None, methods: Iterable[str], explicit: Iterable[str]) -> TunedSettings | None:
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


def _stages(names: Iterable[str]) -> list[str]:
    """Return the stages of composed methods, each once."""
    return list(dict.fromkeys(stage for name in names for stage in stages_of(name)))


def _split(setting: str) -> tuple[str, str]:
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise InputError(f"setting {setting!r} is not of the form key=value")
    return key.strip(), value.strip()
