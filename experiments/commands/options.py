"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Inputs = Annotated[list[Path], typer.Argument(metavar="INPUT...", help="Raw-data files, or folders of them.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting; may be repeated.")]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        help="Weights of a learned method, ours or fastMRI's: a file, a name of `recon weights`, or "
        "owner/repository:file of the Hugging Face Hub."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Mask = Annotated[str, typer.Option(help="random, equispaced, equispaced_fraction or magic, as fastMRI defines them.")]
CenterFraction = Annotated[
    float | None, typer.Option(help="Fully sampled share of the lines; 0.32 / acceleration if not given.")
]
Seed = Annotated[int, typer.Option(help="0 draws fastMRI's own validation masks; another number other masks.")]

TunedFile = Annotated[
    Path | None,
    typer.Option("--settings", help="YAML of `recon tune`: settings by contrast and nearest acceleration."),
]

ImageOutput = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for the images; or a file: .h5, .nii.gz, .dcm, .png.")
]
Formats = Annotated[
    str | None,
    typer.Option("--format", help="h5, nifti, dicom, png, comma-separated; told by the output's name, else h5."),
]
Preprocess = Annotated[
    str,
    typer.Option(
        metavar="STEP,...",
        help="Steps before all else: prewhiten, remove_oversampling, virtual_coils=N, geometric_coils=N, pocs, "
        "homodyne, zero_pad; "
        "auto prewhitens by the noise scan where there is one and no target; none.",
    ),
]
Uncertainty = Annotated[
    bool,
    typer.Option(
        "--uncertainty",
        help="Tell how sure the images are: one standard deviation of their error, from six more reconstructions.",
    ),
]
NoiseMap = Annotated[
    bool,
    typer.Option(
        "--noise-map",
        help="Write maps of the noise beside the images: one standard deviation, by the method's formula if it has "
        "one, else from 32 reconstructions with added noise.",
    ),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin", metavar="FILE", help='Python file that adds methods by @register("name"); may be repeated.'
    ),
]
