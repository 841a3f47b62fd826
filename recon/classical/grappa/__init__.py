"""GRAPPA, for masks of lines and masks along both axes."""

from recon.classical.grappa import grappa

__all__ = ["grappa"]
