"""Repeats one row of a stored comparison: raw data, masks, images, scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from recon.data.open import parts_of
from recon.data.storage.fingerprint import fingerprint
from recon.data.volume import Volume
from recon.experiments.comparability.other_definitions import other_definition
from recon.experiments.comparability.rebuild import Sources, open_raw, raw_file, rebuild
from recon.experiments.comparability.stored import StoredComparison, StoredFile, key_of
from recon.experiments.engine.results.machine import machine
from recon.experiments.engine.results.scoring import score_result
from recon.experiments.engine.results.store import StoredResult, result_sha256
from recon.experiments.engine.run import Result
from recon.experiments.engine.scores.detail import TargetDetail, target_detail
from recon.experiments.report.scores.score import BETTER, MethodScore

TOLERANCE = 5e-4
"""Largest difference of images over their largest value that rounding may explain.

Without vector instructions and with two threads instead of one, CG SENSE changes by 7e-5, the best weight by 1.4e-4.
"""

SCORE_TOLERANCE = 1e-4
"""Largest relative difference of scores of the same images that rounding may explain."""

SMALLEST = 1e-6
"""Difference of scores near zero that counts as none, such as that of energies in dB."""


class Verdict(StrEnum):
    """How a repeated result compares with the stored one."""

    EQUAL = "bit-equal"
    CLOSE = "close"
    DIFFERENT = "differs"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class RowCheck:
    """What came out of repeating a row.

    Attributes
    ----------
    row
        The row.
    images
        How the repeated images and maps compare with the stored ones.
    difference
        Largest difference of an image over the largest value of the stored images; NaN if they were not repeated.
    scores
        How the scores of the stored images compare with the table.
    faults
        What differs, each in one sentence.
    changes
        Versions, code, device and machine that are others than those of the stored result.
    """

    row: MethodScore
    images: Verdict = Verdict.UNCHECKED
    difference: float = math.nan
    scores: Verdict = Verdict.UNCHECKED
    faults: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything differs by more than rounding may explain."""
        return bool(self.faults) or Verdict.DIFFERENT in (self.images, self.scores)


@dataclass
class Verifier:
    """Repeats rows of one comparison.

    Attributes
    ----------
    comparison
        The stored comparison.
    sources
        Where raw data and weights are.
    tolerance
        Largest difference that rounding may explain, see `TOLERANCE`.
    """

    comparison: StoredComparison
    sources: Sources
    tolerance: float = TOLERANCE
    _details: dict[Path, TargetDetail | None] = field(default_factory=dict)

    def check(self, row: MethodScore) -> RowCheck:
        """Repeat a row.

        Raises
        ------
        InputError
            If the stored result, its raw data or its method is not there or cannot be read.
        """
        stored = self.comparison.result(row)
        path = raw_file(stored, self.sources)
        faults = [*self._of_summary(stored), *_raw_faults(stored, path)]
        if faults:
            return RowCheck(row, faults=tuple(faults))
        volume = open_raw(stored, path)
        rebuilt = rebuild(stored, volume, self.sources)
        faults += _protocol_faults(stored, rebuilt)
        if stored.masks is not None and stored.masks != rebuilt.scan.masks_sha256:
            faults.append("the sampling masks are others: their hash differs")
        before = stored.read(rebuilt.runner.map_names)
        if result_sha256(before) != stored.sha256:
            faults.append("the stored images are not those that were written: their hash differs")
        images, difference = _compared(before, rebuilt.cut(rebuilt.run(lambda: None)), self.tolerance)
        scores, wrong = self._scores(row, rebuilt, before)
        return RowCheck(row, images, difference, scores, (*faults, *wrong), tuple(_changes(stored, rebuilt)))

    def _of_summary(self, stored: StoredFile) -> Iterator[str]:
        """Compare the settings of a result with those that the summary states."""
        name = stored.protocol["method"]
        stated = self.comparison.protocol["methods"].get(name)
        if stated is None:
            yield f"the protocol in the summary does not mention the method {name}"
            return
        for key, value in stored.protocol["settings"].items():
            if stated.get(key) not in (value, "tuned"):
                yield f"the result was made with {key}={value}, the summary states {stated.get(key)}"

    def _scores(self, row: MethodScore, rebuilt: StoredResult, images: Result) -> tuple[Verdict, list[str]]:
        """Score the stored images again, and compare with the row."""
        again = score_result(rebuilt, images, self._detail(rebuilt.scan.volume))
        if key_of(again) != key_of(row):
            return Verdict.DIFFERENT, [f"the row is about {key_of(row)}, the result about {key_of(again)}"]
        wrong = []
        equal = (again.slices, again.noise_floor, again.acquisition) == (row.slices, row.noise_floor, row.acquisition)
        if not equal:
            wrong.append("contrast, number of slices or noise floor of the row are not those of the result")
        for name in BETTER:
            before, now = getattr(row, name), getattr(again, name)
            if before == now or (math.isnan(before) and math.isnan(now)):
                continue
            equal = False
            if not math.isclose(before, now, rel_tol=SCORE_TOLERANCE, abs_tol=SMALLEST):
                target = rebuilt.scan.volume.read_target()
                why = "" if target is None else other_definition(name, before, target, images.images)
                wrong.append(f"the table's {name} is {before:.6g}, that of its images {now:.6g}{why}")
        if wrong:
            return Verdict.DIFFERENT, wrong
        return Verdict.EQUAL if equal else Verdict.CLOSE, []

    def _detail(self, volume: Volume) -> TargetDetail | None:
        """Return the fine detail of a volume's target, which all methods share; only the last one is kept."""
        if volume.path not in self._details:
            target = volume.read_target()
            self._details.clear()
            self._details[volume.path] = None if target is None else target_detail(volume, target)
        return self._details[volume.path]


