"""Write everything that an OpenRecon image is made of: its label, its files, and the Dockerfile that joins them."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from recon.data.errors import InputError
from recon.data.versions import OURS, own_version, version_of
from recon.experiments.console import console
from recon.experiments.server.openrecon.label import LABEL_KEY, PORT, Product, encoded, make_label
from recon.experiments.server.openrecon.schema import Label

LABEL, DOCKERFILE, ROOT = "OpenReconLabel.json", "Dockerfile", "root"

APPLICATION = Path("opt/recon")
"""Folder of the package in the image."""

ENTRY = "openrecon"
"""Program that the image runs."""

TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where pip finds PyTorch without CUDA, which takes a tenth of the space."""

LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "benchmark")


def build(
    folder: Path,
    product: Product,
    methods: Sequence[str],
    settings: Iterable[str] | None = None,
    checkpoint: Path | None = None,
) -> None:
    """Write the folder from which `docker build` makes the image.

    It holds the label, the Dockerfile, and as `root/` the files that the image adds to its base: this package with
    its weights, the list of what it needs, and the program that serves, which also runs where it lies.

    Parameters
    ----------
    folder
        Folder to write; an earlier one of the same kind is replaced.
    product
        Name and origin of the image.
    methods, settings
        Methods and settings that the console offers, as in `parameters_of`.
    checkpoint
        Weights of the default method, copied into the image; None for those that ship.

    Raises
    ------
    InputError
        If the folder holds other files, or the label cannot be made.
    """
    if folder.exists() and not (folder.is_dir() and (_is_own(folder) or not any(folder.iterdir()))):
        raise InputError(f"{folder}: exists already and is no OpenRecon package; give another folder")
    if checkpoint is not None and not checkpoint.is_file():
        raise InputError(f"{checkpoint}: there is no such file")
    label = make_label(product, methods, settings, date.today())  # noqa: DTZ011 - the maker's own date
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as made:
        unfinished = Path(made) / folder.name
        _write_root(unfinished / ROOT / APPLICATION, methods[0], checkpoint)
        (unfinished / LABEL).write_text(label.as_json() + "\n", encoding="utf-8")
        (unfinished / DOCKERFILE).write_text(_dockerfile(label), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    name, archive = product.image, product.archive
    for sentence in (
        f"{folder}: {len(label.parameters)} parameters, {len(methods)} methods; serves on port {PORT}",
        f"try it here:  {folder / ROOT / APPLICATION / ENTRY} --host 127.0.0.1",
        f"build it:     docker build --platform linux/amd64 --tag {name} {folder}",
        f"pack it:      docker save --output {archive}.tar {name} && zip {archive}.zip {archive}.tar {archive}.pdf",
    ):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _is_own(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (LABEL, DOCKERFILE)) and (folder / ROOT).is_dir()


def _write_root(folder: Path, method: str, checkpoint: Path | None) -> None:
    package = find_spec("recon")
    if package is None or package.origin is None:
        raise InputError("the package recon cannot be found, so it cannot be copied into the image")
    shutil.copytree(Path(package.origin).parent, folder / "recon", ignore=LEFT_OUT)  # follows a checkout's links
    described = folder / f"{OURS.replace('-', '_')}-{own_version()}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {OURS}\nVersion: {own_version()}\n")
    (folder / "requirements.txt").write_text("\n".join(_requirements()) + "\n")
    options = ["--method", method]
    if checkpoint is not None:
        (folder / "weights").mkdir()
        for file in (checkpoint, checkpoint.with_suffix(".json")):
            if file.is_file():
                shutil.copy(file, folder / "weights" / file.name)
    entry = folder / ENTRY
    entry.write_text(_entry(options, checkpoint), encoding="utf-8")
    entry.chmod(0o755)


def _entry(options: Sequence[str], checkpoint: Path | None) -> str:
    """Return the program that the image runs; what follows its name on the command line goes to `recon serve`."""
    command = shlex.join(["serve", "--host", "0.0.0.0", "--port", str(PORT), "--expose", *options])  # noqa: S104
    weights = "" if checkpoint is None else f' --checkpoint "$here"/weights/{shlex.quote(checkpoint.name)}'
    return f"""#!/bin/sh
# Serves on port {PORT} from the folder in which this file lies.
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
export PYTHONPATH="$here${{PYTHONPATH:+:$PYTHONPATH}}"
exec "${{PYTHON:-python3}}" -P -m recon {command}{weights} "$@"
"""


def _requirements() -> list[str]:
    """List what the package needs without its extras, in the versions that are installed here.

    Raises
    ------
    InputError
        If this package is not installed, so that nobody knows what it needs.
    """
    try:
        declared = metadata.requires(OURS) or []
    except metadata.PackageNotFoundError as error:
        raise InputError(f"{OURS} is not installed here; install it first: pip install -e .") from error
    core = [line for line in declared if "extra ==" not in line.partition(";")[2]]
    names = [re.split(r"[^\w.-]", line)[0] for line in core]
    return [f"{name}=={version_of(name).partition('+')[0]}" for name in sorted(names)]


def _dockerfile(label: Label) -> str:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"""FROM python:{python}-slim
LABEL "{LABEL_KEY}"="{encoded(label)}"
COPY {ROOT}/{APPLICATION}/requirements.txt /{APPLICATION}/requirements.txt
RUN python3 -m pip install --no-cache-dir --extra-index-url {TORCH_INDEX} -r /{APPLICATION}/requirements.txt
COPY {ROOT}/ /
EXPOSE {PORT}
CMD ["/{APPLICATION}/{ENTRY}"]
"""
