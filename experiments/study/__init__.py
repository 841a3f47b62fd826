"""Implements `recon study`, which measures how short a protocol may get, in regions and over subjects."""
