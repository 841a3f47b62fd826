"""Configuration of the documentation site: `make docs` builds it with warnings as errors."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "extensions"))

project = "unrolled-recon"
author = "The unrolled-recon authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name
release = version = installed_version("unrolled-recon")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "generated_reference",
]
exclude_patterns = ["_build", "gallery/*.rst", "gallery/*.py", "sg_execution_times.rst", "images"]
templates_path = ["templates"]
html_theme = "furo"
html_title = f"{project} {release}"
html_static_path: list[str] = []

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

smartquotes = False  # they turn --option into a dash
autosummary_generate = True
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": r"/\d\d_",
    "ignore_pattern": r"__init__\.py",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "min_reported_time": 0,
}
copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True
linkcheck_timeout = 20
