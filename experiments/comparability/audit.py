"""`recon audit`: find what makes scores of a data set too good, in training, validation and test data together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from recon.data.errors import InputError, did_you_mean
from recon.data.open import list_files
from recon.data.storage.atomic import atomic_path
from recon.data.storage.yaml_file import parse_yaml
from recon.experiments.comparability.content import VolumeContent, read_content
from recon.experiments.comparability.faults import Fault, file_faults
from recon.experiments.comparability.overlap import DataSet, repeated_within, shared_between
from recon.experiments.console import Problems, progress, say
from recon.experiments.sections import find_config, read_values

SETS = ("train", "val", "test")
"""Names of the sets, in the order in which they are reported."""

FOUND = 1
"""Exit code if a fault was found."""


def parse_sets(words: Sequence[str]) -> dict[str, list[Path]]:
    """Convert `data.train=FOLDER` and a training config before it to the files and folders of each set.

    Values are in YAML notation, as those of `recon train`: a path, or a list of paths in brackets.

    Raises
    ------
    InputError
        If a word is something else, or no set is named.
    """
    sets: dict[str, list[Path]] = {}
    for place, word in enumerate(words):
        key, equals, text = word.partition("=")
        if place == 0 and not equals:
            section = read_values(find_config(Path(word))).get("data", {})
            named = section if isinstance(section, dict) else {}
            sets |= {name: _paths(name, named[name]) for name in SETS if named.get(name) is not None}
            continue
        name = key.removeprefix("data.")
        if not equals or name not in SETS:
            raise InputError(f"{word!r} names no set{did_you_mean(key, [f'data.{known}' for known in SETS])}")
        try:
            sets[name] = _paths(name, parse_yaml(text))
        except ValueError as error:
            raise InputError(f"{word!r}: the value is neither a path nor a list of paths") from error
    if not sets:
        raise InputError("no set was named; give data.train=FOLDER, data.val=FOLDER or data.test=FOLDER")
    return {name: sets[name] for name in SETS if name in sets}


def _paths(name: str, value: Any) -> list[Path]:
    paths = value if isinstance(value, list) else [value]
    if not paths or not all(isinstance(path, str) for path in paths):
        raise InputError(f"data.{name}: {value!r} is neither a path nor a list of paths")
    return list(map(Path, paths))


def audit(sets: Mapping[str, Sequence[Path]], report: Path | None = None) -> list[Fault]:
    """Read all files once, and print what is wrong with them.

    Parameters
    ----------
    sets
        Files and folders of each set.
    report
        JSON file to write.

    Raises
    ------
    InputError
        If a folder does not exist or holds no raw data.
    SystemExit
        With 1 if a fault was found, and with 2 if a file could not be read.
    """
    problems = Problems()
    found = {name: list_files(paths) for name, paths in sets.items()}
    data = [DataSet(name, _contents(name, files, problems)) for name, files in found.items()]
    faults: list[Fault] = []
    for one in data:
        faults += [Fault(kind, f"{one.name}: {text}") for volume in one.volumes for kind, text in file_faults(volume)]
        faults += repeated_within(one)
    for pair in combinations([one for one in data if one.volumes], 2):
        faults += shared_between(*pair)
    for kind, sentence in faults:
        say(f"{kind}: {sentence}")
    counts = {
        one.name: {"files": len(one.volumes), "slices": sum(len(v.slices) for v in one.volumes)} for one in data
    }
    listed = ", ".join(f"{count['files']} files and {count['slices']} slices in {n}" for n, count in counts.items())
    say(f"{len(faults) or 'no'} {'fault' if len(faults) == 1 else 'faults'} in {listed}")
    if report is not None:
        content = {
            "sets": counts,
            "faults": [{"kind": kind, "sentence": sentence} for kind, sentence in faults],
            "problems": problems.sentences,
        }
        with atomic_path(report) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", errors="replace")
    if faults:
        raise SystemExit(FOUND)
    problems.exit()
    return faults


def _contents(name: str, files: Sequence[Path], problems: Problems) -> tuple[VolumeContent, ...]:
    contents = []
    with progress() as bar:
        for path in bar.track(files, description=f"read {name}"):
            with problems.collect():
                contents.append(read_content(path))
    return tuple(contents)
