"""The shell is offered the names that an option or argument takes, without waiting for torch."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from recon.data.masks.kind import MaskKind
from recon.data.sources.table import SOURCES
from recon.experiments.commands.arguments.completion import (
    complete_config,
    complete_mask,
    complete_masks,
    complete_method,
    complete_method_or_stage,
    complete_methods,
    complete_scan,
    complete_study,
    complete_weights,
)
from recon.models.checkpoints.locate import shipped_weights
from recon.registry import method_names, stage_names


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_every_name_is_offered_where_nothing_is_typed() -> None:
    assert complete_method("") == sorted(method_names())
    assert complete_method_or_stage("") == sorted(method_names()) + sorted(stage_names())
    assert complete_mask("") == list(MaskKind)
    assert complete_scan("") == [*SOURCES, "all"]
    assert complete_weights("") == list(shipped_weights())
    assert "varnet_small_cpu" in complete_config("")
    assert complete_study("")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cs-w", ["cs-wavelet"]),
        ("l+", ["l+s"]),
        ("sense+g", ["sense+gain"]),
        ("l+s+g", ["l+s+gain"]),
        ("sense+gain+g", []),
        ("nothing+g", []),
    ],
)
def test_a_stage_is_offered_after_a_method(typed: str, offered: list[str]) -> None:
    assert complete_method(typed) == offered


def test_the_last_name_of_a_list_is_completed_and_none_is_offered_twice() -> None:
    assert complete_methods("sense,cs-w") == ["sense,cs-wavelet"]
    assert complete_methods("cs-wavelet,cs-w") == []
    assert complete_methods("sense,sense+ga") == ["sense,sense+gain"]
    assert complete_masks("random,kt-r") == ["random,kt-random"]


def offered_by_the_shell(*words: str) -> tuple[list[str], bool]:
    """Return what bash is offered for the last word, and whether torch was loaded for it."""
    code = (
        "import sys; from recon.experiments.cli import app\n"
        "try: app(prog_name='recon')\n"
        "finally: print('torch' in sys.modules, file=sys.stderr)"
    )
    shell = {"_RECON_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | shell, capture_output=True, text=True, check=False
    )
    return done.stdout.split(), done.stderr.split()[-1] == "True"


def test_bash_is_offered_names_and_torch_is_loaded_at_most_once() -> None:
    words, offered = ("recon", "compare", "scan.h5", "--methods", "sense,cs-t"), ["sense,cs-tv", "sense,cs-tv3d"]
    assert offered_by_the_shell(*words) == (offered, True)
    assert offered_by_the_shell(*words) == (offered, False)
    assert offered_by_the_shell("recon", "fetch", "brain-") == (["brain-t1", "brain-t2"], False)
    assert offered_by_the_shell("recon", "configs", "varnet_kn")[0] == ["varnet_knee_1gpu", "varnet_knee_leaderboard"]


def test_names_that_were_kept_are_not_offered_after_a_change(tmp_path: Path) -> None:
    kept = tmp_path / "cache" / "unrolled-recon" / "names.json"
    kept.parent.mkdir(parents=True)
    kept.write_text('{"state": "of another version", "methods": ["gone"], "stages": []}')
    assert complete_method("gone") == []
    assert complete_method("sense") == ["sense", "sense-unfold"]
    kept.write_text("damaged")
    assert complete_method("gone") == []


def test_a_plugin_that_changes_its_name_is_offered_by_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def install(name: str) -> None:
        points = {"recon.methods": [EntryPoint(name, "package.module", "recon.methods")]}
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points.get(group, []))
        monkeypatch.setattr(
            "recon.catalogue._entry_points", lambda group: {one.name: one for one in points.get(group, [])}
        )

    install("plugged-old")
    assert complete_method("plugged") == ["plugged-old"]
    install("plugged-new")
    assert complete_method("plugged") == ["plugged-new"]


def test_names_are_offered_without_a_home_to_keep_them_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    assert complete_method("cs-w") == ["cs-wavelet"]