def _compared(before: Result, now: Result, tolerance: float) -> tuple[Verdict, float]:
    """Compare images and maps; return the largest difference over the largest value."""
    if result_sha256(now) == result_sha256(before):
        return Verdict.EQUAL, 0.0
    largest = 0.0
    for one, other in zip((before.images, *before.maps.values()), (now.images, *now.maps.values()), strict=True):
        if one.shape != other.shape:
            return Verdict.DIFFERENT, math.inf
        scale = float(np.abs(one).max()) or 1.0
        largest = max(largest, float(np.abs(one.astype(np.float64) - other).max()) / scale)
    return (Verdict.CLOSE if largest <= tolerance else Verdict.DIFFERENT), largest


def _raw_faults(stored: StoredFile, path: Path) -> Iterator[str]:
    """Compare size and hash of the raw data with the recorded ones; the time of the last change may differ."""
    recorded = stored.protocol["inputs"]
    parts = parts_of(path)
    if len(parts) != len(recorded):
        yield f"the raw data are {len(parts)} files, not {len(recorded)}"
        return
    for part, before in zip(parts, recorded, strict=True):
        now = fingerprint(part)
        if any(now[name] != before[name] for name in ("bytes", "quick sha256")):
            yield f"the raw data in {part} are others: their hash differs"


def _protocol_faults(stored: StoredFile, rebuilt: StoredResult) -> Iterator[str]:
    """Compare the protocol of the repetition with the stored one, but for what `_changes` returns.

    Weights may have another name: they were found by their hash.
    """
    apart = ("inputs", "versions", "code", "device")
    for name, before, now in _differences(stored.protocol, _as_stored(rebuilt.protocol)):
        if name.partition(".")[0] not in apart and name.rpartition(".")[2] != "checkpoint":
            yield f"{name} was {before}, and is {now} in this version"


def _changes(stored: StoredFile, rebuilt: StoredResult) -> Iterator[str]:
    """Yield what of versions, code, device and machine is not as it was."""
    now = _as_stored(rebuilt.protocol)
    for name, before, after in _differences(stored.protocol["versions"], now["versions"]):
        yield f"{name} {before} -> {after}"
    if stored.protocol["code"] != now["code"]:
        yield f"source code {stored.protocol['code'][:8]} -> {now['code'][:8]}"
    if stored.protocol["device"] != now["device"]:
        yield f"device {stored.protocol['device']} -> {now['device']}"
    if stored.machine:
        for name, before, after in _differences(stored.machine, machine(rebuilt.runner.device)):
            yield f"{name} {before} -> {after}"


def _differences(
    before: Mapping[str, Any], now: Mapping[str, Any], place: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the names and the two values of what differs; names of nested values are joined by dots."""
    for name in dict.fromkeys([*before, *now]):
        one, other = before.get(name, "not recorded"), now.get(name, "none")
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other, f"{place}{name}.")
        elif one != other:
            yield f"{place}{name}", one, other


def _as_stored(protocol: Mapping[str, Any]) -> dict[str, Any]:
    return dict(json.loads(json.dumps(protocol)))
