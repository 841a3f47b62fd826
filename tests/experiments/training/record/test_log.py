import json
from pathlib import Path

import pytest

from recon.data.errors import InputError
from recon.experiments.training.record.log import flatten, format_scores, read_log, truncate_log


def test_lines_after_the_state_and_half_lines_are_removed(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"steps": 1}\n{"steps": 2}\n{"steps": 2, "ssim": 0.5}\n{"ste')
    assert len(read_log(log)) == 3
    truncate_log(log, 2)
    assert read_log(log) == [{"steps": 1}, {"steps": 2}]
    truncate_log(log, 5)
    assert len(read_log(log)) == 2
    truncate_log(log, 0)
    assert read_log(log) == []


def test_missing_log_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"log\.jsonl: no such log"):
        read_log(tmp_path / "log.jsonl")


def test_flat_keys_lead_to_the_values() -> None:
    nested = {"a": 1, "b": {"c": 2, "d": {"e": 3}}, "f": {}}
    assert flatten(nested) == {"a": 1, "b.c": 2, "b.d.e": 3}


def test_scores_are_listed_by_group() -> None:
    scores = {"ssim": 0.9, "psnr": 30.0, "groups": {"AXT2 4x": {"ssim": 0.9, "psnr": 30.0, "volumes": 1}}}
    assert format_scores(scores).splitlines() == [
        "SSIM 0.9000, PSNR 30.0000",
        "    AXT2 4x, 1 volume: SSIM 0.9000, PSNR 30.0000",
    ]
    assert json.dumps(scores)
