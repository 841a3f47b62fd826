"""Define the commands that check whether results can be repeated, and whether data sets are apart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.experiments.commands.arguments.options import WEIGHTS, Plugins

commands = typer.Typer()


@commands.command()
def verify(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Folders that `recon compare` wrote, of one protocol.")
    ],
    *,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Repeat only so many rows of each table, chosen at random.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of this choice; the same rows on every machine.")] = 0,
    tolerance: Annotated[
        float,
        typer.Option(help="Largest difference of images, relative to the largest value, that rounding may explain."),
    ] = 5e-4,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Folder or file of raw data, if they are not where they were; may be repeated."),
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(help=f"Weights of a learned method that do not ship; may be repeated: {WEIGHTS}."),
    ] = None,
    plugins: Plugins = None,
    device: Annotated[
        str, typer.Option(help="Device to compute on; available: recorded, auto, cpu, cuda.")
    ] = "recorded",
    report: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the outcome as JSON.")] = None,
    merge: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write one table of several RESULTS there, if nothing differs."),
    ] = None,
) -> None:
    """Repeat a stored comparison, and say of each volume and method whether the numbers come out again.

    Images are bit-equal, close within the tolerance of rounding (with the versions that changed), or differ. Raw data
    and masks are compared by their hashes, scores are computed again, and definitions of metrics compared. Tables of
    different protocols are refused. Exit code 0: it comes out again; 1: something differs; 2: bad input.

    Example: recon verify comparison --sample 10
    """
    from recon.experiments.commands.arguments.methods import load_plugins
    from recon.experiments.comparability.rebuild import Sources
    from recon.experiments.comparability.verify import Verification
    from recon.experiments.comparability.verify import verify as run

    load_plugins(plugins)
    sources = Sources(tuple(data or ()), tuple(checkpoint or ()), device)
    run(results, Verification(sources, sample, seed, tolerance), report, merge)


@commands.command()
def audit(
    sets: Annotated[
        list[str],
        typer.Argument(
            metavar="[CONFIG.yaml] data.train=... data.val=... data.test=...",
            help="Files and folders of the sets, a path or a list as for `recon train`; or its configuration.",
        ),
    ],
    report: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the faults as JSON.")] = None,
) -> None:
    """Find in training, validation and test data what makes scores too good, by content and not by names.

    Volumes or slices in two sets, also rescaled, converted or turned copies; one patient in two sets; k-space that
    was cropped before masks are drawn; maxima by slice instead of volume; slices, lines or files that are there
    twice.
    Exit code 0: nothing was found; 1: a fault was found; 2: bad input.

    Example: recon audit data.train=multicoil_train data.val=multicoil_val
    """
    from recon.experiments.comparability.audit import audit as run
    from recon.experiments.comparability.audit import parse_sets

    run(parse_sets(sets), report)
