"""Builds from a stored protocol what made the result: the raw data under their sampling, the method, the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from recon.contract import Reconstruction, UncertaintyCalibration
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.data.storage.fingerprint import sha256
from recon.data.volume import Volume
from recon.experiments.comparability.stored import StoredFile
from recon.experiments.engine.device import pick_device
from recon.experiments.engine.results.store import StoredResult
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.tuning.best_weight import BestWeight
from recon.experiments.report.lead import ORACLE
from recon.models.checkpoints.locate import locate, shipped_weights
from recon.preprocessing.full_scan import with_target
from recon.preprocessing.steps import Steps
from recon.quality.noise_map import REPLICAS
from recon.registry import create, stages_of


@dataclass(frozen=True)
class Sources:
    """Where to look for what a stored result was made from.

    Attributes
    ----------
    data
        Files and folders of raw data; without any, they are where they were.
    checkpoints
        Weights of learned methods, beside those that ship.
    device
        Device on which to compute; "recorded" for that of each result.
    """

    data: tuple[Path, ...] = ()
    checkpoints: tuple[str, ...] = ()
    device: str = "recorded"


def raw_file(stored: StoredFile, sources: Sources) -> Path:
    """Find the raw-data file of a result by its name.

    Raises
    ------
    InputError
        If it is in none of the places.
    """
    name = stored.protocol["inputs"][0]["name"]
    if Path(name).name != name:
        raise InputError(f"{stored.path}: the protocol names a path, {name!r}, where it should name a file")
    if sources.data:
        places = [place / name if place.is_dir() else place for place in sources.data]
    else:
        places = [] if stored.source is None else [stored.source]
    for place in places:
        if place.name == name and place.is_file():
            return place
    where = ", ".join(map(str, sources.data)) or (places[0].parent if places else "any recorded place")
    raise InputError(f"{stored.path}: its raw data, {name}, are not in {where}; name their folder with --data")


def open_raw(stored: StoredFile, path: Path) -> Volume:
    """Open the raw data of a result, with the preprocessing of its protocol.

    Raises
    ------
    InputError
        If the raw data cannot be read, or a step is unknown.
    """
    words = stored.protocol.get("preprocessing", [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InputError(f"{stored.path}: its protocol is damaged: the preprocessing is no list of steps")
    return with_target(open_volume(path), Steps(tuple(words)))


def rebuild(stored: StoredFile, volume: Volume, sources: Sources) -> StoredResult:
    """Build the scan and the runner of a stored result.

    Raises
    ------
    InputError
        If the protocol is damaged, or the method or its weights are not there.
    """
    protocol = stored.protocol
    try:
        method = _method(protocol["method"], protocol["settings"], sources.checkpoints)
        maps = {name: protocol[name]["replicas"] for name in ("noise_map", "g_factor") if name in protocol}
        runner = Runner(
            name=protocol["method"],
            method=method,
            device=_device(protocol["device"], sources.device),
            uncertainty=_uncertainty(protocol.get("uncertainty")),
            noise="noise_map" in protocol,
            g_factor="g_factor" in protocol,
            floor=protocol["noise floor"] != "none",
            coverage=protocol.get("coverage"),
            replicas=next(iter(maps.values()), REPLICAS),
        )
        return StoredResult(SampledVolume(volume, _sampling(protocol["sampling"])), runner, stored.path)
    except InputError as error:
        raise InputError(f"{stored.path}: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{stored.path}: its protocol is damaged: {error}") from error


def _device(recorded: str, wanted: str) -> torch.device:
    if wanted != "recorded":
        return pick_device(wanted)
    return pick_device("auto") if recorded == "cuda" else torch.device("cpu")


def _sampling(values: Mapping[str, Any] | None) -> Sampling | None:
    if values is None:
        return None
    steps = values["steps"]
    return Sampling(
        kind=MaskKind(values["kind"]),
        acceleration=float(values["acceleration"]),
        center_fraction=float(values["center_fraction"]),
        seed=int(values["seed"]),
        within=(float(values["within"][0]), float(values["within"][1])),
        steps=None if steps is None else (int(steps[0]), int(steps[1]), int(steps[2])),
    )


def _uncertainty(values: Mapping[str, Any] | None) -> UncertaintyCalibration | None:
    if values is None:
        return None
    intervals = tuple((float(stated), float(factor)) for stated, factor in values["intervals"])
    return UncertaintyCalibration(**{**values, "intervals": intervals})


def _method(name: str, settings: Mapping[str, Any], checkpoints: Sequence[str]) -> Reconstruction:
    if name.endswith(ORACLE):
        return BestWeight(_method(name.removesuffix(ORACLE), settings["method"], checkpoints), settings["floor"])
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if key in stages_of(name):
            flat |= {f"{key}.{own}": given for own, given in _with_weights(value, checkpoints).items()}
        else:
            flat[key] = value
    return create(name, _with_weights(flat, checkpoints))


def _with_weights(settings: Mapping[str, Any], checkpoints: Sequence[str]) -> dict[str, Any]:
    """Replace the name and the hash of weights by the path of the file that has this hash."""
    if "sha256" not in settings:
        return dict(settings)
    plain = {key: value for key, value in settings.items() if key != "sha256"}
    return plain | {"checkpoint": _weights(plain["checkpoint"], settings["sha256"], tuple(checkpoints))}


@cache
def _weights(name: str, wanted: str, checkpoints: tuple[str, ...]) -> Path:
    """Find weights by their hash: among those given, then among those that ship, the ones of the same name first."""
    shipped = sorted(shipped_weights().values(), key=lambda path: path.name != name)
    for path in (*map(locate, checkpoints), *shipped):
        if sha256(path) == wanted:
            return path
    raise InputError(
        f"the weights {name} with SHA-256 {wanted[:12]}... are not there; name the file with --checkpoint"
    )
