"""Reads image files of any origin, and writes images derived from them that keep their geometry and headers."""
