"""Complete the names that options and arguments take: the shell asks for them whenever Tab is pressed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from recon.data.errors import InputError
from recon.data.versions import own_version

Complete = Callable[[str], list[str]]
"""Function that returns the words which a beginning may become."""

JOINT = "+"
"""Sign between a method and the stages after it."""


def names_from(names: Callable[[], Iterable[str]]) -> Complete:
    """Return the function that completes one of the names."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def lists_of(one: Complete) -> Complete:
    """Return the function that completes the last name of a comma-separated list; a name is offered once."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        given = before.split(",")
        return [f"{before}{comma}{name}" for name in one(last) if name not in given]

    return complete


def complete_method(incomplete: str) -> list[str]:
    """Complete the name of a method, or of a stage after it, as `sense+gain`."""
    methods, stages = _methods_and_stages()
    named = [name for name in methods if name.startswith(incomplete)]
    first, joint, begun = incomplete.rpartition(JOINT)
    if not any(first == method or first.startswith(f"{method}{JOINT}") for method in methods):
        return named
    given = first.split(JOINT)
    return named + [f"{first}{joint}{stage}" for stage in stages if stage.startswith(begun) and stage not in given]


def complete_method_or_stage(incomplete: str) -> list[str]:
    """Complete what `recon methods` explains."""
    return complete_method(incomplete) + complete_stage(incomplete)


def _configs(folder: str = "") -> list[str]:
    shipped = Path(str(files("recon.experiments.configs"))) / folder
    return sorted(path.stem for path in shipped.glob("*.yaml"))


def _masks() -> list[str]:
    from recon.data.masks.kind import MaskKind

    return list(MaskKind)


def _weights() -> list[str]:
    from recon.models.checkpoints.locate import shipped_weights

    return list(shipped_weights())


def _scans() -> list[str]:
    from recon.data.sources.table import SOURCES

    return [*SOURCES, "all"]


complete_methods = lists_of(complete_method)
complete_stage = names_from(lambda: _methods_and_stages()[1])
complete_config = names_from(_configs)
complete_study = names_from(lambda: _configs("studies"))
complete_mask = names_from(_masks)
complete_masks = lists_of(complete_mask)
complete_weights = names_from(_weights)
complete_scan = names_from(_scans)


def _methods_and_stages() -> tuple[list[str], list[str]]:
    """Return the names of methods and stages, from the file where the last completion left them if it is up to date.

    Asking the registry loads torch, which takes longer than anyone waits for Tab.
    """
    state = _state()
    with suppress(OSError, RuntimeError, ValueError, KeyError, TypeError):  # no home, no file, or a damaged one
        kept = json.loads(_kept_names().read_text("utf-8"))
        if kept["state"] == state:
            return kept["methods"], kept["stages"]
    from recon.data.storage.atomic import atomic_path
    from recon.registry import method_names, stage_names

    methods, stages = sorted(method_names()), sorted(stage_names())
    with suppress(OSError, RuntimeError, InputError), atomic_path(_kept_names()) as temporary:
        temporary.write_text(json.dumps({"state": state, "methods": methods, "stages": stages}), "utf-8")
    return methods, stages


def _kept_names() -> Path:
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "unrolled-recon" / "names.json"


def _state() -> str:
    """Return a text that changes with the files that register methods and with the plugins that are installed."""
    from importlib.metadata import entry_points

    package = Path(str(files("recon")))
    newest = max(
        Path(folder, name).stat().st_mtime_ns
        for part in ("classical", "postprocessing", "models")
        for folder, _, names in os.walk(package / part, followlinks=True)
        for name in names
        if name.endswith(".py")
    )
    plugins = [
        f"{entry.name}={entry.value}"
        for group in ("recon.methods", "recon.stages")
        for entry in entry_points(group=group)
    ]
    return f"{own_version()} {package} {newest} {sorted(plugins)}"
