import json
from pathlib import Path

import pytest
from accelerate import Accelerator

from helpers.files.raw_files import write_raw_file
from recon.data.errors import InputError
from recon.data.open import open_volume
from recon.experiments.training.record.provenance import (
    RUN,
    describe_code,
    describe_data,
    describe_run,
    write_provenance,
)


def test_hash_of_the_data_changes_with_the_files_and_not_with_their_order(tmp_path: Path) -> None:
    first, second = (open_volume(write_raw_file(tmp_path / f"{name}.h5", matrix=(16, 12))) for name in "ab")
    both = describe_data([first, second])
    assert both == describe_data([second, first])
    assert both["files"] == 2
    assert both["slices"] == 4
    assert both["sha256"] != describe_data([first])["sha256"]


def test_run_keeps_its_identity_and_notices_other_files(tmp_path: Path) -> None:
    volumes = [open_volume(write_raw_file(tmp_path / f"{name}.h5", matrix=(16, 12))) for name in "ab"]
    first = describe_run(Accelerator(cpu=True), volumes[:1], volumes[1:])
    identity, same = write_provenance(tmp_path, first, resumed=False)
    assert same
    assert write_provenance(tmp_path, first, resumed=True) == (identity, True)
    assert write_provenance(tmp_path, describe_run(Accelerator(cpu=True), volumes, volumes[1:]), resumed=True) == (
        identity,
        False,
    )
    assert len(json.loads((tmp_path / RUN).read_text())["starts"]) == 3
    assert write_provenance(tmp_path, first, resumed=False)[0] != identity


def test_code_is_described_by_its_commit_or_not_at_all() -> None:
    code = describe_code()
    assert code is None or len(code["commit"]) == 40


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "3",
        '{"id": 3, "starts": []}',
        '{"id": "a", "starts": [3]}',
        '{"id": "a", "starts": [{}]}',
        "[" * 10**5,
    ],
)
def test_a_tampered_record_of_starts_is_refused(tmp_path: Path, content: str) -> None:
    volume = open_volume(write_raw_file(tmp_path / "a.h5", matrix=(16, 12)))
    (tmp_path / RUN).write_text(content)
    with pytest.raises(InputError, match="is damaged; remove it to resume"):
        write_provenance(tmp_path, describe_run(Accelerator(cpu=True), [volume], [volume]), resumed=True)
