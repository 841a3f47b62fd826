from dataclasses import replace

import numpy as np
import pytest

from recon.simulation.phantom.contrast import (
    FIELD_STRENGTHS,
    ROUTINE,
    TISSUES,
    draw_protocol,
    nulling_inversion_time,
    tissue_signals,
)

PROTOCOLS = {protocol.contrast: protocol for protocol in ROUTINE}


def signals(contrast: str, **changes: float) -> dict[str, float]:
    return tissue_signals(replace(PROTOCOLS[contrast], **changes), np.random.default_rng(0))


@pytest.mark.parametrize("field_strength", FIELD_STRENGTHS)
@pytest.mark.parametrize(
    ("contrast", "bright_to_dark"),
    [
        ("AXT1", ("fat", "white matter", "grey matter", "csf", "artery")),
        ("AXT2", ("csf", "gliosis", "grey matter", "white matter", "pallidum", "bone")),
        ("AXFLAIR", ("gliosis", "grey matter", "white matter", "csf")),
        ("AXPD", ("grey matter", "white matter", "bone")),
        ("AXT1POST", ("tumour", "white matter", "grey matter", "csf")),
    ],
)
def test_tissues_rank_as_a_radiologist_expects(contrast: str, bright_to_dark: tuple[str, ...], field_strength: float):
    by_tissue = signals(contrast, field_strength=field_strength)
    ranked = [by_tissue[tissue] for tissue in bright_to_dark]
    assert ranked == sorted(ranked, reverse=True)


def test_inversion_time_nulls_its_tissue():
    t1, repetition_time = 4200.0, 9000.0
    inversion_time = nulling_inversion_time(t1, repetition_time)
    assert 1 - 2 * np.exp(-inversion_time / t1) + np.exp(-repetition_time / t1) == pytest.approx(0, abs=1e-12)


def test_fat_suppression_reaches_fat_alone():
    plain, suppressed = signals("AXT1"), signals("AXT1", fat_left=0.1)
    for name, tissue in TISSUES.items():
        assert suppressed[name] == pytest.approx(plain[name] * (0.1 if tissue.fatty else 1))


def test_agent_brightens_only_what_takes_it_up():
    before, after = signals("AXT1"), signals("AXT1", agent=True)
    for name, tissue in TISSUES.items():
        assert (after[name] > 1.01 * before[name]) == (tissue.uptake > 0)


def test_every_contrast_and_field_strength_is_drawn():
    rng = np.random.default_rng(0)
    drawn = [draw_protocol(rng) for _ in range(200)]
    assert {protocol.contrast for protocol in drawn} == set(PROTOCOLS)
    assert {protocol.field_strength for protocol in drawn} == set(FIELD_STRENGTHS)
    assert any(protocol.fat_left < 1 for protocol in drawn)
