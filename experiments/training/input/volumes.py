"""Opens the volumes that the `data` section of a config names for training or validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from recon.data.errors import InputError
from recon.data.open import Volume
from recon.data.training.index import Index, index_files
from recon.data.training.preprocessed import preprocessed
from recon.data.training.selection import sample_slices, sample_volumes
from recon.experiments.console import errors, progress
from recon.experiments.training.config.data_config import DataConfig, as_tuple
from recon.preprocessing.steps import NO_STEPS

Split = Literal["train", "val"]

MOST_NAMED = 20
"""Largest number of unusable files to name; the others are only counted."""


def open_volumes(config: DataConfig, split: Split, supervised: bool = True) -> list[Volume]:
    """Open the volumes of training or validation: index, filter, sample and preprocess them.

    Unusable files are reported and left out.

    Parameters
    ----------
    config
        Files to open and what to do with them.
    split
        Whether to open the files for training or those for validation.
    supervised
        Whether volumes must be fully sampled and have a target.

    Raises
    ------
    InputError
        If no volume is left, or with `config.strict` if any file is unusable.
    """
    inputs = as_tuple(config.train if split == "train" else config.val)
    index = index_with_progress(inputs, config.strict)
    unsuitable = dict(_unsuitable(index)) if supervised else {}
    if config.strict and unsuitable:
        raise InputError(next(iter(unsuitable.values())))
    _report([*index.problems, *unsuitable.values()], files=len(index.entries) + len(index.problems))
    usable: list[Volume] = [volume for volume in index.volumes if volume.path not in unsuitable]
    volumes = _part(config, split, config.filter.filter(usable))
    if not volumes:
        raise InputError(f"data.{split}: none of the slices in {_listed(inputs)} can be used")
    steps = config.preprocessing.steps
    if steps == NO_STEPS and config.cache is None:
        return volumes
    return preprocessed(volumes, steps, config.cache)


def index_with_progress(inputs: Sequence[Path], strict: bool = False) -> Index:
    """Index files and folders behind a progress bar; errors are those of `index_files`."""
    with progress() as bar:
        task = bar.add_task("index", total=None)
        return index_files(inputs, strict, lambda done, total: bar.update(task, completed=done, total=total))


def _unsuitable(index: Index) -> Iterator[tuple[Path, str]]:
    for path, entry in index.entries.items():
        if entry.mask is not None:
            yield path, f"{path}: was undersampled by the scanner, which leaves nothing to compare with"
        elif entry.target_name is None:
            yield path, f"{path}: has no target image"


def _part(config: DataConfig, split: Split, volumes: list[Volume]) -> list[Volume]:
    fraction = config.train_fraction if split == "train" else config.val_fraction
    if not volumes:
        return []
    return sample_slices(sample_volumes(volumes, fraction.volumes, fraction.seed), fraction.slices, fraction.seed)


def _report(problems: Sequence[str], files: int) -> None:
    for problem in problems[:MOST_NAMED]:
        errors.print(f"left out: {problem}", style="yellow", markup=False, soft_wrap=True)
    if problems:
        errors.print(f"{len(problems)} of {files} files were left out", style="yellow", markup=False)


def _listed(inputs: Sequence[Path]) -> str:
    return ", ".join(map(str, inputs))
