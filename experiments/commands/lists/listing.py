"""Run `recon methods` and `recon configs`: list names with one sentence each, or explain one."""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from recon.experiments.console import console, say
from recon.experiments.docstrings import attribute_texts, description
from recon.experiments.sections import find_config


def list_methods() -> None:
    """Print every method and every stage with the first sentence about it."""
    from recon.registry import create, create_stage, method_names, stage_names

    _print("method", [(name, _first(create(name))) for name in sorted(method_names())])
    _print("stage", [(f"+{name}", _first(create_stage(name))) for name in sorted(stage_names())])
    say("`recon methods NAME` explains one and its settings; a stage follows a method, as sense+gain")


def explain(name: str) -> None:
    """Print what a method or a stage does, and its settings with their defaults.

    Raises
    ------
    InputError
        If there is no such method; the message suggests the nearest one.
    """
    from recon.registry import create, create_stage, stage_names

    stage = name.removeprefix("+")
    chosen: Any = create_stage(stage) if stage in stage_names() else create(name)
    say(f"{name}: {description(type(chosen))}")
    if not is_dataclass(chosen):
        return
    settings = [one for one in fields(chosen) if one.init and not one.name.startswith("_")]
    if settings:
        meanings = attribute_texts(type(chosen))
        say("\nSettings, each given as --set KEY=VALUE:")
        for one in settings:
            say(f"  {one.name}{_default(one)}")
            if one.name in meanings:
                say(f"      {meanings[one.name]}")


def list_configs() -> None:
    """Print every training configuration that ships, with the comment that it begins with."""
    folder = files("recon.experiments.configs")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".yaml"))
    comments = [_comment(folder.joinpath(name).read_text("utf-8")) for name in names]
    _print("config", [(name.removesuffix(".yaml"), text) for name, text in zip(names, comments, strict=True)])
    say("`recon configs NAME` prints one; `recon train NAME data.train=FOLDER data.val=FOLDER` starts it")


def print_config(path: Path) -> None:
    """Print a configuration as it is in its file.

    Raises
    ------
    InputError
        If there is no such configuration; the message lists those that ship.
    """
    say(find_config(path).read_text(encoding="utf-8").rstrip())


def _print(heading: str, rows: list[tuple[str, str]]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(heading, no_wrap=True)
    table.add_column("what it does")
    for name, sentence in rows:
        table.add_row(Text(name), Text(sentence))
    console.print(table)


def _first(chosen: object) -> str:
    """Return the first paragraph about a class."""
    return " ".join(description(type(chosen)).partition("\n\n")[0].split())


def _comment(text: str) -> str:
    """Return the first sentence of the comment that a file begins with."""
    lines = re.match(r"(?:#.*\n)*", text)
    comment = " ".join(line.lstrip("# ") for line in (lines[0] if lines else "").splitlines())
    return re.split(r"(?<!et al)\.\s", comment)[0].rstrip(".")


def _default(one: Field[Any]) -> str:
    default = one.default if one.default_factory is MISSING else one.default_factory()
    if default is MISSING:
        return "=... (must be given)"
    return "=... (by default the method chooses)" if default is None else f"={default}"
