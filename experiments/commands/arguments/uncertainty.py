"""Defines the option `--uncertainty` and the coverage that belongs to it."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from recon.data.errors import InputError

DEFAULT_COVERAGE = 0.9
"""Share of the pixels that conformal intervals cover by default."""


class Bounds(StrEnum):
    """Error that `--uncertainty` writes: standard deviations, or half-widths of intervals of a stated coverage."""

    SIGMA = "sigma"
    CONFORMAL = "conformal"


UNCERTAINTY = "--uncertainty"

Uncertainty = Annotated[
    Bounds | None,
    typer.Option(
        UNCERTAINTY,
        metavar="[sigma|conformal]",
        help="Also estimate the error of each pixel, from six more reconstructions: its standard deviation (sigma, "
        "the default), or with conformal the half-width of an interval about the image that contains the truth in "
        "the share --coverage of the pixels.",
    ),
]
Coverage = Annotated[
    float | None,
    typer.Option(help="Share of the pixels whose error --uncertainty conformal bounds; by default 0.9."),
]


class UncertaintyCommand(TyperCommand):
    """A command whose option `--uncertainty` means `sigma` if no value follows."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the missing value before the arguments are parsed, so that a file after the option stays a file."""
        words = iter(args)
        explicit: list[str] = []
        for word, following in zip(words, [*args[1:], ""], strict=False):
            explicit.append(word)
            if word == "--":
                break
            if word == UNCERTAINTY and following not in set(Bounds):
                explicit.append(Bounds.SIGMA)
        return super().parse_args(ctx, [*explicit, *words])


def parse_coverage(bounds: Bounds | None, coverage: float | None) -> float | None:
    """Return the share of the pixels that intervals should cover; None for standard deviations.

    Raises
    ------
    InputError
        If a coverage is given without conformal bounds, or does not lie between 0 and 1.
    """
    if bounds != Bounds.CONFORMAL:
        if coverage is not None:
            raise InputError("--coverage belongs to --uncertainty conformal")
        return None
    share = DEFAULT_COVERAGE if coverage is None else coverage
    if not 0 < share < 1:
        raise InputError(f"--coverage {share:g} is not between 0 and 1")
    return share
