"""Training configs: their fields, their checks, and how they are read from YAML files."""
