"""The weights that ship with the package, by name."""

from importlib.resources import files
from pathlib import Path


def folder() -> Path:
    """Tell where they lie, in a checkout as in an installed package."""
    return Path(str(files("recon.models.weights")))


def shipped_weights() -> dict[str, Path]:
    """List them: `NAME.safetensors` is called NAME, and has a card `NAME.json` and words for people in `NAME.md`."""
    return {path.stem: path for path in sorted(folder().glob("*.safetensors"))}
