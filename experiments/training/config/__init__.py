"""Training configurations: YAML files, overrides and validation."""
