"""Anatomy of the phantom: tissues painted over each other, each a body whose depth below its surface is known."""
