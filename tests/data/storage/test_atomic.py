import subprocess
import sys
from pathlib import Path

import pytest

from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path


def test_a_failed_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "result"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_successful_block_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "result"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


KILLED = """
import os, sys
from pathlib import Path
from recon.data.storage.atomic import atomic_path

with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os._exit(9)
"""


def test_the_next_write_cleans_up_after_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "result"
    with atomic_path(path) as running:
        for name in ("result", "other"):
            killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path / name], check=False)
            assert killed.returncode == 9
        assert len(list(tmp_path.iterdir())) == 2, "the second removed what the first left"
        with atomic_path(path) as temporary:
            temporary.write_text("new")
        assert running.exists(), "a running process keeps its file"
        assert set(tmp_path.iterdir()) == {path, running}


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    for name in ("n" * 255, "\u00fc" * 127):
        with atomic_path(tmp_path / name) as temporary:
            temporary.write_text("new")
        assert (tmp_path / name).read_text() == "new"
    with pytest.raises(InputError, match="the name is too long"), atomic_path(tmp_path / ("n" * 256)):
        pass
