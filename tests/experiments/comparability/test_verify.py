"""`recon verify` repeats what `recon compare` stored, and notices every way in which it may not come out again."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import Result

from helpers.files.raw_files import edit, write_raw_file
from helpers.learned.networks import write_weights
from helpers.programs.command import run
from recon.data.open import open_volume
from recon.experiments.comparability.other_definitions import DEFINITIONS
from recon.experiments.comparability.stored import key_of, read_comparison
from recon.experiments.engine.results.store import result_sha256
from recon.experiments.engine.run import Result as Images

METHODS = ("zero-filled", "sense")
OPTIONS = ("--accelerations", 4, "--mask", "random", "--center-fraction", 0.2, "--shown", 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with raw data and a comparison of them."""
    folder = tmp_path_factory.mktemp("made")
    write_raw_file(folder / "raw" / "discs.h5")
    run("compare", folder / "raw", "--methods", ",".join(METHODS), *OPTIONS, "--output", folder / "comparison")
    return folder


@pytest.fixture
def comparison(made: Path, tmp_path: Path) -> Path:
    """Return a copy of the comparison, with its raw data beside it."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy" / "comparison"


def stored(comparison: Path, method: str = "sense") -> Path:
    return comparison / "reconstructions" / "4x-random" / method / "discs.h5"


def change_protocol(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    with h5py.File(path, "r+") as file:
        protocol = json.loads(file.attrs["protocol"])
        change(protocol)
        file.attrs["protocol"] = json.dumps(protocol)


def change_images(path: Path, change: Callable[[Any], Any]) -> None:
    """Replace stored images, and their hash as well."""
    with h5py.File(path, "r+") as file:
        images = change(file["reconstruction"][()]).astype(np.float32)
        file["reconstruction"][...] = images
        file.attrs["sha256"] = result_sha256(Images(images, 0.0))


def change_table(comparison: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    path = comparison / "metrics.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    change(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def change_summary(comparison: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = comparison / "summary.json"
    summary = json.loads(path.read_text())
    change(summary)
    path.write_text(json.dumps(summary))


def verify(comparison: Path, *options: object, code: int = 0) -> Result:
    return run("verify", comparison, *options, code=code)


def test_a_comparison_comes_out_again_bit_by_bit_wherever_its_folder_is(comparison: Path, tmp_path: Path) -> None:
    output = verify(comparison, "--json", tmp_path / "verified.json").output
    assert "2 of 2 rows repeated: 2 bit-equal" in output
    assert "changed since" not in output
    rows = json.loads((tmp_path / "verified.json").read_text())["comparisons"][0]["rows"]
    assert {row["method"] for row in rows} == set(METHODS)
    assert {(row["images"], row["scores"], row["difference"]) for row in rows} == {("bit-equal", "bit-equal", 0.0)}


def test_a_sample_depends_on_its_seed_alone(comparison: Path) -> None:
    rows = read_comparison(comparison)
    chosen = {seed: [key_of(row) for row in rows.sample(1, seed)] for seed in range(8)}
    assert all(len(keys) == 1 for keys in chosen.values())
    assert len(set(map(tuple, chosen.values()))) == 2
    assert [key_of(row) for row in read_comparison(comparison).sample(1, 5)] == chosen[5]
    assert "1 of 2 rows repeated" in verify(comparison, "--sample", 1).output


def test_other_versions_are_named_even_if_nothing_differs(comparison: Path) -> None:
    change_protocol(stored(comparison), lambda protocol: protocol["versions"].update(torch="1.0"))
    change_protocol(stored(comparison), lambda protocol: protocol.update(code="0" * 64))
    output = " ".join(verify(comparison).output.split())
    assert "torch 1.0 ->" in output
    assert "source code 00000000 ->" in output


@pytest.mark.parametrize(
    ("difference", "code", "verdict"), [(1e-5, 0, "1 close"), (1e-2, 1, "1 differs")], ids=["rounding", "more"]
)
def test_rounding_is_told_from_more(comparison: Path, difference: float, code: int, verdict: str) -> None:
    def brighter(images: Any) -> Any:
        return images * (1 + difference)

    change_images(stored(comparison), brighter)
    assert f"1 bit-equal, {verdict}" in verify(comparison, code=code).output
    assert "1 bit-equal" in verify(comparison, "--tolerance", 1e-7, code=1).output


def test_images_that_were_replaced_are_noticed(comparison: Path) -> None:
    with h5py.File(stored(comparison), "r+") as file:
        file["reconstruction"][0, 0, 0] += 1
    assert "not those that were written" in " ".join(verify(comparison, code=1).output.split())


def test_changed_raw_data_are_noticed_and_a_later_date_is_not(comparison: Path) -> None:
    raw = comparison.parent / "raw" / "discs.h5"
    raw.touch()
    verify(comparison)
    with h5py.File(raw, "r+") as file:
        file["kspace"][0, 0, 0, 0] += 1
    assert "raw data" in verify(comparison, code=1).output


def test_moved_raw_data_are_found_where_they_are_said_to_be(comparison: Path, tmp_path: Path) -> None:
    (comparison.parent / "raw").rename(tmp_path / "elsewhere")
    output = " ".join(verify(comparison, code=2).output.split())
    assert "--data" in output
    verify(comparison, "--data", tmp_path / "elsewhere")


def test_other_masks_are_noticed(comparison: Path) -> None:
    with h5py.File(stored(comparison), "r+") as file:
        file.attrs["masks"] = "0" * 64
    assert "masks" in verify(comparison, code=1).output


def test_other_settings_than_the_summary_states_are_noticed(comparison: Path) -> None:
    change_protocol(stored(comparison), lambda protocol: protocol["settings"].update(lamda=123.0))
    assert "lamda=123.0, the summary states" in " ".join(verify(comparison, code=1).output.split())


@pytest.mark.parametrize("metric", ["ssim", "psnr", "nmse", "ssim_foreground", "detail_energy"])
def test_a_changed_score_is_noticed(comparison: Path, metric: str) -> None:
    def better(rows: list[dict[str, Any]]) -> None:
        rows[1][metric] = float(rows[1][metric]) * 1.001

    change_table(comparison, better)
    output = " ".join(verify(comparison, code=1).output.split())
    assert f"the table's {metric} is" in output
    assert f"{metric} of" in output  # the mean in the summary is that of the right score


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.name)
def test_scores_of_another_definition_are_recognised(comparison: Path, definition: Any) -> None:
    target = open_volume(comparison.parent / "raw" / "discs.h5").read_target()
    assert target is not None
    change_images(stored(comparison, "zero-filled"), lambda images: 0.9 * images)
    with h5py.File(stored(comparison, "zero-filled")) as file:
        scores = definition.scores(target, file["reconstruction"][()])
    change_table(comparison, lambda rows: rows[0].update(psnr=scores["psnr"]))
    output = " ".join(verify(comparison, code=1).output.split())
    # over a square target, the leaderboard's square is no other definition
    assert definition.name in output or target.shape[1] == target.shape[2]


def test_a_row_that_is_there_twice_is_noticed(comparison: Path) -> None:
    change_table(comparison, lambda rows: rows.append(rows[0]))
    assert "2 rows of discs.h5, 4x random, zero-filled" in " ".join(verify(comparison, code=1).output.split())


def test_another_definition_in_words_is_noticed(comparison: Path) -> None:
    change_summary(comparison, lambda summary: summary["protocol"].update({"SSIM range": "largest value of a slice"}))
    assert "SSIM range" in verify(comparison, code=1).output


def test_a_method_outside_of_the_protocol_is_noticed(comparison: Path) -> None:
    change_summary(comparison, lambda summary: summary["protocol"]["methods"].pop("sense"))
    assert "does not mention the method sense" in " ".join(verify(comparison, code=1).output.split())


def test_leftovers_of_earlier_runs_are_counted_and_not_checked(comparison: Path) -> None:
    shutil.copytree(stored(comparison).parent, comparison / "reconstructions" / "8x-random" / "sense")
    assert "1 results in the folder belong to no row" in " ".join(verify(comparison).output.split())


def test_weights_are_found_by_their_hash(tmp_path: Path) -> None:
    write_raw_file(tmp_path / "raw" / "discs.h5", slices=1)
    weights = write_weights(tmp_path / "own.safetensors")
    options = ("--methods", "varnet", "--checkpoint", weights, *OPTIONS)
    run("compare", tmp_path / "raw", *options, "--output", tmp_path / "comparison")
    weights = weights.rename(tmp_path / "renamed.safetensors")
    assert "--checkpoint" in " ".join(verify(tmp_path / "comparison", code=2).output.split())
    write_weights(tmp_path / "other.safetensors", "unet")
    given = ("--checkpoint", tmp_path / "other.safetensors", "--checkpoint", weights)
    assert "1 bit-equal" in verify(tmp_path / "comparison", *given).output


@pytest.mark.slow
def test_stages_and_oracles_come_out_again(tmp_path: Path) -> None:
    write_raw_file(tmp_path / "raw" / "discs.h5", slices=1)
    options = ("--methods", "sense,sense+gain", "--oracle", "sense", *OPTIONS)
    run("compare", tmp_path / "raw", *options, "--output", tmp_path / "comparison")
    assert "3 of 3 rows repeated: 3 bit-equal" in verify(tmp_path / "comparison").output


def test_a_scan_left_as_acquired_with_uncertainty_comes_out_again(tmp_path: Path) -> None:
    mask = np.arange(40) % 2 == 0
    mask[12:28] = True
    write_raw_file(tmp_path / "raw" / "discs.h5", slices=1, mask=mask, target=False)
    options = ("--methods", "sense", "--preprocess", "virtual_coils=3", "--uncertainty", *OPTIONS)
    run("compare", tmp_path / "raw", *options, "--output", tmp_path / "comparison")
    assert "1 bit-equal" in verify(tmp_path / "comparison").output
    edit(tmp_path / "raw" / "discs.h5", mask=np.ones(40, np.uint8))
    verify(tmp_path / "comparison", code=1)


@pytest.mark.parametrize("name", ["metrics.csv", "summary.json"])
@pytest.mark.parametrize("content", [None, "", "[]", '{"protocol": 3}', "file,method\n"])
def test_what_is_no_comparison_is_refused(comparison: Path, name: str, content: str | None) -> None:
    (comparison / name).unlink()
    if content is not None:
        (comparison / name).write_text(content)
    assert "error: " in verify(comparison, code=2).output


@pytest.mark.parametrize("protocol", ["", "[]", "{}", '{"file": "discs.h5"}', "null"])
def test_a_damaged_result_is_reported_and_the_rest_repeated(comparison: Path, protocol: str) -> None:
    with h5py.File(stored(comparison), "r+") as file:
        file.attrs["protocol"] = protocol
    output = verify(comparison, code=2).output
    assert "1 of 2 rows repeated: 1 bit-equal" in output


@pytest.mark.parametrize(
    "change",
    [
        {"method": "nothing"},
        {"sampling": {}},
        {"sampling": {"kind": "random"}},
        {"settings": {"lamda": "much"}},
        {"inputs": [{"name": "../discs.h5", "bytes": 1, "quick sha256": ""}]},
        {"preprocessing": [1]},
    ],
    ids=str,
)
def test_a_protocol_that_makes_no_sense_is_an_error_or_a_difference(comparison: Path, change: dict[str, Any]) -> None:
    change_protocol(stored(comparison), lambda protocol: protocol.update(change))
    result = run("verify", comparison, code=1 if {"method", "settings"} & set(change) else 2)
    assert "1 bit-equal" in result.output


def test_a_table_cannot_name_files_outside_of_the_folder(comparison: Path) -> None:
    change_table(comparison, lambda rows: rows[0].update(method="../../../../etc"))
    assert "outside of the folder" in " ".join(verify(comparison, code=2).output.split())
