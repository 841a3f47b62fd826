"""Writes image files, and places their pixels in the patient."""
