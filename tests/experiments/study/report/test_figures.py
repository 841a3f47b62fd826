"""The pictures of a study show tissue, not the air that a denoiser empties."""

import numpy as np

from recon.experiments.study.report.figures import shown_part


def test_the_part_that_is_shown_lies_in_the_object() -> None:
    rng = np.random.default_rng(0)
    plain = np.zeros((96, 80), np.float32)
    plain[40:90, 20:70] = 1.0
    noisy = plain + 0.1 * np.abs(rng.standard_normal(plain.shape)).astype(np.float32)
    denoised = np.where(plain > 0, plain + 0.05 * rng.standard_normal(plain.shape), 0).astype(np.float32)
    rows, columns = shown_part([noisy, denoised])
    assert plain[rows, columns].mean() > 0.9
