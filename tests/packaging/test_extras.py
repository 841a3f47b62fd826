"""The core runs without the optional packages, and says which extra brings the one that is missing."""

import ast
import csv
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from helpers.files.raw_files import write_raw_file
from helpers.programs import without_extras
from recon.data.acquisition import Header
from recon.experiments.report.scores.files import read_csv

ROOT = Path(__file__).parents[2]
HEADER = Header((48, 40), (0, 40), field_of_view=(96.0, 80.0), encoded_field_of_view=(96.0, 80.0))
STUDY = """
arms:
  NEX 1: {method: zero-filled}
  NEX 1 + Gain: {method: zero-filled+gain}
replicas: 0
air: air
rois:
  air: {center: [-36, -44], radii: [3, 3]}
  tissue: TISSUE
"""
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = ("cluster", "fetch", "hub", "images", "mrd", "report", "train", "twix")
IMPORTED_AS = {"mrd-python": "mrd", "pillow": "PIL", "pyyaml": "yaml", "scikit-image": "skimage"}
ONLY_FASTMRI_IMPORTS = {"tqdm"}


def packages(requirements: Iterable[str]) -> set[str]:
    names = {re.split(r"[^\w-]", requirement)[0] for requirement in requirements}
    return {IMPORTED_AS.get(name, name) for name in names}


def optional() -> set[str]:
    return set().union(*(packages(PROJECT["optional-dependencies"][name]) for name in EXTRAS))


def imported() -> set[str]:
    """Return the packages of others that our modules import."""
    found: set[str] = set()
    for folder in ("recon", "data", "models", "experiments"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    found.add(str(node.module).partition(".")[0])
    return found - sys.stdlib_module_names - {"recon", "_typeshed"}


def test_every_package_that_is_imported_is_declared_and_the_other_way_round() -> None:
    core = packages(PROJECT["dependencies"])
    peers = {"pygrappa", "bm3d", "cupy"}  # of the benchmarks and of the GPU
    assert imported() - peers == (core - ONLY_FASTMRI_IMPORTS) | optional()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("core")


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[str, tuple[int, str]]:
    """Run commands without the packages of any extra; return the exit code and output of each."""
    raw = write_raw_file(folder / "raw.h5")
    scan = write_raw_file(folder / "scan.h5", slices=1, header=HEADER)
    (folder / "study.yaml").write_text(STUDY.replace("TISSUE", "{center: [0, 0], radii: [6, 6]}"))
    labels = "{label: 1}\nlabels: '{name}.nii.gz'"
    (folder / "labels.yaml").write_text(STUDY.replace("TISSUE", labels))
    commands = {
        "info": ["info", raw],
        "reconstruct": ["reconstruct", raw, "--method", "sense", "--output", folder / "sense"],
        "png": ["reconstruct", raw, "--method", "sense", "--format", "png", "--output", folder / "png"],
        "network": ["reconstruct", raw, "--acceleration", 4, "--output", folder / "network"],
        "compare": [
            "compare",
            raw,
            "--methods",
            "sense,cs-tv",
            "--accelerations",
            4,
            "--output",
            folder / "compared",
        ],
        "dicom": ["reconstruct", raw, "--method", "sense", "--format", "dicom", "--output", folder / "dicom"],
        "nifti": ["reconstruct", raw, "--method", "sense", "--output", folder / "raw.nii.gz"],
        "mrd": ["convert", raw, folder / "raw.mrd2"],
        "fetch": ["fetch", "brain-t1", "--output", folder / "scans"],
        "cluster": [
            *("reconstruct", raw, "--method", "sense", "--output", folder / "cluster"),
            *("--scheduler", "tcp://127.0.0.1:1"),
        ],
        "hub": ["reconstruct", raw, "--checkpoint", "owner/network:weights.pt", "--output", folder / "hub"],
        "train": ["train", "varnet_small_cpu", f"data.train={folder}", f"data.val={folder}"],
        "finetune": ["finetune", "varnet-general", raw, "--output", folder / "finetuned"],
        "plot": ["plot", folder],
        "study": ["study", folder / "study.yaml", scan, "--output", folder / "study"],
        "labels": ["study", folder / "labels.yaml", scan, "--output", folder / "labels"],
    }
    lines = json.dumps([list(map(str, words)) for words in commands.values()])
    program = [sys.executable, without_extras.__file__, json.dumps(sorted(optional())), lines]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    return dict(zip(commands, map(tuple, json.loads(done.stdout.splitlines()[-1])), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("command", ["info", "reconstruct", "png", "network", "compare", "study"])
def test_the_core_runs_without_extras(answers: dict[str, tuple[int, str]], command: str) -> None:
    code, output = answers[command]
    assert code == 0, output


@pytest.mark.slow
def test_compare_says_why_there_is_no_report(answers: dict[str, tuple[int, str]], folder: Path) -> None:
    assert "pip install 'unrolled-recon[report]'" in answers["compare"][1]
    assert len(read_csv(folder / "compared" / "metrics.csv")) == 2


@pytest.mark.slow
def test_a_study_measures_without_a_report_and_says_why(answers: dict[str, tuple[int, str]], folder: Path) -> None:
    assert "pip install 'unrolled-recon[report]'" in answers["study"][1]
    rows = csv.DictReader((folder / "study" / "values.csv").read_text().splitlines())
    assert {row["arm"] for row in rows} == {"NEX 1", "NEX 1 + Gain"}
    assert not (folder / "study" / "report.html").exists()


@pytest.mark.slow
def test_a_study_with_a_label_map_names_the_extra_that_reads_it(answers: dict[str, tuple[int, str]]) -> None:
    code, output = answers["labels"]
    assert code == 2
    assert "a label map needs nibabel: pip install 'unrolled-recon[images]'" in output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "extra"),
    [
        *(("dicom", "images"), ("nifti", "images"), ("hub", "hub"), ("mrd", "mrd"), ("cluster", "cluster")),
        ("fetch", "fetch"),
        *(("train", "train"), ("finetune", "train"), ("plot", "train")),
    ],
)
def test_a_missing_extra_is_named_in_one_sentence(
    answers: dict[str, tuple[int, str]], folder: Path, command: str, extra: str
) -> None:
    code, output = answers[command]
    assert code == 2
    assert re.match(rf"error: .* needs \w+: pip install 'unrolled-recon\[{extra}\]'\n", output)
    assert not (folder / command).exists()
