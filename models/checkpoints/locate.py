"""Finds the file of weights that a user names by path, by shipped name or by repository on the Hugging Face Hub."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from recon.data.errors import InputError, did_you_mean
from recon.data.extras import extra

HUB_NAME = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(:(?P<file>[\w./-]+))?")
"""`owner/repository` or `owner/repository:file`."""

DEFAULT_FILE = "model.safetensors"
"""File of weights that a repository usually holds, read if no file is named."""

WEIGHT_SUFFIXES = {".safetensors", ".pt", ".pth", ".ckpt", ".torch"}
"""Suffixes of files of weights; a name that ends so is never a repository."""


def weights_folder() -> Path:
    """Return the folder of the shipped weights, in a checkout and in an installed package alike."""
    return Path(str(files("recon.models.weights")))


def shipped_weights() -> dict[str, Path]:
    """Return the shipped weights by name: `NAME.safetensors`, which has a card `NAME.json` and a text `NAME.md`."""
    return {path.stem: path for path in sorted(weights_folder().glob("*.safetensors"))}


def locate(checkpoint: str | Path) -> Path:
    """Find a file of weights; download it from the Hub if need be, once and without executing anything in it.

    Parameters
    ----------
    checkpoint
        A file, the name of shipped weights, or `owner/repository:file` on the Hugging Face Hub; `:file` may be left
        out if it is `model.safetensors`.

    Raises
    ------
    InputError
        If `checkpoint` names none of these, or the download fails.
    """
    path, name = Path(checkpoint), str(checkpoint)
    if path.is_file():
        return path
    if path.is_dir():
        raise InputError(f"{name}: is a folder; name a file of weights in it")
    shipped = shipped_weights()
    if name in shipped:
        return shipped[name]
    hub = HUB_NAME.fullmatch(name)
    if hub is None or (hub["file"] is None and path.suffix in WEIGHT_SUFFIXES):
        raise InputError(f"{name}: no such checkpoint file or shipped weights{did_you_mean(name, shipped)}")
    return _download(hub["repository"], hub["file"] or DEFAULT_FILE)


def _download(repository: str, file: str) -> Path:
    with extra("hub", f"{repository}: a download from the Hugging Face Hub"):
        import huggingface_hub  # noqa: PLC0415 - an extra
    try:
        return Path(huggingface_hub.hf_hub_download(repository, file))
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise InputError(
            f"{repository}: no such file, and {file} cannot be downloaded from a repository of this name ({reason}); "
            "write owner/repository:file to name another file"
        ) from error
