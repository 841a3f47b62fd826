"""Weights that ship with the package, each a safetensors file with a model card (JSON and Markdown)."""
