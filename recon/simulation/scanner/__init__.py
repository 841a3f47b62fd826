"""Simulated raw data of varied scanners, drawn on the fly from magnitude images."""
