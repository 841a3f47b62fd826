"""Runs a fuzz target: what the program itself makes is changed byte by byte, led by the branches it takes."""

import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris

FOLDER = Path("build/fuzz")

LIMITS = {"timeout": 20, "rss_limit_mb": 2048}
"""Seconds and memory beyond which an input counts as a finding, for libFuzzer."""


def scratch(name: str) -> Path:
    """Make the folder of a target, for its corpus, its findings and its files."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fuzz(name: str, target: Callable[[bytes], None], seeds: Iterable[bytes], told: type[Exception]) -> None:
    """Fuzz until the time is up that the command line tells libFuzzer, or something is found.

    Parameters
    ----------
    name
        Of the target.
    target
        Takes bytes; anything it raises is a finding, warnings included, but for `told` in one line.
    seeds
        To begin with; what an earlier run found of interest is used as well.
    told
        How the target refuses its input.
    """

    def refuse(content: bytes) -> None:
        try:
            target(content)
        except told as error:
            if len(str(error).splitlines()) > 1:
                raise

    warnings.simplefilter("error")
    corpus = scratch(name) / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    limits = [f"-{limit}={value}" for limit, value in LIMITS.items()]
    atheris.Setup([*sys.argv, *limits, f"-artifact_prefix={scratch(name)}/", str(corpus)], refuse)
    atheris.Fuzz()
