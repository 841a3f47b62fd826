"""Decides what to do for a client: by the name of its configuration, or by parameters in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

from recon.data.errors import InputError, printable
from recon.data.masks.sampling import Sampling
from recon.experiments.engine.run import Runner
from recon.experiments.server.openrecon.console import read_console
from recon.experiments.server.openrecon.parameters import METHOD
from recon.experiments.server.resources import MethodCache

Task = Literal["reconstruct", "echo", "discard"]

DEFAULT_CONFIGS = {"", "default"}
"""Names that leave the choice of the method to the server."""

ECHO_CONFIGS = {"passthrough", "rawpassthrough", "echo"}
"""Names, without hyphens and underscores, that ask for everything back as it was sent."""

DISCARD_CONFIGS = {"null", "savedataonly"}
"""Names with which python-ismrmrd-server reads a stream and sends nothing back."""

LONGEST_NAME = 64
"""Number of characters of a client's name that a message quotes."""


@dataclass(frozen=True)
class Choice:
    """What a client wants.

    Attributes
    ----------
    task
        Whether to reconstruct, to send everything back, or to send nothing back.
    runner
        Method that reconstructs.
    note
        Sentence for the client, empty if it gets what it asked for.
    sampling
        How to leave out measured lines first; None to use all of them.
    """

    task: Task
    runner: Runner
    note: str = ""
    sampling: Sampling | None = None


@dataclass(frozen=True)
class Configurations:
    """The configurations that clients can choose.

    Attributes
    ----------
    methods
        Methods by name.
    fallback
        Whether the default method also serves clients that name an unknown configuration.
    """

    methods: MethodCache
    fallback: bool = False

    @property
    def default(self) -> Choice:
        """What clients get that choose nothing."""
        return Choice("reconstruct", self.methods.default)

    def choose(self, name: str) -> Choice:
        """Return what a name asks for.

        Parameters
        ----------
        name
            Name from an untrusted client; it is only compared with known names.

        Raises
        ------
        InputError
            If the name is unknown and there is no fallback.
        """
        name = name.strip()
        plain = name.lower().replace("-", "").replace("_", "")
        if name.lower() in DEFAULT_CONFIGS:
            return self.default
        if plain in ECHO_CONFIGS:
            return Choice("echo", self.methods.default, "everything is sent back as it came")
        if plain in DISCARD_CONFIGS:
            return Choice("discard", self.methods.default, "everything is read, and nothing is sent back")
        try:
            return Choice("reconstruct", self.methods.get(name))
        except InputError:
            if not self.fallback:
                raise
        quoted = printable(name, LONGEST_NAME)
        default = self.methods.default
        return Choice("reconstruct", default, f"the configuration {quoted!r} is unknown; {default.name} reconstructs")

    def refine(self, choice: Choice, parameters: dict[str, Any]) -> Choice:
        """Return a choice with the settings and the acceleration that were chosen at the scanner's console.

        Parameters
        ----------
        choice
            What the client chose before.
        parameters
            Values from an untrusted client, see `recon.experiments.server.openrecon.console`.

        Raises
        ------
        InputError
            If a value does not fit its parameter.
        """
        name = choice.runner.name
        chosen = read_console(parameters, name)
        runner = self.methods.get(name, chosen.settings) if chosen.settings else choice.runner
        note = f"{name}, {chosen}" if str(chosen) else ""
        return replace(choice, runner=runner, sampling=chosen.sampling, note=note)


def parameters_of(text: str) -> dict[str, Any] | None:
    """Return the parameters that a text of JSON holds, as OpenRecon and python-ismrmrd-server send them.

    Returns
    -------
    dict or None
        Values of the key `parameters`; None if the text is none of theirs.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    parameters = content.get("parameters") if isinstance(content, dict) else None
    return parameters if isinstance(parameters, dict) else None


def name_in(parameters: dict[str, Any]) -> str | None:
    """Return the name of the configuration among parameters; None if they leave it to the configuration's message."""
    for key in (METHOD, "customconfig", "config"):
        name = parameters.get(key)
        if isinstance(name, str) and name.strip():
            return name
    return None
