"""Scores images against their targets."""
