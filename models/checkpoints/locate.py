"""From what a person calls a checkpoint to a file: a path, weights that ship, a repository of Hugging Face's Hub."""

from __future__ import annotations

import re
from pathlib import Path

import huggingface_hub

from recon.data.errors import InputError, did_you_mean
from recon.models.checkpoints.shipped import shipped_weights

ON_THE_HUB = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(:(?P<file>[\w./-]+))?")
CUSTOMARY = "model.safetensors"
"""What the weights of a repository are called, if nobody says otherwise."""

ENDINGS = {".safetensors", ".pt", ".pth", ".ckpt", ".torch"}
"""Of files of weights: no repository is meant by such a name."""


def locate(checkpoint: str | Path) -> Path:
    """Find the file of weights; one of the Hub is downloaded, once, and nothing in it is executed.

    Parameters
    ----------
    checkpoint
        A file, the name of weights that ship, or `owner/repository:file` of the Hugging Face Hub; `:file` may be left
        out if it is `model.safetensors`.

    Raises
    ------
    InputError
        If there is none of them.
    """
    path, words = Path(checkpoint), str(checkpoint)
    if path.is_file():
        return path
    if path.is_dir():
        raise InputError(f"{words}: is a folder; name a file of weights in it")
    known = shipped_weights()
    if words in known:
        return known[words]
    found = ON_THE_HUB.fullmatch(words)
    if found is None or (found["file"] is None and path.suffix in ENDINGS):
        nearest = did_you_mean(words, known)
        raise InputError(f"{words}: there is no such checkpoint file, nor do such weights ship{nearest}")
    return _download(found["repository"], found["file"] or CUSTOMARY)


def _download(repository: str, file: str) -> Path:
    try:
        return Path(huggingface_hub.hf_hub_download(repository, file))
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise InputError(
            f"{repository}: is neither a file here nor a repository from which {file} can be had now ({reason}); "
            "another file is named as owner/repository:file"
        ) from error
