"""What CONTRIBUTING.md says is true: its example runs, and the files it names exist."""

import re
from pathlib import Path
from textwrap import dedent

import pytest
import torch

from helpers.scans.objects import object_acquisition
from recon import registry

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def test_its_example_is_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.method_names()  # ours are registered before the copy is taken
    registry.method_names()  # our own methods register once, and not in the copy that is dropped
    monkeypatch.setattr(registry._methods, "registered", dict(registry._methods.registered))
    (example,) = re.findall(r"^ *```python\n(.*?)^ *```", TEXT, re.DOTALL | re.MULTILINE)
    exec(dedent(example), {"__name__": "windowed"})  # noqa: S102
    scan = object_acquisition(noise=1e-3)
    smooth, plain = (registry.create("windowed", {"alpha": alpha})(scan) for alpha in ("0.54", "1"))
    torch.testing.assert_close(plain, registry.create("zero-filled")(scan))
    assert 0.01 < (smooth - plain).norm() / plain.norm() < 0.5


def test_the_files_it_names_exist() -> None:
    names = re.findall(r"`([\w./]+(?:/|\.py|\.md|\.txt|\.toml|\.yaml))`", TEXT)
    named = {name for name in names if "NAME" not in name}
    missing = {name for name in named if not list(ROOT.glob(name) if "/" in name else ROOT.rglob(name))}
    assert len(named) > 20
    assert not missing - {"data.py"}  # of a user
