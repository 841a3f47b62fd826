"""Finds the weight and the number of iterations with which a method scores best on given slices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import cache
from typing import Any

import numpy as np

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.experiments.engine.run import NotFiniteError, Runner
from recon.experiments.engine.scores.metrics import Images, score
from recon.experiments.engine.tuning.golden_section import logarithmic_grid, search

WEIGHTS = logarithmic_grid(1e-4, 1.0, 7)
REFINEMENTS = 5

ITERATIONS = (0.25, 0.5, 2, 4)
"""Multiples of the default number of iterations that are tried beside it."""

WORTHWHILE = 0.02
"""Largest loss in dB for which fewer iterations are preferred."""

TUNABLE = ("lamda", "iterations")

MeanPsnr = Callable[[Any], float]
"""Function that returns the mean PSNR in dB of a method with its settings."""


def fit(method: Any, mean_psnr: MeanPsnr) -> Any:
    """Find the best weight, then the fewest iterations that are as good, then the best weight at those.

    Parameters
    ----------
    method
        The method with its default settings, which are kept if no others are better.
    mean_psnr
        Mean PSNR of a method; should be cached, because the same method is asked for often.
    """
    best = best_weight(method, mean_psnr)
    if "iterations" in tunable_settings(method):
        fewest = _fewest_iterations(best, mean_psnr)
        if fewest != best:
            best = best_weight(fewest, mean_psnr, (best.lamda / 2, best.lamda, 2 * best.lamda), 2)
    return max(method, best, key=mean_psnr)


def best_weight(
    method: Any, mean_psnr: MeanPsnr, grid: Sequence[float] = WEIGHTS, refinements: int = REFINEMENTS
) -> Any:
    """Return a method at its best weight; see `search` for the grid and its refinements."""
    best = search(lambda lamda: mean_psnr(_with_weight(method, lamda)), grid, refinements)
    return _with_weight(method, best.value)


def _with_weight(method: Any, lamda: float) -> Any:
    # Rounded to three digits, so that the weight that is written is the one that was tried.
    return replace(method, lamda=float(f"{lamda:.3g}"))


def _fewest_iterations(method: Any, mean_psnr: MeanPsnr) -> Any:
    numbers = {method.iterations, *(max(1, round(times * method.iterations)) for times in ITERATIONS)}
    candidates = [replace(method, iterations=number) for number in sorted(numbers)]
    enough = max(map(mean_psnr, candidates)) - WORTHWHILE
    return next(candidate for candidate in candidates if mean_psnr(candidate) >= enough)


def tune_method(runner: Runner, slices: Sequence[Acquisition]) -> tuple[Any, dict[str, float]]:
    """Return the method with its best settings, and its mean PSNR with the default and with the best ones."""

    @cache
    def mean_psnr(candidate: Any) -> float:
        results = replace(runner, method=candidate).slices(slices)
        try:
            return float(
                np.mean([psnr(one.image[None], [slice_]) for one, slice_ in zip(results, slices, strict=True)])
            )
        except NotFiniteError:
            return -math.inf

    best = fit(runner.method, mean_psnr)
    if mean_psnr(best) == -math.inf:
        raise InputError(f"{runner.name}: none of the settings that were tried gives finite images")
    return best, {"default": round(mean_psnr(runner.method), 3), "tuned": round(mean_psnr(best), 3)}


def psnr(images: Images, acquisitions: Sequence[Acquisition]) -> float:
    """Return the PSNR in dB of images `(frames, rows, columns)`; its range is the largest value of their targets."""
    targets: Any = [acquisition.target for acquisition in acquisitions]
    return score(np.stack([target.cpu().numpy() for target in targets]), images).psnr


def tunable_settings(method: Any) -> dict[str, Any]:
    """Return the settings of a method that can be tuned."""
    names = {field.name for field in fields(method)}
    return {key: getattr(method, key) for key in TUNABLE if key in names}
