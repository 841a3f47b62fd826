"""Scores a result against the target of its volume."""

from __future__ import annotations

import numpy as np

from recon.experiments.engine.results.store import StoredResult
from recon.experiments.engine.run import Result
from recon.experiments.engine.scores.detail import DetailMetrics, TargetDetail
from recon.experiments.engine.scores.metrics import ForegroundMetrics, Metrics, score, score_file, score_foreground
from recon.experiments.report.scores.score import MethodScore


def score_result(stored: StoredResult, result: Result, detail: TargetDetail | None) -> MethodScore:
    """Score the images of a result.

    Parameters
    ----------
    stored
        Scan and method.
    result
        Images.
    detail
        Target of the volume with its fine detail; None if there is no target.

    Raises
    ------
    InputError
        If the images cannot be scored against the target.
    """
    scan = stored.scan
    volume = scan.volume
    metrics, inside = Metrics(np.nan, np.nan, np.nan), ForegroundMetrics(np.nan, np.nan)
    fine = DetailMetrics(np.nan, np.nan)
    if detail is not None:
        metrics = score_file(volume.path, detail.target, result.images, score)
        inside = score_file(volume.path, detail.target, result.images, score_foreground)
        fine = detail.score(result.images)
    return MethodScore(
        file=volume.name,
        acquisition=volume.header.contrast,
        method=stored.runner.name,
        acceleration=scan.acceleration,
        mask=scan.mask_kind,
        center_fraction=scan.center_fraction,
        seed=scan.seed,
        ssim=metrics.ssim,
        psnr=metrics.psnr,
        nmse=metrics.nmse,
        ssim_foreground=inside.ssim,
        psnr_foreground=inside.psnr,
        detail_energy=fine.energy,
        detail_correlation=fine.correlation,
        seconds=result.seconds,
        slices=len(result.images),
        noise_floor="full scan" if stored.runner.floor else "none",
    )
