"""Write the pages of the reference that follow from the code: commands, methods and configurations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml
from sphinx.application import Sphinx
from typer.main import get_command

from recon.experiments import configs
from recon.experiments.cli import app as recon_command
from recon.registry import create, method_names

FOLDER = "generated"


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for its sources."""
    app.connect("builder-inited", _write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write_pages(app: Sphinx) -> None:
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    pages: dict[str, Callable[[], Iterator[str]]] = {
        "commands": _commands,
        "methods": _methods,
        "configurations": _configurations,
    }
    for name, lines in pages.items():
        text = "\n".join(lines()) + "\n"
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _commands() -> Iterator[str]:
    """Describe every command of `recon`, its arguments and its options."""
    yield "# Commands\n"
    yield from _group("recon", get_command(recon_command))


def _group(prefix: str, group: Any) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        if not command.hidden:
            yield f"## {prefix} {name}\n"
            yield _plain(command.help)
            arguments = [one for one in command.params if one.param_type_name == "argument"]
            options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
            yield from _table("argument", arguments, lambda one: one.metavar or one.name.upper())
            yield from _table("option", options, lambda one: ", ".join([*one.opts, *one.secondary_opts]))
            if hasattr(command, "commands"):
                yield from _group(f"{prefix} {name}", command)


def _plain(text: str | None) -> str:
    """Return a help text as Markdown: rich's markup of options as code, examples in blocks."""
    paragraphs = re.sub(r"\[/?[a-z ]+\]", "", inspect.cleandoc(text or "").replace("\f", "")).split("\n\n")
    return (
        "\n\n".join(
            f"```text\n{one.removeprefix('Example: ')}\n```" if one.startswith("Example: ") else one
            for one in paragraphs
        )
        + "\n"
    )


def _table(title: str, parameters: list[Any], name: Callable[[Any], str]) -> Iterator[str]:
    if parameters:
        yield f"| {title} | meaning | default |\n|---|---|---|"
        for one in parameters:
            default = one.default if isinstance(one.default, str | int | float | Path) else ""
            yield f"| `{name(one)}` | {_cell(one.help or '')} | {f'`{default}`' if default != '' else ''} |"
        yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _methods() -> Iterator[str]:
    """Describe every registered method and its settings."""
    yield "# Methods\n"
    for name in method_names():
        method = create(name)
        yield f"## {name}\n"
        yield inspect.cleandoc(type(method).__doc__ or "").split("\n\nAttributes\n")[0] + "\n"
        if is_dataclass(method):
            yield "| setting | default |\n|---|---|"
            for one in fields(method):
                if one.init and not one.name.startswith("_"):
                    yield f"| `{one.name}` | {'' if one.default is MISSING else f'`{one.default}`'} |"
            yield ""


def _configurations() -> Iterator[str]:
    """Quote every configuration that ships, under the comment it begins with."""
    yield "# Configurations\n"
    yield "`recon train NAME` starts from one of these; `key=value` on the command line replaces a value.\n"
    for path in sorted(Path(inspect.getfile(configs)).parent.glob("*.yaml")):
        text = path.read_text()
        yaml.safe_load(text)
        yield f"## {path.stem}\n\n```yaml\n{text.strip()}\n```\n"
