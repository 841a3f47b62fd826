"""Reliability of an image: noise maps, g-factors, uncertainty."""
