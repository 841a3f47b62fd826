"""Finds the file of weights that a user names by path, by shipped name or by repository on the Hugging Face Hub."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from recon.data.errors import InputError, did_you_mean
from recon.data.extras import extra

HUB_NAME = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*):(?P<file>[\w./-]+)")
"""`owner/repository:file`; without the colon, a mistyped path would go to the network."""


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
        A file, the name of shipped weights, or `owner/repository:file` on the Hugging Face Hub. Shipped weights are
        found even where a folder has their name, as that of a training may.

    Raises
    ------
    InputError
        If `checkpoint` names none of these, or the download fails.
    """
    path, name = Path(checkpoint), str(checkpoint)
    if path.is_file():
        return path
    shipped = shipped_weights()
    if name in shipped:
        return shipped[name]
    if path.is_dir():
        raise InputError(f"{name}: is a folder; name a file of weights in it")
    hub = HUB_NAME.fullmatch(name)
    if hub is None:
        raise InputError(
            f"{name}: no such checkpoint file or shipped weights{did_you_mean(name, shipped)}; a file on the Hugging "
            "Face Hub is named owner/repository:file"
        )
    return _download(hub["repository"], hub["file"])


def _download(repository: str, file: str) -> Path:
    with extra("hub", f"{repository}: a download from the Hugging Face Hub"):
        import huggingface_hub  # noqa: PLC0415 - an extra
    try:
        return Path(huggingface_hub.hf_hub_download(repository, file))
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise InputError(
            f"{repository}:{file}: no such file, and it cannot be downloaded from the Hugging Face Hub ({reason})"
        ) from error
