"""Define the arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

MASKS = (
    "available: random, equispaced, equispaced_fraction, magic; center and center_phase, which measure the centre of "
    "k-space alone, along both axes or along phase; kt-equispaced and kt-random, which measure other lines in each "
    "frame of a series; masks along lines limited to a centre, as random@2x2 to the central half of readout and "
    "phase; and masks along both axes, the phase encodings of a 3-D scan: poisson, regular and caipi, whose steps "
    "and shift may be named, as caipi:2x3:1"
)
WEIGHTS = "a file, a name that `recon weights` lists, or owner/repository:file on the Hugging Face Hub"

Inputs = Annotated[
    list[Path], typer.Argument(metavar="INPUT...", help="Raw-data files, or folders of raw-data files.")
]
Axes = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help="Names of the axes of a NumPy or MATLAB array in their order, for example 'readout phase coils slices'; "
        "available: averages, frames, echoes, slices, coils, readout, phase, and - for an axis of size 1.",
    ),
]
Variable = Annotated[str | None, typer.Option(help="Name of the array in a MATLAB file that holds several.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace existing files even if this program has not written them.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter of the method; may be repeated."),
]
Checkpoint = Annotated[
    str | None, typer.Option(help=f"Weights of a learned method, ours, fastMRI's or its authors': {WEIGHTS}.")
]
Device = Annotated[str, typer.Option(help="Device to compute on; available: auto, cpu, cuda.")]
Mask = Annotated[
    str,
    typer.Option(help=f"Mask that undersamples the scans; {MASKS}."),
]
CenterFraction = Annotated[
    float | None,
    typer.Option(
        help="Fully sampled share of the lines, by default 0.32 / acceleration; with masks along both axes of all "
        "samples, by default 0.08 / acceleration and at least 16 x 16."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of the masks; 0 gives fastMRI's own validation masks.")]

TunedFile = Annotated[
    Path | None,
    typer.Option(
        "--settings", help="YAML file from `recon tune`; settings are chosen by contrast and nearest acceleration."
    ),
]

ImageOutput = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="Folder for the images, or a file name ending in .h5, .nii.gz, .dcm or .png."
    ),
]
Formats = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Comma-separated image formats; available: h5, nifti, dicom (a file per image), enhanced-dicom (one "
        "file of all images), png. By default the output's suffix decides, and a folder gets h5.",
    ),
]
Preprocess = Annotated[
    str,
    typer.Option(
        metavar="STEP,...",
        help="Comma-separated steps to apply to the raw data first; available: prewhiten, remove_oversampling, "
        "virtual_coils=N, geometric_coils=N, pocs, homodyne, zero_pad; or auto, which prewhitens scans that have a "
        "noise scan and no target; or none.",
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
GFactor = Annotated[
    bool,
    typer.Option(
        "--g-factor",
        help="Write maps of the g-factor beside the images: their noise, as by --noise-map, over that of a full scan "
        "times the root of the acceleration.",
    ),
]
NoiseFloor = Annotated[
    bool,
    typer.Option(
        "--noise-floor/--no-noise-floor",
        help="Bring every image to the noise floor of a full scan, which scores compare with.",
    ),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin", metavar="FILE", help='Python file that adds methods by @register("name"); may be repeated.'
    ),
]

Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Number of processes on this machine that share the files; each computes with its share of the threads, "
        "and on a GPU of its own where there are several.",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", help="Running Dask scheduler whose workers share the files, as tcp://node1:8786."
    ),
]
PartOption = Annotated[
    str | None,
    typer.Option(
        "--part",
        metavar="K/N",
        help="Do the K-th of N parts of the work, as one of N runs at the same time; the same command without it, "
        "after all of them, completes the results.",
    ),
]
