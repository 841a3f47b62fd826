"""Finds methods and post-processing stages by name: ours, sigpy's and those of plugins alike."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from recon.catalogue import JOINT, Catalogue
from recon.contract import Reconstruction
from recon.data.errors import InputError, did_you_mean
from recon.postprocessing.stage import Stage

M = TypeVar("M", bound=type[Reconstruction])
S = TypeVar("S", bound=type[Stage])

_methods: Catalogue[Reconstruction] = Catalogue(
    kind="method",
    base=Reconstruction,
    providers=("recon.classical", "recon.models.learned"),
    plugins="recon.methods",
    whole=("l+s",),
)
_stages: Catalogue[Stage] = Catalogue(
    kind="stage",
    base=Stage,
    providers=("recon.postprocessing.gain", "recon.models.stages.denoising", "recon.models.stages.enlarging"),
    plugins="recon.stages",
)

COMPOSER = "recon.postprocessing.composed"
"""Module that composes a method and stages; imported by name, like the providers, because it imports this one."""


def register(name: str) -> Callable[[M], M]:
    """Register a method under `name`, by which every command and `recon.method` find it.

    Raises
    ------
    InputError
        If the class is not derived from `Reconstruction`, or the name belongs to another method or holds a `+`.
    """
    return _methods.register(name)


def register_stage(name: str) -> Callable[[S], S]:
    """Register a post-processing stage under `name`, by which it is composed with any method: `sense+name`.

    Raises
    ------
    InputError
        If the class is not derived from `Stage`, or the name belongs to another stage or holds a `+`.
    """

    def remember(cls: S) -> S:
        _stages.register(name)(cls)
        cls.name = name
        return cls

    return remember


def method_names() -> list[str]:
    """Return the names of all methods, each without stages."""
    return _methods.names()


def stage_names() -> list[str]:
    """Return the names of all post-processing stages."""
    return _stages.names()


def base_name(name: str) -> str:
    """Return the name of the method alone: `sense` of `sense+gain`."""
    return _methods.divide(name)[0]


def stages_of(name: str) -> list[str]:
    """Return the names of the stages in a name, in their order: none of `sense`, `gain` of `sense+gain`.

    Raises
    ------
    InputError
        If a stage is unknown, or is named twice.
    """
    _, stages = _methods.divide(name)
    for place, stage in enumerate(stages):
        if stage not in _stages.registered and stage not in stage_names():
            raise InputError(f"unknown stage {stage!r} in {name!r}{did_you_mean(stage, stage_names())}")
        if stage in stages[:place]:
            raise InputError(f"the stage {stage!r} is named twice in {name!r}")
    return stages


def setting_names(name: str) -> list[str]:
    """Return the names of a method's settings; those of a stage behind it begin with the stage, as `gain.strength`.

    Raises
    ------
    InputError
        If no method is called `name`.
    """
    own = _methods.setting_names(_known(base_name(name)))
    return own + [f"{stage}.{key}" for stage in stages_of(name) for key in _stages.setting_names(stage)]


def create(name: str, settings: Mapping[str, Any] | None = None) -> Reconstruction:
    """Build the method called `name`, with the post-processing stages that the name adds to it.

    Parameters
    ----------
    name
        The registered name, for example `cs-wavelet`, or that of a method and stages, for example `sense+gain`.
    settings
        Values for the fields of its dataclass, and of the stages', as `gain.strength`; text is converted to the
        field's type.

    Raises
    ------
    InputError
        If the name or a setting is unknown (the message suggests the nearest one), a value does not fit, or the
        method does not keep the phase that stages need.
    """
    stages, known, given = stages_of(name), setting_names(name), dict(settings or {})
    for key in given:
        if key not in known:
            raise InputError(f"method {name} has no setting {key!r}{did_you_mean(key, known)}")
    own = {key: value for key, value in given.items() if key.partition(".")[0] not in stages}
    method = _methods.create(base_name(name), own)
    if not stages:
        return method
    built = [_stages.create(stage, _settings_of(stage, given)) for stage in stages]
    composed: Reconstruction = import_module(COMPOSER).compose(name, method, built)
    return composed


def create_stage(name: str, settings: Mapping[str, Any] | None = None) -> Stage:
    """Build the post-processing stage called `name`; for the parameters and errors see `create`."""
    return _stages.create(name, dict(settings or {}))


def load_plugin(path: str | Path) -> None:
    """Import a Python file that registers methods or stages, by `@register("name")`; a file is imported only once.

    Parameters
    ----------
    path
        The file. Its code runs as a module of its own; its folder is not added to the import path.

    Raises
    ------
    InputError
        If the file does not exist, cannot be imported, or registers nothing.
    """
    file = Path(path).resolve()
    name = f"recon_plugin_{hashlib.sha256(str(file).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return
    spec = spec_from_file_location(name, file) if file.is_file() else None
    if spec is None:
        raise InputError(f"{path}: the plugin is not a Python file, whose name ends in .py")
    catalogues: tuple[Catalogue[Any], ...] = (_methods, _stages)
    for catalogue in catalogues:  # first, so that a plugin cannot take one of our names
        catalogue.load()
    before = [dict(catalogue.registered) for catalogue in catalogues]
    sys.modules[name] = module = module_from_spec(spec)
    try:
        _execute(spec, module)
        if before == [catalogue.registered for catalogue in catalogues]:
            raise InputError('it registers no method; decorate a class with @register("name")')  # noqa: TRY301
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        for catalogue, registered in zip(catalogues, before, strict=True):
            catalogue.registered.clear()
            catalogue.registered.update(registered)
        raise InputError(f"{path}{_line(error, file)}: the plugin cannot be loaded: {_reason(error)}") from error


def _known(name: str) -> str:
    """Return a method's name; refuse that of a stage, which cannot stand alone."""
    if name in _stages.registered and name not in method_names():
        raise InputError(f"{name!r} is a stage, which follows a method, for example sense{JOINT}{name}")
    return name


def _settings_of(stage: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that begin with a stage and a dot, without them."""
    return {key.removeprefix(f"{stage}."): value for key, value in settings.items() if key.startswith(f"{stage}.")}


def _execute(spec: ModuleSpec, module: ModuleType) -> None:
    if spec.loader is not None:
        spec.loader.exec_module(module)


def _line(error: BaseException, file: Path) -> str:
    """Name the last line of a file that had a part in an error, as the tail of the file's name."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    if isinstance(error, SyntaxError) and error.filename == str(file):
        lines.append(error.lineno)
    return f", line {lines[-1]}" if lines else ""


def _reason(error: BaseException) -> str:
    if isinstance(error, InputError):
        return str(error)
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
