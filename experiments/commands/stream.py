"""Define the commands that reconstruct MRD streams at the scanner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.experiments.commands.arguments.completion import complete_method
from recon.experiments.commands.arguments.options import (
    Checkpoint,
    Device,
    Formats,
    ImageOutput,
    NoiseFloor,
    Overwrite,
    Plugins,
    Preprocess,
    Settings,
)

Host = Annotated[str, typer.Option(help="Address of the server.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port of the server.")]


PixelType = Annotated[
    str,
    typer.Option(
        help="Type of the pixels: int16 or uint16, with their scale in the attributes of each image; float32; or "
        "complex64, for methods that keep the phase."
    ),
]
Incomplete = Annotated[
    bool,
    typer.Option(
        "--incomplete", help="Send images also if announced lines are missing at the end of the measurement."
    ),
]


commands = typer.Typer()


@commands.command()
def serve(  # noqa: PLR0917 - options of a command
    host: Host = "127.0.0.1",
    port: Port = 9002,
    method: Annotated[
        str | None,
        typer.Option(
            help="Method for clients whose configuration does not name one, and for those whose configuration is "
            "unknown. Without this option the former get varnet, and the latter get a text instead of images.",
            autocompletion=complete_method,
        ),
    ] = None,
    settings: Settings = None,
    checkpoint: Checkpoint = None,
    plugins: Plugins = None,
    preprocess: Preprocess = "auto",
    noise_floor: NoiseFloor = False,
    device: Device = "auto",
    expose: Annotated[
        bool,
        typer.Option(
            "--expose",
            help="Allow an address that other machines can reach. The protocol has no authentication, so anyone who "
            "reaches the port can use the server; a tunnel to 127.0.0.1 by SSH or VPN is safer.",
        ),
    ] = False,
    clients: Annotated[int, typer.Option(min=1, help="Largest number of clients to serve at the same time.")] = 8,
    queue: Annotated[int, typer.Option(min=0, help="Largest number of clients that may wait.")] = 8,
    idle: Annotated[
        float,
        typer.Option(min=0.1, help="Seconds to wait for a client's next message before closing the connection."),
    ] = 60.0,
    image_type: PixelType = "int16",
    incomplete: Incomplete = False,
    memory_gib: Annotated[
        float, typer.Option(min=0.01, help="Largest amount of raw data in memory, in GiB, of all clients together.")
    ] = 8.0,
) -> None:
    """Reconstruct raw data that clients stream in MRD (ISMRMRD), each image as soon as its lines are complete.

    A client's configuration name selects the method; "default" selects the server's. Ctrl-C stops the server.

    Example: recon serve --host 127.0.0.1 --port 9002 --method varnet
    """
    from recon.data.stream.pixels import parse_image_type
    from recon.experiments.commands.arguments.methods import build_method, parse_settings
    from recon.experiments.engine.device import pick_device
    from recon.experiments.engine.run import Runner
    from recon.experiments.server.answer import ServerOptions
    from recon.experiments.server.serve import ServerLimits
    from recon.experiments.server.serve import serve as run
    from recon.experiments.server.session import SessionLimits
    from recon.preprocessing.steps import parse_steps

    limits = ServerLimits(clients, queue, int(memory_gib * 2**30), SessionLimits(idle=idle))
    name = method or "varnet"
    built = build_method(name, settings, checkpoint, plugins)
    given = parse_settings(settings, checkpoint)
    options = ServerOptions(parse_image_type(image_type), method is not None, incomplete, given)
    run(
        host,
        port,
        expose,
        Runner(name, built, pick_device(device), floor=noise_floor),
        limits,
        parse_steps(preprocess),
        options,
    )


@commands.command()
def send(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Raw-data file in any supported format.")],
    output: ImageOutput,
    host: Host = "127.0.0.1",
    port: Port = 9002,
    method: Annotated[
        str,
        typer.Option(
            help="Configuration name to send; by default the server chooses the method.",
            autocompletion=complete_method,
        ),
    ] = "",
    console: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Choose a parameter of an OpenRecon label as the scanner's console does; may be repeated.",
        ),
    ] = None,
    formats: Formats = None,
    overwrite: Overwrite = False,
) -> None:
    """Stream a file to an MRD server and write the images that come back.

    Example: recon send scan.mrd --host 127.0.0.1 --port 9002 --output images --format dicom
    """
    from recon.experiments.commands.arguments.methods import parse_settings
    from recon.experiments.engine.results.image_files import parse_image_files
    from recon.experiments.server.send import send as run

    files = parse_image_files(output, formats, overwrite)
    run(file, host, port, method, files, console_choice=parse_settings(console))


@commands.command()
def stream(
    method: Annotated[
        str | None,
        typer.Option(
            help="Method, unless the stream's own configuration names another one; by default varnet.",
            autocompletion=complete_method,
        ),
    ] = None,
    settings: Settings = None,
    checkpoint: Checkpoint = None,
    plugins: Plugins = None,
    preprocess: Preprocess = "auto",
    noise_floor: NoiseFloor = False,
    device: Device = "auto",
    image_type: PixelType = "int16",
    incomplete: Incomplete = False,
    memory_gib: Annotated[float, typer.Option(min=0.01, help="Largest amount of raw data in memory, in GiB.")] = 8.0,
) -> None:
    """Reconstruct a stream of MRD (ISMRMRD) or MRD 2 from standard input, and write its images to standard output.

    Standard output carries the header, the images and nothing else, in the format of the input; texts go to standard
    error.

    Example: recon stream --method varnet < raw > images
    """
    from recon.data.stream.pixels import parse_image_type
    from recon.experiments.commands.arguments.methods import build_method, parse_settings
    from recon.experiments.engine.device import pick_device
    from recon.experiments.engine.run import Runner
    from recon.experiments.server.answer import ServerOptions
    from recon.experiments.server.pipe import pipe, standard_streams
    from recon.preprocessing.steps import parse_steps

    with standard_streams() as (source, sink):
        name = method or "varnet"
        built = build_method(name, settings, checkpoint, plugins)
        given = parse_settings(settings, checkpoint)
        options = ServerOptions(parse_image_type(image_type), method is not None, incomplete, given)
        runner = Runner(name, built, pick_device(device), floor=noise_floor)
        pipe(source, sink, runner, int(memory_gib * 2**30), parse_steps(preprocess), options)
