"""Read and write settings of methods by contrast and acceleration, which `recon tune` finds for other commands."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, PositiveFloat, ValidationError

from recon.contract import Reconstruction
from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path
from recon.data.storage.yaml_file import read_yaml
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.registry import base_name, create


class TunedEntry(BaseModel):
    """Settings that were found for one contrast at one acceleration.

    Attributes
    ----------
    contrast
        Contrast, as the files' headers name it.
    acceleration
        Requested acceleration.
    methods
        Settings by method.
    psnr
        Mean PSNR in dB over the slices for tuning, by method, with the settings `default` and `tuned`.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    contrast: str
    acceleration: PositiveFloat
    methods: dict[str, dict[str, Any]] = {}
    psnr: dict[str, dict[str, float]] = {}


class TunedSettings(BaseModel):
    """Settings for every contrast and acceleration, and the protocol under which they were found."""

    model_config = ConfigDict(extra="forbid")

    protocol: dict[str, Any] = {}
    settings: list[TunedEntry] = []

    def entry(self, contrast: str, acceleration: float) -> TunedEntry:
        """Return the entry of exactly this contrast and acceleration; add one if there is none."""
        for entry in self.settings:
            if (entry.contrast, entry.acceleration) == (contrast, acceleration):
                return entry
        self.settings.append(TunedEntry(contrast=contrast, acceleration=acceleration))
        return self.settings[-1]

    def keys(self, method: str) -> list[str]:
        """Return the names of the settings of a method that were tuned for any contrast; stages have none."""
        return sorted({key for entry in self.settings for key in entry.methods.get(base_name(method), {})})

    def summary(self) -> dict[str, Any]:
        """Return the settings by contrast and acceleration."""
        return {f"{entry.contrast} {entry.acceleration:g}x".strip(): entry.methods for entry in self.settings}

    def choose(self, method: str, contrast: str, acceleration: float) -> dict[str, Any]:
        """Return a method's settings for a contrast at the nearest acceleration; none if it was not tuned at all.

        Raises
        ------
        InputError
            If the method was tuned, but not for this contrast.
        """
        entries = [entry for entry in self.settings if method in entry.methods]
        fitting = [entry for entry in entries if entry.contrast == contrast]
        if entries and not fitting:
            contrasts = ", ".join(sorted({repr(entry.contrast) for entry in entries}))
            raise InputError(f"{method} was tuned for {contrasts}, not for the contrast {contrast!r}")
        nearest = min(fitting, key=lambda entry: abs(math.log(entry.acceleration / acceleration)), default=None)
        return {} if nearest is None else nearest.methods[method]

    def adapt(self, name: str, method: Reconstruction, scan: SampledVolume) -> Reconstruction:
        """Return a method with its settings for a scan; the stages of a composed method keep theirs.

        Raises
        ------
        InputError
            If the method was tuned, but not for the contrast of the scan.
        """
        try:
            chosen = self.choose(base_name(name), scan.volume.header.contrast, scan.acceleration)
        except InputError as error:
            raise InputError(f"{scan.volume.path}: {error}") from error
        return method.with_settings(chosen) if chosen else method  # a copy reads its weights again

    def write(self, path: Path) -> None:
        """Write the settings as YAML, whole or not at all."""
        with atomic_path(path) as temporary:
            text = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
            temporary.write_text(text, encoding="utf-8")


def read_tuned(path: Path) -> TunedSettings:
    """Read the file that `TunedSettings.write` wrote, and check the settings with the methods.

    Raises
    ------
    InputError
        If the file is damaged, a method or one of its settings is unknown, or a setting has a wrong value.
    """
    try:
        tuned = TunedSettings.model_validate(read_yaml(path) or {})
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise InputError(f"{path}: {place or 'the file'}: {problem['msg']}") from error
    for entry in tuned.settings:
        for name, settings in entry.methods.items():
            try:
                method = create(name, settings)
            except InputError as error:
                raise InputError(f"{path}: {error}") from error
            entry.methods[name] = {key: getattr(method, key) for key in settings}
    return tuned
