"""The commands that list what can be named elsewhere."""
