"""Writes image files, and places their pixels in the patient."""

WARNING = "not for diagnostic use"
