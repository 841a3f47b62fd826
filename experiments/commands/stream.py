"""Reconstruction at the scanner, over MRD streams."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.experiments.commands.options import Checkpoint, Device, Formats, ImageOutput, Plugins, Preprocess, Settings

Host = Annotated[str, typer.Option(help="Address of the server.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port of the server.")]


commands = typer.Typer()


@commands.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 9002,
    method: Annotated[str, typer.Option(help="Used if a client's configuration names no other.")] = "varnet",
    settings: Settings = None,
    checkpoint: Checkpoint = None,
    plugins: Plugins = None,
    preprocess: Preprocess = "auto",
    device: Device = "auto",
    expose: Annotated[
        bool,
        typer.Option(
            "--expose",
            help="Allow an address that other machines reach. The protocol has no authentication: whoever reaches "
            "the port can use it; better tunnel to 127.0.0.1 by SSH or VPN.",
        ),
    ] = False,
    clients: Annotated[int, typer.Option(min=1, help="Clients served at once.")] = 8,
    queue: Annotated[int, typer.Option(min=0, help="Clients that may wait for their turn.")] = 8,
    idle: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for a client's next message.")] = 60.0,
    memory_gib: Annotated[float, typer.Option(min=0.01, help="Raw data in memory, all clients together.")] = 8.0,
) -> None:
    """Reconstruct what clients stream in MRD (ISMRMRD), each slice as soon as its last line has come.

    A client's configuration name picks a method; "default" leaves it to the server. Ctrl-C ends the server.

    Example: recon serve --host 127.0.0.1 --port 9002 --method varnet
    """
    from recon.experiments.commands.parse import build_method
    from recon.experiments.engine.device import pick_device
    from recon.experiments.engine.run import Runner
    from recon.experiments.server.serve import ServerLimits
    from recon.experiments.server.serve import serve as run
    from recon.experiments.server.session import SessionLimits
    from recon.preprocessing.steps import parse_steps

    limits = ServerLimits(clients, queue, int(memory_gib * 2**30), SessionLimits(idle=idle))
    built = build_method(method, settings or [], checkpoint, plugins)
    run(host, port, expose, Runner(method, built, pick_device(device)), limits, parse_steps(preprocess))


@commands.command()
def send(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Raw data of any known format.")],
    output: ImageOutput,
    host: Host = "127.0.0.1",
    port: Port = 9002,
    method: Annotated[str, typer.Option(help="Name of the configuration; the server chooses if not given.")] = "",
    formats: Formats = None,
) -> None:
    """Stream a file to an MRD server and write the images that come back.

    Example: recon send scan.mrd --host 127.0.0.1 --port 9002 --output images --format dicom
    """
    from recon.experiments.engine.image_files import parse_image_files
    from recon.experiments.server.send import send as run

    run(file, host, port, method, parse_image_files(output, formats))
