"""Runs a fuzz target on changed copies of valid inputs, guided by the branches that they reach."""

import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris

from recon.data.errors import InputWarning

FOLDER = Path("build/fuzz")

LIMITS = {"timeout": 20, "rss_limit_mb": 2048}
"""libFuzzer's limits of seconds and memory, beyond which an input counts as a finding."""


def scratch(name: str) -> Path:
    """Make the folder for the corpus, the findings and the files of a target."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fuzz(name: str, target: Callable[[bytes], None], seeds: Iterable[bytes], refusal: type[Exception]) -> None:
    """Fuzz for the time that the command line gives libFuzzer, or until there is a finding.

    Parameters
    ----------
    name
        Name of the target.
    target
        Function of bytes. Any exception or warning is a finding, except for a `refusal` of one line and what we say
        about odd inputs.
    seeds
        Inputs to start with, besides the corpus of earlier runs.
    refusal
        Exception by which the target refuses an input.
    """

    def refuse(content: bytes) -> None:
        try:
            target(content)
        except refusal as error:
            if len(str(error).splitlines()) > 1:
                raise

    warnings.simplefilter("error")
    warnings.simplefilter("ignore", InputWarning)
    corpus = scratch(name) / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    limits = [f"-{limit}={value}" for limit, value in LIMITS.items()]
    atheris.Setup([*sys.argv, *limits, f"-artifact_prefix={scratch(name)}/", str(corpus)], refuse)
    atheris.Fuzz()
